//! Posted by curl, whose library Falco uses.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;

use falco_client::{recording, Alert};
use futures::executor::block_on;
use futures::StreamExt as _;

use super::Listening;
use crate::common::{line, recordings, LIMIT};

const RECORDINGS: [&str; 4] = [
    "dummy_json",
    "internal",
    "replay_falco-cat_write",
    "replay_libs-sample",
];

/// Times are text on gRPC and nanoseconds in the line.
const TIMES: [&str; 3] = ["evt.time", "evt.datetime", "evt.time.iso8601"];

fn recorded(name: &str) -> Vec<(Alert, String)> {
    let folder = recordings();
    let text = fs::read_to_string(folder.join(format!("{name}.jsonl"))).unwrap();
    let messages = recording::read(&folder.join(format!("{name}.pb"))).unwrap();
    let alerts = messages.map(|message| Alert::from_bytes(message.unwrap()).unwrap());
    alerts.zip(text.lines().map(str::to_owned)).collect()
}

fn curl(args: &[&str]) -> String {
    let run = Command::new("curl")
        .args(["--silent", "--show-error", "--noproxy", "*"])
        .args(args)
        .output();
    let ended = run.expect("this test needs the command curl: install the package curl");
    assert!(
        ended.status.success(),
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    String::from_utf8(ended.stdout).unwrap()
}

/// Posts each as `http_output` does, all over one connection.
fn post<'a>(url: &str, lines: impl Iterator<Item = &'a str>, folder: &Path) {
    let mut config = String::new();
    for (number, line) in lines.enumerate() {
        let body = folder.join(number.to_string());
        fs::write(&body, line).unwrap();
        if number > 0 {
            config.push_str("next\nsilent\nshow-error\n");
        }
        config.push_str(&format!(
            "url = \"{url}\"\ndata-binary = \"@{}\"\nheader = \"Content-Type: application/json\"\n\
             output = \"/dev/null\"\nwrite-out = \"%{{http_code}} %{{num_connects}}\\n\"\n",
            body.display()
        ));
    }
    let path = folder.join("config");
    fs::write(&path, config).unwrap();
    let answers = curl(&["--config", path.to_str().unwrap()]);
    let mut answers = answers.lines();
    assert_eq!(answers.next(), Some("200 1"));
    assert!(
        answers.all(|answer| answer == "200 0"),
        "one connection for all"
    );
}

#[track_caller]
fn is_as_over_grpc(posted: &Alert, recorded: &Alert, line: &str) {
    assert_eq!(posted.raw_json(), Some(line.as_bytes()));
    assert_eq!(posted.falco_json().to_string(), line);
    assert_eq!(posted.output(), recorded.output());
    assert_eq!(posted.time(), recorded.time());
    assert_eq!(posted.priority(), recorded.priority());
    assert_eq!(posted.rule(), recorded.rule());
    assert_eq!(posted.hostname(), recorded.hostname());
    assert_eq!(posted.source(), recorded.source());
    assert_eq!(posted.source_number(), recorded.source_number());
    assert!(posted.tags().eq(recorded.tags()));
    for (name, value) in recorded.fields().filter(|(name, _)| !TIMES.contains(name)) {
        assert_eq!(posted.field(name), Some(value), "{name}");
    }
}

#[test]
fn recorded_lines_arrive_as_they_did_over_grpc() {
    for name in RECORDINGS {
        let (folder, recorded) = (tempfile::tempdir().unwrap(), recorded(name));
        let mut listening = Listening::start();
        let url = format!("http://{}/", listening.address());
        post(
            &url,
            recorded.iter().map(|(_, line)| line.as_str()),
            folder.path(),
        );
        for (alert, line) in &recorded {
            let posted = listening.alerts.recv_timeout(LIMIT).unwrap().unwrap();
            is_as_over_grpc(&posted, alert, line);
        }
        assert_eq!(listening.alerts.counters().alerts, recorded.len() as u64);
    }
}

#[test]
fn they_come_through_a_stream_and_a_callback_too() {
    let recorded = recorded("replay_libs-sample");
    let lines = || recorded.iter().map(|(_, line)| line.as_str());
    let folder = tempfile::tempdir().unwrap();
    let mut listening = Listening::start();
    let url = format!("http://{}/any/path?x=1", listening.address());
    post(&url, lines(), folder.path());
    for line in lines() {
        let alert = block_on(listening.alerts.next()).unwrap().unwrap();
        assert_eq!(alert.raw_json(), Some(line.as_bytes()));
    }
    let (to, from) = mpsc::channel();
    // Of the same port, once the first sequence has gone.
    drop(listening.alerts);
    let watch = listening.client.subscribe_with(move |alert| {
        to.send(alert.unwrap()).unwrap();
        ControlFlow::Continue(())
    });
    let watch = watch.unwrap();
    post(&url, lines(), folder.path());
    for line in lines() {
        assert_eq!(
            from.recv_timeout(LIMIT).unwrap().raw_json(),
            Some(line.as_bytes())
        );
    }
    watch.handle().close();
    watch.wait().unwrap();
}

#[test]
fn a_body_may_come_in_chunks_or_after_a_word_or_from_an_old_client() {
    let mut listening = Listening::start();
    let url = format!("http://{}/", listening.address());
    let folder = tempfile::tempdir().unwrap();
    let large = line(7).replace("ooo", &"o".repeat(10_000));
    assert!(large.len() > 1 << 20);
    for (line, option) in [
        (&line(1), "--header=Transfer-Encoding: chunked"),
        (&large, "--header=Transfer-Encoding: chunked"),
        (&large, "--header=Expect: 100-continue"),
        (&line(2), "--http1.0"),
    ] {
        let body = folder.path().join("body");
        fs::write(&body, line).unwrap();
        let data = format!("@{}", body.display());
        let option: Vec<_> = option.split('=').collect();
        let args = [
            &option[..],
            &["--data-binary", &data, "--write-out", "%{http_code}", &url],
        ]
        .concat();
        assert_eq!(curl(&args), "200", "{option:?}");
        let alert = listening.alerts.recv_timeout(LIMIT).unwrap().unwrap();
        assert_eq!(alert.raw_json(), Some(line.as_bytes()), "{option:?}");
    }
}
