//! A file is read on where it was left.

use std::fs::OpenOptions;
use std::io::Write as _;

use falco_client::relay::Relay;
use falco_client::Config;

use crate::common::until;
use crate::{line, Rig};

#[test]
fn a_relay_with_a_spool_on_disk_goes_on_in_a_file_where_it_was() {
    let rig = Rig::set_up();
    let log = rig.path("falco.log");
    let append = |from: usize, to: usize| {
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .unwrap();
        for number in from..to {
            writeln!(file, "{}", line(number)).unwrap();
        }
    };
    let start = || {
        Relay::builder()
            .from(Config::new(format!("file://{}", log.display())))
            .to(rig.path("out.jsonl").to_str().unwrap().parse().unwrap())
            .spool(rig.path("spool"))
            .start()
            .unwrap()
    };
    let written = || std::fs::read_to_string(rig.path("out.jsonl")).unwrap_or_default();

    append(0, 10);
    let relay = start();
    until("ten are written", || written().lines().count() == 10);
    relay.stop(crate::LIMIT);
    drop(relay);
    append(10, 20);
    // Rotated while nobody looks: the rest of the old file comes first.
    std::fs::rename(&log, rig.path("falco.log.1")).unwrap();
    append(20, 30);
    let relay = start();
    until("all are written", || written().lines().count() >= 30);
    relay.stop(crate::LIMIT);
    assert!(
        written().lines().eq((0..30).map(line)),
        "each once, in order"
    );
}

#[test]
fn a_file_is_one_source_however_it_is_spelt_and_whatever_becomes_of_it() {
    let rig = Rig::set_up();
    let (log, link) = (rig.path("falco.log"), rig.path("link.log"));
    std::os::unix::fs::symlink(&log, &link).unwrap();
    let spellings = [
        log.display().to_string(),
        format!("{}/./falco.log", rig.folder.path().display()),
        link.display().to_string(),
        log.display().to_string(),
    ];
    let relay = |paths: &[String]| {
        let mut relay = Relay::builder()
            .to(rig.path("out.jsonl").to_str().unwrap().parse().unwrap())
            .spool(rig.path("spool"));
        for path in paths {
            relay = relay.from(Config::new(format!("file://{path}")));
        }
        relay.start()
    };
    let written = || std::fs::read_to_string(rig.path("out.jsonl")).unwrap_or_default();
    let mut number = 0;
    let mut append = || {
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .unwrap();
        for _ in 0..5 {
            writeln!(file, "{}", line(number)).unwrap();
            number += 1;
        }
    };
    append();
    for pair in [&spellings[..2], &spellings[1..3]] {
        let error = relay(pair).err().unwrap().to_string();
        assert!(error.contains("another spelling"), "{error}");
    }
    for (round, path) in spellings.iter().enumerate() {
        let relay = relay(std::slice::from_ref(path)).unwrap();
        let lines = 5 + 15 * round;
        until("they are written", || written().lines().count() >= lines);
        relay.stop(crate::LIMIT);
        assert_eq!(written().lines().count(), lines, "each once");
        assert_eq!(relay.status().sources[0].counters.gaps, 0);
        drop(relay);
        // Rotated twice while nobody reads, and compressed.
        for name in ["1", "2"] {
            append();
            let name = rig.path(&format!("falco.log-202611{round}{name}"));
            std::fs::rename(&log, &name).unwrap();
            let gzip = std::process::Command::new("gzip").arg(&name).status();
            assert!(gzip.unwrap().success());
        }
        append();
    }
    // A loss is counted: what was read last is gone.
    for entry in std::fs::read_dir(rig.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "gz") {
            std::fs::remove_file(path).unwrap();
        }
    }
    let relay = relay(&spellings[..1]).unwrap();
    until("the newest are written", || written().lines().count() == 55);
    relay.stop(crate::LIMIT);
    assert_eq!(relay.status().sources[0].counters.gaps, 1);
    let expected = (0..50).chain(60..65).map(line);
    assert!(written().lines().eq(expected), "each once, in order");
}

#[test]
fn a_rotated_sink_is_written_anew_and_a_torn_line_stays_alone() {
    let rig = Rig::set_up();
    let out = rig.path("out.jsonl");
    std::fs::write(&out, "{\"torn").unwrap();
    let relay = crate::listening()
        .to(out.to_str().unwrap().parse().unwrap())
        .start()
        .unwrap();
    let mut falco = crate::poster(&relay);
    assert_eq!(falco.post(&line(0)).unwrap(), 200);
    until("it is written", || relay.status().spooled == 0);
    let written = std::fs::read_to_string(&out).unwrap();
    assert_eq!(written, format!("{{\"torn\n{}\n", line(0)));
    std::fs::rename(&out, rig.path("out.jsonl.1")).unwrap();
    assert_eq!(falco.post(&line(1)).unwrap(), 200);
    until("it is written", || relay.status().spooled == 0);
    assert_eq!(
        std::fs::read_to_string(&out).unwrap(),
        format!("{}\n", line(1))
    );
}
