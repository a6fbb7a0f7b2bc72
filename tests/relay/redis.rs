//! A stream of Redis as a sink, and between two relays.

use std::io::{BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{mpsc, Arc};
use std::time::Duration;

use falco_client::relay::Relay;
use falco_client::{Alert, Config};

use crate::common::posting::{message, Poster};
use crate::common::recordings;
use crate::common::redis::RedisServer;
use crate::common::{number, until};
use crate::{line, listening, poster, Rig, LIMIT};

fn post(poster: &mut Poster, numbers: std::ops::Range<usize>) {
    for number in numbers {
        assert_eq!(poster.post(&line(number)).unwrap(), 200);
    }
}

#[test]
fn each_line_is_an_entry_byte_for_byte_and_comes_out_of_another_relay_as_it_was() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let rig = Rig::set_up();
    let lines = recordings().join("dummy_json.jsonl");
    let source = Config::new(format!("file://{}", lines.display()));
    let relay = Relay::builder()
        .from(source)
        .to(redis.stream("").parse().unwrap())
        .start()
        .unwrap();
    let written = std::fs::read(&lines).unwrap();
    let count = written.iter().filter(|&&byte| byte == b'\n').count();
    until("all are there", || redis.values().len() == count);
    assert!(redis.values().join(&b'\n') == written.trim_ascii_end());
    assert_eq!(relay.stop(Duration::from_secs(60)), 0);

    let out = rig.path("out.jsonl");
    let relay = Relay::builder()
        .from(Config::new(redis.stream("?group=out")))
        .to(out.to_str().unwrap().parse().unwrap())
        .spool(rig.path("spool"))
        .start()
        .unwrap();
    let is_out = || std::fs::read(&out).unwrap_or_default() == written;
    until("all are out again", is_out);
    assert_eq!(relay.stop(Duration::from_secs(60)), 0);
    assert_eq!(redis.pending("out"), 0);
}

#[test]
fn a_sink_that_is_down_or_full_holds_alerts_back_and_says_so() {
    let Some(mut redis) = RedisServer::start() else {
        return;
    };
    let sink: falco_client::relay::Sink = redis.stream("").parse().unwrap();
    let found = |sink: &falco_client::relay::Sink| {
        let findings = sink.check();
        findings
            .into_iter()
            .map(|it| it.to_string())
            .collect::<Vec<_>>()
            .join("; ")
    };
    assert!(
        found(&sink).contains("entries may be added to the stream alerts"),
        "{}",
        found(&sink)
    );
    let relay = listening().to(sink.clone()).start().unwrap();
    let mut falco = poster(&relay);
    let failing = |part: &str| {
        let failing = relay.status().sinks[0].failing.clone();
        failing.is_some_and(|failing| failing.contains(part))
    };
    // A server that is killed before it has answered gets the same again.
    let are_there = |redis: &RedisServer, count: usize| {
        let is_answered = relay.status().spooled == 0;
        is_answered && redis.values().len() == count
    };
    post(&mut falco, 0..10);
    until("they are there", || are_there(&redis, 10));

    redis.kill();
    post(&mut falco, 10..20);
    until("it says so", || failing("see whether Redis is running"));
    redis.restart();
    until("they are there", || are_there(&redis, 20));

    redis.run::<String>(&["CONFIG", "SET", "maxmemory", "1"]);
    post(&mut falco, 20..30);
    until("it says so", || failing("raise its maxmemory"));
    assert!(
        found(&sink).contains("raise its maxmemory"),
        "{}",
        found(&sink)
    );
    redis.run::<String>(&["CONFIG", "SET", "maxmemory", "0"]);
    until("they are there", || are_there(&redis, 30));

    redis.run::<String>(&["RENAME", "alerts", "others"]);
    redis.run::<String>(&["SET", "alerts", "no stream"]);
    post(&mut falco, 30..40);
    until("it says so", || failing("the key is no stream"));
    redis.run::<String>(&["RENAME", "others", "alerts"]);
    until("they are there", || are_there(&redis, 40));
    let expected: Vec<_> = (0..40).map(|number| line(number).into_bytes()).collect();
    assert!(redis.values() == expected, "each once, in order");
    assert_eq!(relay.stop(Duration::from_secs(60)), 0);
}

#[test]
fn a_stream_is_kept_short_where_that_is_asked_for() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let relay = listening()
        .to(redis.stream("?maxlen=200").parse().unwrap())
        .start()
        .unwrap();
    let mut falco = poster(&relay);
    post(&mut falco, 0..1000);
    until("the last is there", || {
        redis.values().last() == Some(&line(999).into_bytes())
    });
    let kept = redis.values().len();
    assert!((200..1000).contains(&kept), "{kept} are kept");
    drop(relay);
}

#[test]
fn a_stream_that_is_source_and_sink_is_refused_and_another_is_not() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let start = |from: &str, to: &str| {
        let relay = Relay::builder().from(Config::new(from));
        relay.to(to.parse().unwrap()).start()
    };
    let stream = redis.stream("");
    let same = format!("redis://localhost:{}/alerts?maxlen=9", redis.port);
    let error = start(&format!("{stream}?group=g"), &same).unwrap_err();
    assert!(error.to_string().contains("round for ever"), "{error}");
    let _relay = start(&stream, &stream.replace("alerts", "others")).unwrap();
    redis.add(0..1);
    let length = || redis.run::<usize>(&["XLEN", "others"]);
    until("it is there", || length() == 1);
    for (to, part) in [
        ("redis://u:hush@h/s?group=g", "the option group"),
        ("redis://u:hush@h", "names no stream"),
    ] {
        let error = to.parse::<falco_client::relay::Sink>().unwrap_err();
        let error = error.to_string();
        assert!(error.contains(part) && !error.contains("hush"), "{error}");
    }
}

/// A relay in a process of its own, without a spool.
fn without_a_spool(from: &str, to: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_falco-client"))
        .args(["relay", "--from", from, "--to", to, "--close-within", "60"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_relay_without_a_spool_that_is_killed_loses_nothing_that_its_sink_has_not_taken() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    redis.add(0..20);
    // A sink that is at home, and takes the first ten only.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (came, coming) = mpsc::channel();
    let takes_all = Arc::new(AtomicBool::new(false));
    let opens = takes_all.clone();
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let mut stream = BufReader::new(stream);
            while let Ok(Some((_, body))) = message(&mut stream) {
                let number = number(&Alert::from_json(&String::from_utf8(body).unwrap()).unwrap());
                let takes = number < 10 || opens.load(Ordering::SeqCst);
                let status = if takes { "200 Ok" } else { "503 No" };
                let _ = came.send((number, takes));
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
                if stream.get_mut().write_all(answer.as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    let from = redis.stream("?group=g&consumer=c");
    let mut relay = without_a_spool(&from, &url);
    while coming.recv_timeout(LIMIT).unwrap() != (10, false) {}
    // What the sink has taken is acknowledged, and by then the rest would be as well.
    until("ten are acknowledged", || redis.pending("g") == 10);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(redis.pending("g"), 10);
    relay.kill().unwrap();
    relay.wait().unwrap();
    takes_all.store(true, Ordering::SeqCst);
    while coming.try_recv().is_ok() {}
    let mut relay = without_a_spool(&from, &url);
    for expected in 10..20 {
        assert_eq!(coming.recv_timeout(LIMIT).unwrap(), (expected, true));
    }
    until("all are acknowledged", || redis.pending("g") == 0);
    // It ends in order without waiting for its limit.
    let pid = rustix::process::Pid::from_child(&relay);
    let begin = std::time::Instant::now();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(relay.wait().unwrap().success());
    assert!(begin.elapsed() < Duration::from_secs(30));
}
