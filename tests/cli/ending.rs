//! Shutdown: silent, graceful or with an error, and never with an alert lost unreported.

use std::io::{BufRead as _, BufReader};
use std::process::ChildStdout;

use falco_client::{recording as recorded, Alert};

use crate::child::{finish, record, recording, Falco, Running};

fn lines(running: &mut Running) -> impl Iterator<Item = String> {
    let stdout: ChildStdout = running.child.stdout.take().unwrap();
    BufReader::new(stdout).lines().map(|line| line.unwrap())
}

#[test]
fn a_closed_pipe_ends_it_silently() {
    for call in ["get", "watch"] {
        // More than a pipe holds.
        let falco = Falco::replay(&recording("dummy_json.pb"));
        let mut reader = Running::spawn(falco.command(call, &["--format", "proto"]));
        assert!(lines(&mut reader).next().unwrap().starts_with('{'));
        let (status, said) = reader.end();
        assert_eq!((status.code(), said.as_str()), (Some(0), ""));
    }
}

#[test]
fn a_closed_pipe_is_noticed_before_the_next_alert() {
    let falco = Falco::replay(&recording("internal.pb"));
    let mut watch = Running::spawn(falco.command("watch", &[]));
    let mut all = lines(&mut watch);
    (0..4).for_each(|_| drop(all.next().unwrap()));
    // No alert is left whose printing could fail.
    drop(all);
    let (status, said) = watch.end();
    assert_eq!((status.code(), said.as_str()), (Some(0), ""));
}

#[test]
fn a_lone_alert_is_shown_at_once() {
    let (_folder, path) = record(&[Alert::builder().rule("Lone").build().as_bytes()]);
    let falco = Falco::replay(&path);
    let mut watch = Running::spawn(falco.command("watch", &[]));
    assert!(lines(&mut watch).next().unwrap().contains("Lone"));
    assert!(
        watch.child.try_wait().unwrap().is_none(),
        "watch ended by itself"
    );
}

#[test]
fn sigterm_under_load_loses_nothing() {
    let path = recording("dummy_text.pb");
    let falco = Falco::serve(&path, &["--rate", "3000", "--loop"]);
    let expected: Vec<String> = recorded::read(&path)
        .unwrap()
        .map(|bytes| {
            Alert::from_bytes(bytes.unwrap())
                .unwrap()
                .falco_json()
                .to_string()
        })
        .collect();
    let mut expected = expected.iter().cycle();

    // Falco has one queue, so that what one reader leaves the next one finds.
    for name in ["TERM", "INT", "HUP"] {
        let mut watch = Running::spawn(falco.command("watch", &["--format", "falco"]));
        for (at, line) in lines(&mut watch).enumerate() {
            assert!(
                line == *expected.next().unwrap(),
                "alert {at} before SIG{name}"
            );
            if at == 500 {
                watch.signal(name);
            }
        }
        let (status, said) = watch.end();
        assert_eq!((status.code(), said.as_str()), (Some(0), ""));
    }
    let next = falco.get(&["--limit", "1"]);
    assert_eq!(next.stdout.trim_end(), expected.next().unwrap());
}

/// More than the pipe, the client's queue and the connection hold together.
fn flood() -> Falco {
    let path = recording("dummy_json.pb");
    Falco::serve(&path, &[path.to_str().unwrap(); 39])
}

#[test]
fn sigterm_in_a_flood_prints_all_that_falco_has_written() {
    for call in ["get", "watch"] {
        let falco = flood();
        let mut reader = Running::spawn(falco.command(call, &["--format", "falco"]));
        let mut lines = lines(&mut reader);
        lines.next().unwrap();
        reader.signal("TERM");
        let printed = 1 + lines.count() as u64;
        assert!(reader.end().0.success());
        assert_eq!(falco.stop().0, printed, "{call}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn nohup_outlives_a_hang_up() {
    let falco = Falco::serve(&recording("dummy_text.pb"), &["--rate", "200", "--loop"]);
    let mut command = std::process::Command::new("nohup");
    let watch = falco.command("watch", &[]);
    command.arg(watch.get_program()).args(watch.get_args());
    let mut watch = Running::spawn(command);
    let mut lines = lines(&mut watch);
    lines.next().unwrap();
    watch.signal("HUP");
    // Had it been caught, Falco would not have been asked for so many more.
    assert_eq!(lines.take(600).count(), 600);
}

#[test]
fn a_slow_end_is_explained_and_a_second_signal_says_what_it_costs() {
    for call in ["get", "watch"] {
        let falco = flood();
        let mut reader = Running::spawn(falco.command(call, &[]));
        let mut said = BufReader::new(reader.child.stderr.take().unwrap()).lines();
        let mut lines = lines(&mut reader);
        lines.next().unwrap();
        reader.signal("TERM");
        // The pipe is full, so that it cannot end before it is read.
        let explained = said.next().unwrap().unwrap();
        assert!(explained.contains("still printing"), "{explained}");
        reader.signal("INT");
        // Nobody reads, and it ends all the same.
        let cost = said.next().unwrap().unwrap();
        let (received, rest) = numbers_in(&cost);
        assert!(cost.contains("second signal"), "{cost}");
        assert!(
            cost.contains("not printed") && cost.contains("may be lost"),
            "{cost}"
        );
        assert!(received > 0 && rest > 0, "{cost}");
        let status = reader.child.wait().unwrap();
        assert_eq!(status.code(), Some(130));
        let printed = 1 + lines.count() as u64;
        let (taken, _) = falco.stop();
        // The last line may be a part of one.
        assert!(
            printed + received + rest + 1 >= taken,
            "{printed} of {taken}: {cost}"
        );
    }
}

/// The two numbers in what it says of its end.
fn numbers_in(text: &str) -> (u64, u64) {
    let mut numbers = text.split(' ').filter_map(|word| word.parse().ok());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

#[test]
fn a_second_signal_prints_what_came_if_somebody_reads() {
    let falco = Falco::serve(&recording("dummy_text.pb"), &["--rate", "3000", "--loop"]);
    let mut watch = Running::spawn(falco.command("watch", &[]));
    let mut lines = lines(&mut watch);
    lines.next().unwrap();
    for name in ["TERM", "INT"] {
        watch.signal(name);
    }
    lines.for_each(drop);
    let (status, said) = watch.end();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.is_empty() || said.contains("may be lost"), "{said}");
}

#[test]
fn an_end_that_takes_too_long_is_given_up_and_its_cost_reported() {
    // Falco answers the last request for as long as alerts keep coming.
    let falco = flood();
    let mut command = falco.command("watch", &["--close-within", "1"]);
    command.args(["--format", "falco"]);
    let mut watch = Running::spawn(command);
    let mut lines = lines(&mut watch);
    lines.next().unwrap();
    watch.signal("TERM");
    let (status, said) = watch.end();
    assert_eq!(status.code(), Some(1), "{said}");
    let last = said.lines().last().unwrap();
    assert!(last.contains("--close-within"), "{said}");
    let (received, rest) = numbers_in(last);
    let printed = 1 + lines.count() as u64;
    let (taken, _) = falco.stop();
    assert!(
        printed + received + rest + 1 >= taken,
        "{printed} of {taken}: {said}"
    );
}

#[test]
fn a_slow_reader_may_choose_to_lose_alerts() {
    let falco = flood();
    let mut reader = Running::spawn(falco.command("get", &["--when-full", "drop-oldest"]));
    let mut said = BufReader::new(reader.child.stderr.take().unwrap()).lines();
    let mut rest = vec![said.next().unwrap().unwrap()];
    let printed = lines(&mut reader).count() as u64;
    // Again at the end, where more were dropped by then.
    rest.extend(said.map(Result::unwrap));
    assert!(reader.end().0.success());
    let dropped: u64 = rest
        .iter()
        .map(|line| {
            let (before, _) = line.split_once(" alerts were dropped").expect(line);
            before.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
        })
        .sum();
    let (taken, _) = falco.stop();
    assert!(dropped > 0);
    assert_eq!(printed + dropped, taken, "{rest:?}");
}

#[test]
fn a_falco_that_goes_away_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let socket = format!("unix://{}/falco.sock", folder.path().display());
    let path = recording("internal.pb");
    let serve = || Falco::listen(&socket, &path, &[], tempfile::tempdir().unwrap());
    let falco = serve();
    let mut watch = Running::spawn(falco.command("watch", &[]));
    let mut lines = lines(&mut watch);
    (0..4).for_each(|_| drop(lines.next().unwrap()));
    falco.kill();
    drop(falco);
    let _falco = serve();
    (0..4).for_each(|_| drop(lines.next().unwrap()));
    watch.signal("TERM");
    assert_eq!(lines.next(), None);
    let (status, said) = watch.end();
    assert_eq!(status.code(), Some(0), "{said}");
    let said: Vec<_> = said.lines().collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains(&socket) && said[0].contains("subscribing again"));
    assert!(said[1].contains(&socket) && said[1].contains("following again"));
}

#[test]
fn an_undecodable_alert_is_reported_whole_and_the_others_follow() {
    let alert = Alert::builder().rule("A rule").build();
    let (_folder, path) = record(&[alert.as_bytes(), b"\x22\x05\xffA", alert.as_bytes()]);
    let ended = Falco::replay(&path).get(&[]);
    assert_eq!(ended.stdout.lines().count(), 2);
    ended.failed(3, &["no valid protobuf", "2205ff41"]);
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_an_error() {
    let falco = Falco::replay(&recording("internal.pb"));
    let mut command = std::process::Command::new("sh");
    let get = falco.command("get", &[]);
    command
        .args(["-c", "exec \"$@\" > /dev/full", "sh"])
        .arg(get.get_program())
        .args(get.get_args());
    let cost = "alerts were received but not printed: they are lost";
    finish(command).failed(1, &["standard output: ", "space", cost]);
}
