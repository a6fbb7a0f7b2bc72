//! `watch` at a port where alerts are posted.

use std::io::{BufRead as _, BufReader, Lines};
use std::process::ChildStderr;
use std::thread;

use crate::child::{falco_client, finish, run, Running};
use crate::common::line;
use crate::common::posting::Poster;

/// `watch`, and what it says.
struct Port {
    watch: Running,
    said: Lines<BufReader<ChildStderr>>,
    address: String,
}

impl Port {
    fn open(options: &[&str]) -> Port {
        let endpoint = ["watch", "--endpoint", "listen+http://127.0.0.1:0"];
        let mut watch = Running::spawn(falco_client(&[&endpoint[..], options].concat()));
        let mut said = BufReader::new(watch.child.stderr.take().unwrap()).lines();
        let listening = said.next().unwrap().unwrap();
        let (_, address) = listening.split_once("listen+http://").expect(&listening);
        let address = address.split(' ').next().unwrap().to_owned();
        Port {
            watch,
            said,
            address,
        }
    }

    fn poster(&self) -> Poster {
        Poster::connect(&self.address).unwrap()
    }

    /// The rest of what it says, after its end.
    fn end(mut self) -> (String, Option<i32>) {
        self.watch.signal("TERM");
        let printed = self.watch.child.stdout.take();
        let drain = thread::spawn(move || printed.map(|out| BufReader::new(out).lines().count()));
        let said: Vec<String> = self.said.map(Result::unwrap).collect();
        drain.join().unwrap();
        let (status, _) = self.watch.end();
        (said.join("\n"), status.code())
    }
}

#[test]
fn a_port_that_holds_posts_up_says_so_when_it_begins_and_how_long_it_was() {
    let mut port = Port::open(&["--format", "falco"]);
    let mut poster = port.poster();
    // More than the pipe and the queue hold, while nothing reads.
    let alert = line(0).replacen(
        "\"rule\":\"",
        &format!("\"rule\":\"{}", "r".repeat(1 << 20)),
        1,
    );
    let posts = thread::spawn(move || {
        for _ in 0..8 {
            assert_eq!(poster.post(&alert).unwrap(), 200);
        }
    });
    let said = port.said.next().unwrap().unwrap();
    assert!(
        said.contains(&port.address) && said.contains("a post has waited for 2 s"),
        "{said}"
    );
    assert!(said.contains("relay with --spool"), "{said}");
    let printed = port.watch.child.stdout.take().unwrap();
    let printed = thread::spawn(move || BufReader::new(printed).lines().count());
    posts.join().unwrap();
    let (said, code) = port.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("has waited"), "{said}");
    assert!(said.contains("posts were held up; in "), "{said}");
    assert_eq!(printed.join().unwrap(), 8);
}

#[test]
fn what_is_no_alert_is_logged_within_bounds_and_hides_no_wrong_setting() {
    let port = Port::open(&[]);
    let mut poster = port.poster();
    let bad = "\u{1b}[2J".repeat(20_000);
    let text = "11:16:28.023636000: Notice plain event 0 happened (text=cat)";
    for number in 0..300 {
        assert_eq!(poster.post(&bad).unwrap(), 400);
        if number >= 100 {
            assert_eq!(poster.post(text).unwrap(), 400);
        }
    }
    assert_eq!(poster.post(&line(0)).unwrap(), 200);
    let (said, code) = port.end();
    assert_eq!(code, Some(3), "{said}");
    assert!(said.len() < 20_000, "{} bytes", said.len());
    assert!(!said.contains('\u{1b}') && !said.contains("hex"), "{said}");
    let first = "Falco writes its alerts as text, of which this is the first): 11:16:28";
    let first: Vec<&str> = said.lines().filter(|line| line.contains(first)).collect();
    assert_eq!(first.len(), 1, "{said}");
    assert!(first[0].contains("listen+http://127.0.0.1:"), "{said}");
    assert!(
        first[0].ends_with("set json_output: true in falco.yaml"),
        "{said}"
    );
    let count = |what: &str| -> u64 {
        let lines = said.lines().filter(|line| line.contains(what));
        let numbers = lines.map(|line| {
            let before = line.split(what).next().unwrap();
            before
                .rsplit([' ', '('])
                .next()
                .unwrap()
                .parse()
                .unwrap_or(0)
        });
        numbers.sum()
    };
    assert_eq!(count(" more alerts came as text"), 199, "{said}");
    let shown = said.lines().filter(|line| line.contains("[2J")).count() as u64;
    let others = count(" others before)") + count(" more messages were not logged");
    assert_eq!(shown + others, 300, "{said}");
}

#[test]
fn damaged_lines_are_logged_within_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alerts.jsonl");
    let long = "x".repeat(5_000);
    let damaged = format!("{{\"output\":\"{long}\n").repeat(2_000);
    let text = "11:16:28.023636000: Notice plain event 0 happened (text=cat)\n";
    std::fs::write(&path, damaged.clone() + text + &damaged + &line(0)).unwrap();
    let endpoint = format!("file://{}", path.display());
    let ended = finish(falco_client(&["get", "--endpoint", &endpoint]));
    assert_eq!(ended.stdout.lines().count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.len() < 20_000, "{} bytes", ended.stderr.len());
    ended.failed(
        3,
        &[
            "set json_output: true in falco.yaml",
            "more messages were not logged",
        ],
    );
}

#[test]
fn a_token_is_read_from_a_file_and_refused_where_it_has_no_effect() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "correct-horse\n").unwrap();
    let token = ["--token-file", file.to_str().unwrap()];
    let port = Port::open(&token);
    let mut poster = port.poster();
    assert_eq!(poster.post(&line(0)).unwrap(), 401);
    let (said, code) = port.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("it has no token; if it is a Falco, its alerts are lost"),
        "{said}"
    );
    assert!(!said.contains("correct-horse"), "{said}");

    let ended = run(&[&["watch", "--endpoint", "-"][..], &token].concat());
    ended.failed(2, &["--token-file: has no effect on -"]);
    std::fs::write(&file, "two words\n").unwrap();
    let listen = ["watch", "--endpoint", "listen+http://127.0.0.1:0"];
    let ended = run(&[&listen[..], &token].concat());
    assert!(!ended.stderr.contains("two words"), "{}", ended.stderr);
    ended.failed(2, &["--token-file: is empty or has characters"]);
    std::fs::remove_file(&file).unwrap();
    run(&[&listen[..], &token].concat()).failed(1, &["--token-file", "token: No such file"]);
}
