//! Peers that are out to stop a port where alerts are posted, while a Falco posts.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use crate::common::posting::Poster;
use crate::load::alert;
use crate::{grouped, report, scale, Random};

/// How many connections the attackers keep open. The long form needs `ulimit -n` of 20,000.
fn crowd() -> usize {
    scale(500, 10_000)
}

/// What one of them begins with.
fn opening(kind: u64, random: &mut Random) -> Vec<u8> {
    match kind {
        // Silent.
        0 => Vec::new(),
        // A head without end, that goes on now and then.
        1 => b"POST / HTTP/1.1\r\nX: ".to_vec(),
        2 => b"POST / HTTP/1.1\r\nContent-Length: 1073741824\r\n\r\n{\"rule\":\"".to_vec(),
        3 => b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n".to_vec(),
        4 => b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n;;zz\r\n0\r\n0\r\n".to_vec(),
        5 => [b"POST / HTTP/1.1\r\nX: ".to_vec(), vec![b'a'; 15_000]].concat(),
        _ => (0..500).map(|_| random.number() as u8).collect(),
    }
}

#[test]
fn posted_abuse() {
    // The usual limit of open files, which decides how many connections there may be.
    let mut watch = Command::new("sh")
        .args(["-c", "ulimit -n 1024; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_falco-client"))
        .args(["watch", "--endpoint", "listen+http://127.0.0.1:0"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(watch.stderr.take().unwrap()).lines();
    let address = said
        .by_ref()
        .map(Result::unwrap)
        .find_map(|line| {
            let (_, rest) = line.split_once("listen+http://")?;
            rest.split(' ').next().map(str::to_owned)
        })
        .unwrap();
    thread::spawn(move || said.for_each(drop));
    let (enough, many) = scale((5_000, 1_500), (100_000, 30_000));
    let shown = BufReader::new(watch.stdout.take().unwrap()).lines();
    let reader = thread::spawn(move || {
        let mut count = 0;
        for line in shown {
            assert_eq!(line.unwrap(), alert(0, count).falco_json().to_string());
            count += 1;
        }
        count
    });
    let (stop, made) = (AtomicBool::new(false), AtomicU64::new(0));
    let (posted, peak) = thread::scope(|scope| {
        // Also when this thread panics, or the scope would wait for the attackers for ever.
        let stop_at_end = StopAtEnd(&stop);
        let attack = scope.spawn(|| {
            let mut random = Random::seeded();
            let mut open = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                if let Ok(mut peer) = TcpStream::connect(&address) {
                    let _ = peer.write_all(&opening(random.below(7), &mut random));
                    open.push(peer);
                    made.fetch_add(1, Ordering::Relaxed);
                }
                if open.len() >= crowd() {
                    let one = random.below(open.len() as u64) as usize;
                    let _ = open[one].write_all(b"a");
                    open.swap_remove(random.below(open.len() as u64) as usize);
                }
            }
        });
        let (mut falco, mut posted) = (Poster::connect(&address).unwrap(), 0);
        while posted < enough || made.load(Ordering::Relaxed) < many {
            assert_eq!(
                falco
                    .post(&alert(0, posted).falco_json().to_string())
                    .unwrap(),
                200
            );
            posted += 1;
        }
        drop(stop_at_end);
        attack.join().unwrap();
        (posted, peak(watch.id()))
    });
    let id = watch.id().to_string();
    assert!(Command::new("kill")
        .args(["-INT", &id])
        .status()
        .unwrap()
        .success());
    assert_eq!(reader.join().unwrap(), posted);
    assert!(watch.wait().unwrap().success());
    report(&format!(
        "{} alerts posted over one connection beside {} of attackers, up to {} open at once: all \
         taken, in order; {} MiB at most",
        grouped(posted),
        grouped(made.into_inner()),
        grouped(crowd() as u64),
        peak / 1024
    ));
    assert!(peak < 200 * 1024, "{peak} KiB");
}

struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The most memory that a process has had, in KiB.
fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.unwrap().trim_end_matches("kB").trim().parse().unwrap()
}
