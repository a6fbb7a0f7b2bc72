//! A relay with a spool on disk between somebody who posts and a sink, both of which live longer than
//! it: it and the sink are killed again and again.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use crate::common::posting::{message, Poster};
use crate::common::{until, LIMIT};
use crate::load::alert;
use crate::{grouped, report, scale};

/// Tells the process of a sink where to listen and what to write into.
const SINK: &str = "FALCO_CLIENT_SINK";

/// Ends with its parent, dropped or not.
pub struct Process(pub Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Takes what is posted: writes down its number, then answers.
#[test]
#[ignore = "no test, but the process of a sink that the tests start"]
fn take() {
    let Ok(text) = env::var(SINK) else { return };
    let (address, path) = text.split_once(' ').unwrap();
    let mut taken = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    let listener = TcpListener::bind(address).unwrap();
    for stream in listener.incoming() {
        let mut stream = BufReader::new(stream.unwrap());
        while let Ok(Some((_, body))) = message(&mut stream) {
            let line: serde_json::Value = serde_json::from_slice(&body).unwrap();
            let number = line["output_fields"]["number"].as_str().unwrap();
            taken.write_all(format!("{number}\n").as_bytes()).unwrap();
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            if stream.get_mut().write_all(answer).is_err() {
                break;
            }
        }
    }
}

pub fn sink(address: &str, path: &Path) -> Process {
    let child = Command::new(env::current_exe().unwrap())
        .args(["relayed::take", "--exact", "--ignored"])
        .env(SINK, format!("{address} {}", path.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn();
    Process(child.unwrap())
}

pub fn command(from: &str, to: &str, spool: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_falco-client"));
    command
        .args(["relay", "--from", &format!("listen+http://{from}")])
        .args(["--to", &format!("http://{to}/")])
        .args(["--spool", spool.to_str().unwrap(), "--close-within", "0"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

pub fn relay(from: &str, to: &str, spool: &Path) -> Process {
    Process(command(from, to, spool).spawn().unwrap())
}

/// The numbers that a sink has written down.
pub fn numbers(taken: &Path) -> Vec<u64> {
    let text = fs::read_to_string(taken).unwrap_or_default();
    // The sink may be in the middle of a line.
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(|line| line.parse().unwrap()).collect()
}

pub fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// One connection as long as it lasts, and what was not answered is posted again.
pub struct Insistent {
    address: String,
    poster: Option<Poster>,
    pub repeated: u64,
}

impl Insistent {
    pub fn new(address: &str) -> Insistent {
        Insistent {
            address: address.to_owned(),
            poster: None,
            repeated: 0,
        }
    }

    pub fn post(&mut self, line: &str) {
        let begin = Instant::now();
        loop {
            assert!(begin.elapsed() < LIMIT, "nobody takes it");
            if self.poster.is_none() {
                self.poster = Poster::connect(&self.address).ok();
            }
            match self.poster.as_mut().map(|poster| poster.post(line)) {
                Some(Ok(200)) => return,
                Some(Ok(status)) => panic!("{status}"),
                Some(Err(_)) => {
                    self.poster = None;
                    self.repeated += 1;
                }
                None => std::thread::yield_now(),
            }
        }
    }
}

/// More than a sink takes in the 5 ms before a kill in which the spool may not have noted it yet, and what is on its way. On
/// a busy machine that is more than one.
const RECENT: u64 = 64;

#[test]
fn relayed() {
    let (alerts, kills) = scale((5_000, 3), (100_000, 20));
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (free_address(), free_address());
    let (spool, taken) = (folder.path().join("spool"), folder.path().join("taken"));
    let mut sink_runs = Some(sink(&to, &taken));
    let mut relay_runs = Some(relay(&from, &to, &spool));
    let mut falco = Insistent::new(&from);
    let begin = Instant::now();
    let between = alerts / kills;
    for number in 0..alerts {
        // Each in its turn, a third of the way apart, so that the sink is away for a while.
        match number % between {
            at if at == between / 3 => {
                relay_runs.take();
                relay_runs = Some(relay(&from, &to, &spool));
            }
            at if at == between / 2 => drop(sink_runs.take()),
            at if at == between * 2 / 3 => sink_runs = Some(sink(&to, &taken)),
            _ => {}
        }
        falco.post(&alert(0, number).falco_json().to_string());
    }
    let posted = begin.elapsed();
    let numbers = || numbers(&taken);
    until("the last has come", || {
        numbers().last() == Some(&(alerts - 1))
    });

    let (mut next, mut twice) = (0, 0);
    for number in numbers() {
        assert!(number <= next, "{next} is missing before {number}");
        match number == next {
            true => next += 1,
            false => {
                let back = next - number;
                assert!(back <= RECENT, "{number} comes again, {back} back");
                twice += 1;
            }
        }
    }
    assert_eq!(next, alerts);
    let allowed = falco.repeated + kills * (1 + RECENT);
    assert!(twice <= allowed, "{twice} came twice, {allowed} may");
    report(&format!(
        "{} alerts posted in {posted:.1?}, relay and sink killed {kills} times each: none lost, in \
         order, {twice} twice",
        grouped(alerts)
    ));
    drop((relay_runs, sink_runs));
    // Nothing listens there any more.
    assert!(TcpStream::connect(&from).is_err());
}
