//! Lines from files and from standard input.

use std::fs::{self, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use falco_client::{Client, Error, State};

use crate::common::{line, next, numbers, until};

fn append(path: &Path, from: usize, to: usize) {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    for number in from..to {
        writeln!(file, "{}", line(number)).unwrap();
    }
}

#[test]
fn a_file_is_followed_wherever_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("falco.log");
    let client = Client::open(&format!("file://{}", log.display())).unwrap();
    let mut alerts = client.subscribe().unwrap();
    until("it waits", || {
        matches!(alerts.state(), State::Waiting { .. })
    });
    let expect = |alerts: &mut _, from, to| {
        for number in from..to {
            assert_eq!(next(alerts), number);
        }
    };
    append(&log, 0, 5);
    expect(&mut alerts, 0, 5);
    assert_eq!(alerts.state(), State::Following);
    append(&log, 5, 10);
    expect(&mut alerts, 5, 10);
    // Renamed, and its writer goes on for a while.
    let old = folder.path().join("falco.log.1");
    fs::rename(&log, &old).unwrap();
    append(&old, 10, 15);
    expect(&mut alerts, 10, 15);
    append(&log, 15, 20);
    expect(&mut alerts, 15, 20);
    // Truncated in place.
    fs::write(&log, "").unwrap();
    append(&log, 20, 22);
    expect(&mut alerts, 20, 22);
    alerts.handle().close();
    assert!(alerts.recv().is_err());
}

#[test]
fn get_reads_what_a_file_holds_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("falco.log");
    let client = Client::open(&format!("file://{}", log.display())).unwrap();
    let missing = client.get().unwrap().recv().unwrap().unwrap_err();
    assert!(matches!(missing, Error::Unavailable { .. }), "{missing}");
    append(&log, 0, 1_000);
    // Without a newline at its end.
    let mut file = OpenOptions::new().append(true).open(&log).unwrap();
    write!(file, "{}", line(1_000)).unwrap();
    assert!(numbers(client.get().unwrap()).into_iter().eq(0..=1_000));
}

struct Watch(Child);

impl Watch {
    fn stdin() -> Watch {
        let child = Command::new(env!("CARGO_BIN_EXE_falco-client"))
            .args(["watch", "--endpoint", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        Watch(child.unwrap())
    }

    fn said(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.0
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        (self.0.wait().unwrap().code(), said)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn lines_of_a_pipe_are_shown_as_they_come_and_text_is_reported() {
    let mut watch = Watch::stdin();
    let mut pipe = watch.0.stdin.take().unwrap();
    let mut shown = BufReader::new(watch.0.stdout.take().unwrap()).lines();
    for number in 0..3 {
        writeln!(pipe, "{}", line(number)).unwrap();
        assert_eq!(
            shown.next().unwrap().unwrap(),
            line(number),
            "while the pipe is open"
        );
    }
    writeln!(pipe, "16:42:47.284336179: Notice some text").unwrap();
    write!(pipe, "{}", line(3)).unwrap();
    drop(pipe);
    assert_eq!(shown.next().unwrap().unwrap(), line(3));
    assert!(shown.next().is_none());
    let (code, said) = watch.said();
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("Notice some text"), "{said}");
    assert!(
        said.contains("set json_output: true in falco.yaml"),
        "{said}"
    );
}

#[test]
fn a_signal_ends_it_though_the_pipe_stays_open() {
    let mut watch = Watch::stdin();
    let mut pipe = watch.0.stdin.take().unwrap();
    let mut shown = BufReader::new(watch.0.stdout.take().unwrap()).lines();
    writeln!(pipe, "{}", line(0)).unwrap();
    assert_eq!(shown.next().unwrap().unwrap(), line(0));
    writeln!(pipe, "{}", line(1)).unwrap();
    let id = watch.0.id().to_string();
    assert!(Command::new("kill")
        .args(["-INT", &id])
        .status()
        .unwrap()
        .success());
    assert_eq!(
        shown.next().unwrap().unwrap(),
        line(1),
        "what was written is shown"
    );
    assert!(shown.next().is_none());
    let (code, said) = watch.said();
    assert_eq!(code, Some(0), "{said}");
    drop(pipe);
}
