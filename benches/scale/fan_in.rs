//! Many Falcos that post to some relays, which write to one stream of Redis that one reader follows.

use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use falco_client::Client;

use crate::machine::{self, share, used};
use crate::part::Part;
use crate::posts::{command, Running, MEASURED, SETTLE};
use crate::LIMIT;

pub fn measure(senders: usize, relays: usize) {
    machine::print();
    let folder = tempfile::tempdir().unwrap();
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let redis = redis(port, folder.path());
    let stream = format!("redis://127.0.0.1:{port}/alerts");
    let running: Vec<_> = (0..relays)
        .map(|at| {
            let spool = folder.path().join(at.to_string());
            let from = ["relay", "--from", "listen+http://127.0.0.1:0"];
            let to = ["--to", &stream, "--spool", spool.to_str().unwrap()];
            command(&[from.as_slice(), &to].concat())
        })
        .collect();
    let read = Arc::new(AtomicU64::new(0));
    let count = read.clone();
    let alerts = Client::open(&format!("{stream}?group=g&consumer=a")).unwrap();
    let mut alerts = alerts.subscribe().unwrap();
    let handle = alerts.handle();
    let reader = thread::spawn(move || {
        while let Ok(alert) = alerts.recv() {
            alert.unwrap();
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    let each = (senders / relays).to_string();
    let mut peers: Vec<_> = running
        .iter()
        .map(|(_, address)| Part::start(&["part-peers", address, &each]))
        .collect();
    sleep(SETTLE);
    let own = std::process::id();
    let now = || -> Vec<_> {
        let ids = running.iter().map(|(relay, _)| relay.0.id());
        ids.chain([redis.0.id(), own]).map(used).collect()
    };
    let before = now();
    sleep(MEASURED);
    let after = now();
    let ended: Vec<_> = peers.iter_mut().map(|peers| peers.ask("end")).collect();
    let sum = |at: usize| ended.iter().map(|numbers| numbers[at]).sum::<f64>();
    let worst = |at: usize| ended.iter().map(|numbers| numbers[at]).fold(0.0, f64::max);
    // What was posted before the measured time is read as well.
    let paces = (SETTLE + MEASURED).as_secs() as f64;
    let posted = ended.len() as f64 * each.parse::<f64>().unwrap() * paces;
    let begin = Instant::now();
    while (read.load(Ordering::Relaxed) as f64) < posted - sum(1) - sum(2) {
        assert!(
            begin.elapsed() < LIMIT,
            "{} of {posted} came",
            read.load(Ordering::Relaxed)
        );
        sleep(Duration::from_millis(10));
    }
    let behind = begin.elapsed();
    handle.close();
    reader.join().unwrap();
    let both = before.iter().zip(&after);
    let shares: Vec<_> = both.map(|(one, two)| share(*one, *two, MEASURED)).collect();
    println!(
        "{} senders at 1 alert/s, {relays} relays with spools, one stream of Redis, one reader",
        ended.len() * each.parse::<usize>().unwrap()
    );
    println!(
        "posted {:.0} alerts/s; cut {:.0}, refused {:.0}; answered within p50 {:.1} ms, p99 {:.1} ms, {:.1} ms at most (of the worst relay)",
        sum(0) / MEASURED.as_secs_f64(),
        sum(1),
        sum(2),
        worst(3),
        worst(4),
        worst(5),
    );
    println!(
        "read {} alerts of {posted:.0}, the last {:.1} s after the last post",
        read.load(Ordering::Relaxed),
        behind.as_secs_f64()
    );
    let memory: f64 = after[..relays].iter().map(|used| used.memory).sum();
    println!(
        "CPU in percent of a core: relays {:.1} each, Redis {:.1}, reader {:.1}; memory of a relay {:.1} MiB",
        shares[..relays].iter().sum::<f64>() / relays as f64,
        shares[relays],
        shares[relays + 1],
        memory / relays as f64,
    );
}

fn redis(port: u16, folder: &std::path::Path) -> Running {
    let started = Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
        .args(["--save", "", "--appendonly", "yes", "--dir"])
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is needed");
    let begin = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begin.elapsed() < LIMIT, "redis-server does not listen");
        sleep(Duration::from_millis(10));
    }
    Running(started)
}
