//! More peers than connections are allowed.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use falco_client::{Client, Config, Endpoint, Tls};

use super::hostile::{answer_to, status};
use super::Listening;
use crate::common::certificates::Certificates;
use crate::common::posting::Poster;
use crate::common::{line, until, LIMIT};

/// The answer to a post on a new connection, which ends.
fn answer_to_new(address: &str, text: &str) -> String {
    let mut falco = Poster::connect(address).unwrap();
    falco.send(text).unwrap();
    let mut stream = BufReader::new(falco.stream());
    stream.get_ref().set_read_timeout(Some(LIMIT)).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn assert_is_no_room(answer: &str) {
    let head = answer.to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 503 "), "{answer}");
    assert!(head.contains("\r\nretry-after: 5\r\n"), "{answer}");
    assert!(head.contains("\r\nconnection: close\r\n"), "{answer}");
}

#[test]
fn who_has_posted_keeps_its_connection_and_loses_no_answer_while_others_are_turned_away() {
    const MOST: usize = 8;
    const EACH: usize = 200;
    let mut listening = Listening::with(|config| config.max_connections(MOST));
    let mut falcos: Vec<Poster> = (0..MOST).map(|_| listening.poster()).collect();
    for (number, falco) in falcos.iter_mut().enumerate() {
        assert_eq!(falco.post(&line(number)).unwrap(), 200);
    }
    let address = listening.address();
    let posted = AtomicBool::new(false);
    let turned_away = thread::scope(|scope| {
        let others: Vec<_> = (0..3 * MOST)
            .map(|_| {
                scope.spawn(|| {
                    let mut count = 0;
                    while count < 3 || !posted.load(Ordering::Relaxed) {
                        assert_is_no_room(&answer_to_new(&address, &line(1_000_000)));
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        let kept: Vec<_> = (0..)
            .zip(&mut falcos)
            .map(|(number, falco)| {
                scope.spawn(move || {
                    for turn in 1..EACH {
                        let text = line(turn * MOST + number);
                        assert_eq!(falco.post(&text).unwrap(), 200);
                    }
                })
            })
            .collect();
        for one in kept {
            one.join().unwrap();
        }
        posted.store(true, Ordering::Relaxed);
        others.into_iter().map(|one| one.join().unwrap()).sum()
    });
    let taken: BTreeSet<_> = (0..MOST * EACH).map(|_| listening.number()).collect();
    assert!(taken.into_iter().eq(0..MOST * EACH), "each once");
    until("each is counted", || {
        let refused = listening.alerts.counters().refused;
        assert!(refused <= turned_away);
        refused == turned_away
    });
    // One leaves, and there is room.
    drop(falcos.pop());
    let mut late = None;
    until("there is room", || {
        let mut falco = listening.poster();
        let is_in = falco.post(&line(7)).unwrap() == 200;
        late = is_in.then_some(falco);
        is_in
    });
    assert_eq!(listening.number(), 7);
    for falco in falcos.iter_mut().chain(&mut late) {
        assert_eq!(falco.post(&line(8)).unwrap(), 200, "the others stay");
        assert_eq!(listening.number(), 8);
    }
}

#[test]
fn a_probe_is_answered_when_all_connections_are_taken() {
    let listening = Listening::with(|config| config.max_connections(1));
    let mut falco = listening.poster();
    assert_eq!(falco.post(&line(0)).unwrap(), 200);
    for _ in 0..100 {
        let answer = answer_to(&listening, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(status(&answer), "200");
        assert!(answer.to_ascii_lowercase().contains("connection: close"));
    }
    assert_eq!(listening.alerts.counters().refused, 0);
    // A body that waits for leave is told at once.
    let waiting = b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n";
    assert_is_no_room(&answer_to(&listening, waiting));
    assert_eq!(falco.post(&line(1)).unwrap(), 200);
}

#[test]
fn silent_ones_that_find_no_room_keep_nobody_from_being_told() {
    let listening = Listening::with(|config| config.max_connections(1));
    let mut falco = listening.poster();
    assert_eq!(falco.post(&line(0)).unwrap(), 200);
    let silent: Vec<_> = (0..300)
        .map(|_| TcpStream::connect(listening.address()).unwrap())
        .collect();
    assert_is_no_room(&answer_to_new(&listening.address(), &line(1)));
    assert_eq!(falco.post(&line(2)).unwrap(), 200);
    drop(silent);
}

#[test]
fn over_tls_the_one_too_many_is_told_as_well() {
    let certificates = Certificates::for_names(&["localhost"]);
    let [ca, cert, key] = certificates.server_files();
    let config = Config::new("listen+https://localhost:0")
        .tls(Tls::server_from_files(cert, key))
        .max_connections(1);
    let client = Client::new(config).unwrap();
    let Endpoint::Listen { port, .. } = *client.endpoint() else {
        panic!("{}", client.endpoint())
    };
    let _alerts = client.subscribe().unwrap();
    let mut falco = Command::new("openssl")
        .args(["s_client", "-quiet", "-connect"])
        .arg(format!("localhost:{port}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut answers = BufReader::new(falco.stdout.take().unwrap());
    let mut post = || {
        let text = line(0);
        let length = text.len();
        let request = format!("POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{text}");
        let input = falco.stdin.as_mut().unwrap();
        input.write_all(request.as_bytes()).unwrap();
        let mut first = String::new();
        while !first.starts_with("HTTP/1.1 ") {
            first.clear();
            assert_ne!(answers.read_line(&mut first).unwrap(), 0);
        }
        assert!(first.starts_with("HTTP/1.1 200"), "{first}");
    };
    post();
    for _ in 0..20 {
        let answer = super::tls::post(port, &ca, &[]).unwrap();
        assert_eq!(answer, "all connections are taken\n503");
    }
    post();
    falco.kill().unwrap();
    falco.wait().unwrap();
}

#[test]
fn without_a_number_half_of_the_open_files_are_for_connections() {
    let mut watch = Command::new("sh")
        .args(["-c", "ulimit -n 80; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_falco-client"))
        .args(["watch", "--endpoint", "listen+http://127.0.0.1:0"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(watch.stderr.take().unwrap()).lines();
    let address = said.by_ref().map(Result::unwrap).find_map(|line| {
        let (_, rest) = line.split_once("listen+http://")?;
        rest.split(' ').next().map(str::to_owned)
    });
    let address = address.expect("it says where it listens");
    let mut falcos: Vec<_> = (0..40)
        .map(|_| Poster::connect(&address).unwrap())
        .collect();
    for falco in &mut falcos {
        assert_eq!(falco.post(&line(0)).unwrap(), 200);
    }
    assert_is_no_room(&answer_to_new(&address, &line(1)));
    let refused = said
        .map(Result::unwrap)
        .find(|line| line.contains("refused"));
    let refused = refused.expect("it says so");
    assert!(
        refused.contains("all connections are taken; if it is a Falco"),
        "{refused}"
    );
    for falco in &mut falcos {
        assert_eq!(falco.post(&line(2)).unwrap(), 200);
    }
    watch.kill().unwrap();
    watch.wait().unwrap();
}
