//! `docs/coming-from.md`: what it says of a relay is so.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use falco_client::Alert;

use crate::child::{falco_client, run, Running};
use crate::common::LIMIT;

const DOCUMENT: &str = include_str!("../../docs/coming-from.md");

/// The rows of its tables, each of two cells.
fn rows() -> impl Iterator<Item = (&'static str, &'static str)> {
    let cells = |line: &'static str| {
        let row = line.strip_prefix("| ")?.strip_suffix(" |")?;
        row.split_once(" | ").filter(|(left, _)| *left != "---")
    };
    DOCUMENT.lines().filter_map(cells)
}

/// The texts in backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn each_option_exists() {
    let help: String = ["relay", "watch", "get"]
        .iter()
        .map(|command| run(&["help", command]).quietly())
        .collect();
    let options: Vec<_> = rows()
        .flat_map(|(_, ours)| quoted(ours))
        .filter(|text| text.starts_with("--"))
        .map(|text| text.split(' ').next().unwrap())
        .collect();
    assert!(options.len() > 20, "{options:?}");
    for option in options {
        let is_there = |end| help.contains(&format!("{option}{end}"));
        assert!(is_there(' ') || is_there('\n'), "{option}");
    }
}

/// A relay that serves its metrics, and the two addresses at which it listens.
fn relay() -> (Running, String, String) {
    let mut command = falco_client(&[
        "relay",
        "--from",
        "listen+http://127.0.0.1:0",
        "--to",
        "/dev/null",
        "--metrics",
        "127.0.0.1:0",
        "--metrics-field",
        "k8s.ns.name",
        "--metrics-field",
        "k8s.pod.name",
        "--close-within",
        "1",
    ]);
    command.stdin(std::process::Stdio::null());
    let mut relay = Running::spawn(command);
    let mut lines = BufReader::new(relay.child.stderr.take().unwrap()).lines();
    let mut address = |before: &str, after: char| {
        let mut lines = lines.by_ref().map(Result::unwrap);
        let found = lines.find_map(|line| {
            let (_, rest) = line.split_once(before)?;
            rest.split(after).next().map(str::to_owned)
        });
        found.unwrap_or_else(|| panic!("no {before}"))
    };
    let posts = address("listen+http://", ' ');
    let metrics = address("serving http://", '/');
    // What it says later must not fill the pipe.
    std::thread::spawn(move || lines.for_each(drop));
    (relay, posts, metrics)
}

/// The status and the body of the answer.
fn request(address: &str, request: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let head = format!(
        "{request} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}

#[test]
fn requests_and_metrics_are_as_it_says() {
    let (_relay, posts, metrics) = relay();
    let alert = Alert::builder()
        .rule("Posted")
        .field("k8s.ns.name", "payments")
        .build();
    let alert = alert.falco_json().to_string();
    let mut requests = 0;
    for (theirs, ours) in rows() {
        let Some(status) = ours.get(..3).and_then(|text| text.parse::<u16>().ok()) else {
            continue;
        };
        let line = quoted(theirs).next().unwrap();
        let body = match theirs {
            _ if theirs.ends_with("with an alert") => &alert,
            _ if theirs.ends_with("no alert") => "{}",
            _ => "",
        };
        assert_eq!(request(&posts, line, body).0, status, "{theirs}");
        requests += 1;
    }
    assert!(requests >= 7, "{requests}");

    for path in ["/livez", "/healthz"] {
        assert_eq!(
            request(&metrics, &format!("GET {path}"), "").0,
            200,
            "{path}"
        );
    }
    let (_, figures) = request(&metrics, "GET /metrics", "");
    let named = rows().flat_map(|(theirs, ours)| quoted(theirs).chain(quoted(ours)));
    let ours = named.filter(|text| text.starts_with("falco_"));
    let mut metrics = 0;
    for name in ours {
        assert!(
            figures.contains(&format!("\n{name}{{")),
            "{name}: {figures}"
        );
        metrics += 1;
    }
    assert!(metrics >= 8, "{metrics}");
    let labels = figures
        .lines()
        .find(|line| line.starts_with("falco_events{"));
    let labels = labels.unwrap_or_else(|| panic!("{figures}"));
    for label in [
        "rule=\"",
        "priority=\"",
        "hostname=\"",
        "source=\"",
        "k8s_ns_name=\"",
        "k8s_pod_name=\"",
    ] {
        assert!(labels.contains(label), "{label}: {labels}");
    }
}
