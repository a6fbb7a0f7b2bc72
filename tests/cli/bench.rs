//! `bench`: figures of the built-in Falco and of each endpoint, whose alerts it keeps.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::time::SystemTime;

use falco_client::Alert;
use serde_json::Value;

use crate::child::{falco_client, finish, recording, run, Falco, Running};
use crate::common::posting::Poster;

#[track_caller]
fn figures(stdout: &str) -> Value {
    serde_json::from_str(stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"))
}

#[test]
fn the_built_in_falco_is_measured() {
    let ended = run(&[
        "bench",
        "--json",
        "--seconds",
        "2",
        "--backlog",
        "3000",
        "--rate",
        "500",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let figures = figures(&ended.stdout);
    assert_eq!(figures["endpoint"], Value::Null);
    assert_eq!(figures["backlog"]["alerts"], 3000);
    assert!(figures["backlog"]["cpu_seconds"].as_f64().unwrap() > 0.0);
    let watch = &figures["watch"];
    let alerts = watch["alerts"].as_u64().unwrap();
    assert!(alerts > 0);
    let buckets = watch["histogram"].as_array().unwrap();
    let counted: u64 = buckets
        .iter()
        .map(|bucket| bucket["alerts"].as_u64().unwrap())
        .sum();
    assert_eq!(counted, alerts);
    let latency = |name: &str| watch["latency_ms"][name].as_f64().unwrap();
    assert!(latency("p50") <= latency("p99") && latency("p99") <= latency("most"));
    assert!(latency("most") < 60_000.0, "{watch}");
    for said in ["reading the backlog", "watching for 2 seconds"] {
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
}

#[test]
fn alerts_of_a_given_endpoint_are_kept_or_refused() {
    let falco = Falco::replay(&recording("replay_libs-sample.pb"));
    let refused = finish(falco.command("bench", &["--seconds", "1"]));
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("--keep"), "{}", refused.stderr);
    assert_eq!(refused.stdout, "");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("alerts.jsonl");
    fs::write(&file, "what was there before\n").unwrap();
    let keep = ["--seconds", "1", "--keep", file.to_str().unwrap()];
    let text = finish(falco.command("bench", &keep));
    assert_eq!(text.code, Some(0), "{}", text.stderr);
    assert!(text.stdout.contains("get    88 alerts"), "{}", text.stdout);
    assert!(text.stdout.contains("watch  0 alerts"), "{}", text.stdout);

    let kept = fs::read_to_string(&file).unwrap();
    let kept: Vec<&str> = kept.lines().skip(1).collect();
    let again = Falco::replay(&recording("replay_libs-sample.pb"));
    let got = finish(again.command("get", &["--format", "falco"])).quietly();
    assert_eq!(kept, got.lines().collect::<Vec<_>>());
}

#[test]
fn what_comes_while_it_watches_is_kept() {
    // The recording is older than the subscription, so that its alerts have no latency.
    let falco = Falco::serve(
        &recording("replay_libs-sample.pb"),
        &["--rate", "200", "--loop"],
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("alerts.jsonl");
    let keep = ["--json", "--seconds", "2", "--keep", file.to_str().unwrap()];
    let ended = finish(falco.command("bench", &keep));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let figures = figures(&ended.stdout);
    assert_eq!(figures["watch"]["alerts"], 0);
    let before = figures["watch"]["before"].as_u64().unwrap();
    assert!(before > 0, "{figures}");
    // Some may have come while it closed: they are in the file alone.
    let kept = fs::read_to_string(&file).unwrap().lines().count() as u64;
    let backlog = figures["backlog"]["alerts"].as_u64().unwrap();
    assert!(kept >= backlog + before, "{kept}: {figures}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_reported_with_what_it_costs() {
    let falco = Falco::replay(&recording("internal.pb"));
    let full = finish(falco.command("bench", &["--seconds", "1", "--keep", "/dev/full"]));
    assert_eq!((full.code, &*full.stdout), (Some(1), ""), "{}", full.stderr);
    assert!(
        full.stderr
            .contains("alerts were received and not kept: they are lost"),
        "{}",
        full.stderr
    );
    assert!(full.stderr.contains("/dev/full"), "{}", full.stderr);
}

#[test]
fn a_file_is_measured_and_needs_no_keep() {
    let lines = recording("internal.jsonl");
    let endpoint = format!("file://{}", lines.display());
    let ended = run(&["bench", "--json", "--seconds", "1", "--endpoint", &endpoint]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let figures = figures(&ended.stdout);
    assert_eq!(figures["backlog"]["alerts"], 4);
    // The file's alerts are not measured twice.
    assert_eq!(figures["watch"]["before"], 0);
    let missing = run(&["bench", "--endpoint", "file:///nowhere/falco.jsonl"]);
    assert_eq!((missing.code, &*missing.stdout), (Some(1), ""));
}

#[test]
fn standard_input_is_watched_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("alerts.jsonl");
    let lines = recording("internal.jsonl");
    let mut command = falco_client(&["bench", "--json", "--endpoint", "-"]);
    command.arg("--keep").arg(&file);
    command.stdin(fs::File::open(&lines).unwrap());
    let ended = finish(command);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let figures = figures(&ended.stdout);
    assert_eq!(figures["backlog"], Value::Null);
    assert_eq!(figures["watch"]["before"], 4);
    assert_eq!(
        fs::read_to_string(file).unwrap(),
        fs::read_to_string(lines).unwrap()
    );
}

#[test]
fn posted_alerts_have_a_latency() {
    let options = ["bench", "--json", "--seconds", "2", "--discard"];
    let mut command = falco_client(&options);
    command.args(["--endpoint", "listen+http://127.0.0.1:0"]);
    let mut bench = Running::spawn(command);
    let mut said = BufReader::new(bench.child.stderr.take().unwrap()).lines();
    let address = said
        .by_ref()
        .map(Result::unwrap)
        .find_map(|line| Some(line.split_once("listening at listen+http://")?.1.to_owned()))
        .unwrap();
    let address = address.split(' ').next().unwrap();
    let mut falco = Poster::connect(address).unwrap();
    let mut taken = 0;
    loop {
        let alert = Alert::builder().rule("Posted").time(SystemTime::now());
        match falco.post(&alert.build().falco_json().to_string()) {
            Ok(200) => taken += 1,
            // It has ended.
            _ => break,
        }
    }
    let mut printed = String::new();
    let stdout = bench.child.stdout.as_mut().unwrap();
    stdout.read_to_string(&mut printed).unwrap();
    assert!(bench.end().0.success());
    let figures = figures(&printed);
    assert_eq!(figures["backlog"], Value::Null);
    let alerts = figures["watch"]["alerts"].as_u64().unwrap();
    assert!(alerts > 0 && alerts <= taken, "{printed}, {taken} taken");
}

#[test]
fn nothing_is_measured_where_nothing_is_reached() {
    let nobody = run(&[
        "bench",
        "--discard",
        "--endpoint",
        "unix:///nowhere/falco.sock",
    ]);
    assert_eq!(
        (nobody.code, &*nobody.stdout),
        (Some(1), ""),
        "{}",
        nobody.stderr
    );
}

#[test]
fn a_flood_ends_in_time_too() {
    let flood = [
        "bench",
        "--seconds",
        "1",
        "--backlog",
        "10",
        "--rate",
        "200000",
    ];
    let ended = run(&flood);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(
        ended.stdout.contains("get    10 alerts"),
        "{}",
        ended.stdout
    );
}
