//! `--summary`: what was read, counted at the end, whatever the end is.

use std::io::{BufRead as _, BufReader};

use crate::child::{finish, recording, Falco, Running};

const TABLE: [&str; 6] = [
    "13 alerts\n",
    "       1  Notice         Terminal shell in container\n",
    "  alerts  priority\n       3  Notice\n",
    "  alerts  host\n      13  node-1\n",
    "  alerts  container\n       8  shop\n",
    "  alerts  namespace\n       8  payments\n",
];

fn has_table(said: &str) {
    for text in TABLE {
        assert!(said.contains(text), "{text:?} is not in {said}");
    }
}

#[test]
fn get_counts_what_it_printed() {
    let falco = Falco::replay(&recording("intrusion.jsonl"));
    let ended = falco.get(&["--summary"]);
    assert_eq!((ended.code, ended.stdout.lines().count()), (Some(0), 13));
    has_table(&ended.stderr);
}

#[test]
fn watch_counts_to_the_signal_and_to_the_limit() {
    let falco = Falco::replay(&recording("intrusion.jsonl"));
    let mut watch = Running::spawn(falco.command("watch", &["--summary"]));
    let lines = BufReader::new(watch.child.stdout.take().unwrap()).lines();
    for (number, line) in (1..).zip(lines) {
        line.unwrap();
        if number == 13 {
            watch.signal("INT");
        }
    }
    let (status, said) = watch.end();
    assert_eq!(status.code(), Some(0), "{said}");
    has_table(&said);

    let falco = Falco::replay(&recording("intrusion.jsonl"));
    let ended = finish(falco.command("watch", &["--summary", "--limit", "2"]));
    assert!(ended.stderr.contains("\n2 alerts\n"), "{}", ended.stderr);
}

#[test]
fn only_what_passes_the_filter_is_counted() {
    let falco = Falco::replay(&recording("intrusion.jsonl"));
    let ended = falco.get(&["--summary", "--rule", "Terminal*"]);
    assert!(ended.stderr.contains("1 alert\n"), "{}", ended.stderr);
    let falco = Falco::replay(&recording("intrusion.jsonl"));
    let ended = falco.get(&["--summary", "--rule", "No such rule"]);
    assert_eq!(ended.stderr, "\n0 alerts\n");
}
