//! `falco-client relay` as a process.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Lines, Read as _, Write as _};
use std::process::{Child, ChildStderr, Command, Stdio};

use crate::common::posting::Poster;
use crate::common::recordings;
use crate::{line, Rig};

pub fn relay(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_falco-client"));
    command.arg("relay").args(args).stdin(Stdio::null());
    command
}

/// What it says after the address where it listens, and that.
fn listens(running: &mut Child) -> (Lines<BufReader<ChildStderr>>, String) {
    let mut said = BufReader::new(running.stderr.take().unwrap()).lines();
    let address = said
        .by_ref()
        .map(Result::unwrap)
        .find_map(|line| Some(line.split_once("from listen+http://")?.1.to_owned()));
    (said, address.unwrap())
}

#[test]
fn lines_of_standard_input_reach_a_file_and_standard_output() {
    let rig = Rig::set_up();
    let out = rig.path("out.jsonl");
    let lines = recordings().join("dummy_json.jsonl");
    let ended = relay(&["--from", "-", "--to", out.to_str().unwrap(), "-"])
        .stdin(File::open(&lines).unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(0), "{said}");
    let lines = std::fs::read(lines).unwrap();
    assert!(ended.stdout == lines, "standard output differs");
    assert!(std::fs::read(out).unwrap() == lines, "the file differs");
    assert!(said.contains("to -: 1200 delivered"), "{said}");
}

#[test]
fn a_signal_that_comes_twice_at_once_is_one() {
    let mut running = relay(&[
        "--from",
        "listen+http://127.0.0.1:0",
        "--to",
        "http://127.0.0.1:1",
        "--close-within",
        "1",
    ])
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    let (said, address) = listens(&mut running);
    let mut falco = Poster::connect(&address).unwrap();
    assert_eq!(falco.post(&line(0)).unwrap(), 200);
    let id = running.id().to_string();
    // Both before the first is handled, or soon after.
    let both = format!("kill -TERM {id}; kill -TERM {id}");
    let sent = Command::new("sh").args(["-c", &both]).status();
    assert!(sent.unwrap().success());
    let rest: Vec<_> = said.map(Result::unwrap).collect();
    let ended = running.wait().unwrap();
    // It has tried to deliver what is left, as after one.
    assert_eq!(ended.code(), Some(1), "{rest:?}");
    assert!(
        rest.iter().any(|line| line.contains("for at most 1 s")),
        "{rest:?}"
    );
}

#[test]
fn a_signal_stops_it_in_order_and_it_says_what_is_left() {
    let rig = Rig::set_up();
    // Nobody listens there.
    let mut running = relay(&[
        "--from",
        "listen+http://127.0.0.1:0",
        "--to",
        "http://127.0.0.1:1",
        "--spool",
        rig.path("spool").to_str().unwrap(),
        "--close-within",
        "0",
    ])
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    let (said, address) = listens(&mut running);
    let mut falco = Poster::connect(&address).unwrap();
    for number in 0..5 {
        assert_eq!(falco.post(&line(number)).unwrap(), 200);
    }
    let id = running.id().to_string();
    assert!(Command::new("kill")
        .args(["-TERM", &id])
        .status()
        .unwrap()
        .success());
    let rest: Vec<_> = said.map(Result::unwrap).collect();
    assert_eq!(running.wait().unwrap().code(), Some(0));
    let expected = "5 alerts are left in the spool and will be delivered at the next start";
    assert!(rest.iter().any(|line| line.contains(expected)), "{rest:?}");
}

#[test]
fn bad_requests_do_not_flood_the_log_and_hide_no_other_kind() {
    const BAD: u32 = 5_000;
    let rig = Rig::set_up();
    let out = rig.path("out.jsonl");
    let mut running = relay(&[
        "--from",
        "listen+http://127.0.0.1:0",
        "--to",
        out.to_str().unwrap(),
    ])
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    let mut said = BufReader::new(running.stderr.take().unwrap());
    let address = said
        .by_ref()
        .lines()
        .map(Result::unwrap)
        .find_map(|line| Some(line.split_once("from listen+http://")?.1.to_owned()))
        .unwrap();
    let rest = std::thread::spawn(move || {
        let mut rest = String::new();
        said.read_to_string(&mut rest).unwrap();
        rest
    });

    let mut peer = Poster::connect(&address).unwrap();
    let text = "not JSON\n".repeat(200);
    let quoted = format!("{{\"output_fields\":\"{}\"}}", "x".repeat(200_000));
    for number in 0..BAD {
        let body = if number % 100 == 0 { &quoted } else { &text };
        assert_eq!(peer.post(body).unwrap(), 400);
    }
    for _ in 0..BAD {
        let get = b"GET /elsewhere HTTP/1.1\r\nHost: localhost\r\n\r\n";
        peer.stream().write_all(get).unwrap();
        assert_eq!(peer.answer().unwrap(), 405);
    }
    assert_eq!(peer.post(&line(0)).unwrap(), 200);
    let id = running.id().to_string();
    assert!(Command::new("kill")
        .args(["-TERM", &id])
        .status()
        .unwrap()
        .success());
    running.wait().unwrap();

    let rest = rest.join().unwrap();
    assert!(rest.len() < 256 * 1024, "{} bytes", rest.len());
    assert!(rest.contains("no alert in Falco's JSON"), "{rest}");
    assert!(rest.contains("GET /elsewhere is not served"), "{rest}");
    // What was not logged is counted, and the kinds apart.
    for kind in ["input that is no alert", "methods that are not served"] {
        let counts = rest.lines().filter(|line| line.ends_with(kind));
        assert_eq!(counts.count(), 1, "{kind}: {rest}");
    }
    assert_eq!(std::fs::read_to_string(out).unwrap().lines().count(), 1);
}
