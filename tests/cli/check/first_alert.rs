//! The alerts that a check is asked to wait for.

use std::fs;

use falco_client::Alert;

use super::{check, json};
use crate::child::{falco_client, record, recording, Falco, Running};
use crate::common::posting::Poster;

#[test]
fn every_alert_that_came_is_printed() {
    let falco = Falco::replay(&recording("dummy_text.pb"));
    let ended = check(&falco.endpoint, &["--first-alert", "60", "--json"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let lines: Vec<_> = ended.stdout.lines().map(json).collect();
    let (report, alerts) = lines.split_last().unwrap();
    assert!(alerts.iter().all(|line| line["alert"]["rule"].is_string()));
    let last = report["findings"].as_array().unwrap().last().unwrap();
    assert_eq!(last["step"], "first alert");
    assert_eq!(last["found"], format!("{} alerts arrived", alerts.len()));
    let (taken, left) = falco.stop();
    assert_eq!((taken, taken + left), (alerts.len() as u64, 1200));
}

#[test]
fn no_alert_within_the_time_is_a_failure() {
    let (_folder, empty) = record(&[]);
    let falco = Falco::replay(&empty);
    let ended = check(&falco.endpoint, &["--first-alert", "1"]);
    assert_eq!(ended.code, Some(21), "{}", ended.stdout);
    assert!(ended
        .stdout
        .contains("FAILED   first alert   no alert arrived within 1s"));
    assert!(ended.stdout.contains("-> trigger a rule of Falco"));
}

#[test]
fn an_undecodable_first_alert_is_given_back_as_bytes() {
    let (_folder, path) = record(&[b"\x22\x05abc", Alert::builder().build().as_bytes()]);
    let falco = Falco::replay(&path);
    let ended = check(&falco.endpoint, &["--first-alert", "60"]);
    assert!(
        ended
            .stdout
            .contains("first alert   one alert arrived, and one message that is no alert"),
        "{}",
        ended.stdout
    );
    ended.failed(3, &["no valid protobuf", "hex: 2205616263"]);
}

#[test]
fn the_remedy_fits_the_endpoint() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.json");
    fs::write(&file, "").unwrap();
    let file = format!("file://{}", file.display());
    for (endpoint, found, remedy) in [
        (
            "listen+http://127.0.0.1:0",
            "no alert arrived within 1s",
            "http_output.url leads",
        ),
        (
            &file,
            "no alert arrived within 1s",
            "file_output.filename is /",
        ),
        (
            "-",
            "- ended before an alert arrived",
            "stdout_output.enabled",
        ),
    ] {
        let ended = check(endpoint, &["--first-alert", "1"]);
        assert_eq!(ended.code, Some(21), "{}", ended.stdout);
        let failed = format!("FAILED   first alert   {found}");
        assert!(ended.stdout.contains(&failed), "{}", ended.stdout);
        assert!(ended.stdout.contains(remedy), "{}", ended.stdout);
        assert!(!ended.stdout.contains("grpc"), "{}", ended.stdout);
    }
}

#[test]
fn what_is_no_alert_does_not_end_the_wait() {
    let (port, mut running) = wait_for_posts();
    let mut poster = Poster::connect(&format!("127.0.0.1:{port}")).unwrap();
    assert_eq!(poster.post("no JSON").unwrap(), 400);
    let test = "{\"hostname\":\"a\",\"output\":\"This is a test from falcosidekick\",\
                \"priority\":\"Debug\",\"rule\":\"Test rule\",\"source\":\"syscall\",\
                \"tags\":[\"test\",\"example\"],\"time\":\"2026-01-02T03:04:05.000000006Z\"}";
    let mut poster = Poster::connect(&format!("127.0.0.1:{port}")).unwrap();
    assert_eq!(poster.post(test).unwrap(), 200);
    running.signal("INT");
    let mut said = String::new();
    let stdout = running.child.stdout.as_mut().unwrap();
    std::io::Read::read_to_string(stdout, &mut said).unwrap();
    let (status, stderr) = running.end();
    assert_eq!(status.code(), Some(3), "{said}{stderr}");
    assert!(
        said.contains(
            "the wait was ended before an alert arrived, but one message that is no alert and one \
             test alert"
        ),
        "{said}"
    );
}

#[test]
fn an_alert_that_is_posted_ends_the_wait() {
    let (port, mut running) = wait_for_posts();
    let mut poster = Poster::connect(&format!("127.0.0.1:{port}")).unwrap();
    let alert = Alert::builder().rule("Posted").build();
    assert_eq!(poster.post(&alert.falco_json().to_string()).unwrap(), 200);
    let mut said = String::new();
    let stdout = running.child.stdout.as_mut().unwrap();
    std::io::Read::read_to_string(stdout, &mut said).unwrap();
    let (status, stderr) = running.end();
    assert_eq!(status.code(), Some(0), "{said}{stderr}");
    assert!(
        said.contains("ok       first alert   one alert arrived"),
        "{said}"
    );
}

/// A check that waits for alerts on this port.
fn wait_for_posts() -> (u16, Running) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let endpoint = format!("listen+http://127.0.0.1:{port}");
    let mut command = falco_client(&["check", "--first-alert", "3600", "--endpoint", &endpoint]);
    command.stdin(std::process::Stdio::null());
    let mut running = Running::spawn(command);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(120);
    // The check itself binds the port for a moment: only text after it shows that the wait began.
    let mut said = Vec::new();
    let stdout = running.child.stdout.as_mut().unwrap();
    while !said.ends_with(b"must lead there\n") {
        let mut byte = [0];
        assert_eq!(std::io::Read::read(stdout, &mut byte).unwrap(), 1);
        said.push(byte[0]);
    }
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(std::time::Instant::now() < deadline, "nobody listens");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    (port, running)
}

#[test]
fn ctrl_c_ends_the_wait() {
    let (_folder, empty) = record(&[]);
    let falco = Falco::replay(&empty);
    let mut command = falco.command("check", &["--first-alert", "3600"]);
    command.stdin(std::process::Stdio::null());
    let mut running = Running::spawn(command);
    let mut stdout = std::io::BufReader::new(running.child.stdout.take().unwrap());
    let mut said = String::new();
    while !said.contains("outputs  ") {
        let read = std::io::BufRead::read_line(&mut stdout, &mut said).unwrap();
        assert!(read > 0, "{said}");
    }
    running.signal("INT");
    std::io::Read::read_to_string(&mut stdout, &mut said).unwrap();
    let (status, stderr) = running.end();
    assert_eq!(status.code(), Some(0), "{said}{stderr}");
    assert!(
        said.contains("warning  first alert   the wait was ended before an alert arrived"),
        "{said}"
    );
}
