//! What the command serves, says and loses is what is true of the endpoint.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::child::{falco_client, finish, recording, run, Falco, Running};
use crate::common::until;

/// What `get` serves in this build.
fn served_by_get() -> Vec<&'static str> {
    let mut forms = vec!["unix:///path", "host:port", "file:///path", "-"];
    if cfg!(feature = "redis") {
        forms.push("redis://HOST/STREAM");
    }
    if cfg!(feature = "kafka") {
        forms.push("kafka://BROKER/TOPIC");
    }
    forms
}

/// The endpoints in the table of a command's help.
fn in_help(command: &str) -> Vec<String> {
    let help = run(&[command, "--help"]).quietly();
    let table = help.split("Endpoints:\n").nth(1).expect(&help);
    let rows = table.lines().take_while(|line| line.starts_with("  "));
    let forms = rows.map(|row| row.split_whitespace().next().unwrap().to_owned());
    forms.collect()
}

#[test]
fn what_a_command_does_not_serve_is_refused_with_what_it_serves() {
    let listen = "listen+http://127.0.0.1:0";
    let served = format!("It serves {}\n", served_by_get().join(", "));
    run(&["get", "--endpoint", listen]).failed(2, &[listen, "use watch", &served]);
    for endpoint in [listen, "file:///falco.jsonl", "-"] {
        let ended = run(&["version", "--endpoint", endpoint]);
        ended.failed(2, &["falco --version", "It serves unix:///path, host:port"]);
    }
    assert_eq!(in_help("get"), served_by_get());
    assert_eq!(in_help("version"), ["unix:///path", "host:port"]);
}

/// A file of more lines than the pipe and the queue hold together.
fn large_file() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alerts.jsonl");
    let lines = fs::read(recording("dummy_json.jsonl")).unwrap();
    let mut file = File::create(&path).unwrap();
    for _ in 0..(24 << 20) / lines.len() {
        file.write_all(&lines).unwrap();
    }
    (folder, path)
}

fn watch_file(path: &Path, options: &[&str]) -> Command {
    let endpoint = format!("file://{}", path.display());
    let mut command = falco_client(&["watch", "--endpoint", &endpoint]);
    command.args(["--format", "falco"]).args(options);
    command
}

#[test]
fn a_second_signal_loses_nothing_of_a_file() {
    let (_folder, path) = large_file();
    let mut watch = Running::spawn(watch_file(&path, &[]));
    let mut lines = BufReader::new(watch.child.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    watch.signal("INT");
    watch.signal("TERM");
    assert!(lines.all(|line| line.is_ok()));
    let (status, said) = watch.end();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(!said.contains("lost"), "{said}");
}

/// Reads nothing of the output, until so much waits in its pipe (64 KiB) that the command is stuck.
fn unread_output(watch: &mut Running) -> ChildStdout {
    let output = watch.child.stdout.take().unwrap();
    let mut seen = (0, Instant::now());
    until("the output is stuck", || {
        let waiting = rustix::io::ioctl_fionread(&output).unwrap();
        if waiting != seen.0 {
            seen = (waiting, Instant::now());
        }
        waiting >= 48 << 10 && seen.1.elapsed() > Duration::from_millis(500)
    });
    output
}

#[test]
fn what_is_not_printed_of_a_file_remains_there() {
    let (_folder, path) = large_file();
    for (options, code, reason) in [
        (&[][..], 130, "stopped by the second signal"),
        (&["--close-within", "1"], 1, "--close-within"),
    ] {
        let mut watch = Running::spawn(watch_file(&path, options));
        // Nothing reads on, so that it cannot end by itself.
        let _output = unread_output(&mut watch);
        watch.signal("INT");
        if options.is_empty() {
            watch.signal("TERM");
        }
        let (status, said) = watch.end();
        assert_eq!(status.code(), Some(code), "{said}");
        let last = said.lines().last().unwrap();
        assert!(last.contains(reason), "{said}");
        assert!(last.contains("they remain in the file"), "{said}");
        assert!(!said.contains("lost"), "{said}");
    }
}

#[test]
fn a_second_signal_loses_lines_of_a_pipe() {
    let (_folder, path) = large_file();
    let mut cat = Command::new("cat")
        .arg(&path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut command = falco_client(&["watch", "--endpoint", "-", "--format", "falco"]);
    command.stdin(cat.stdout.take().unwrap());
    let mut watch = Running::spawn(command);
    let _output = unread_output(&mut watch);
    watch.signal("INT");
    watch.signal("TERM");
    let (status, said) = watch.end();
    assert_eq!(status.code(), Some(130), "{said}");
    assert!(said.contains("they are lost"), "{said}");
    assert!(said.contains("lines in the pipe may be lost"), "{said}");
    cat.wait().unwrap();
}

#[test]
fn a_limit_costs_nothing_of_a_file_and_lines_of_a_pipe() {
    let path = recording("dummy_json.jsonl");
    let endpoint = format!("file://{}", path.display());
    let limited = ["get", "--limit", "3", "--endpoint"];
    let file = run(&[&limited[..], &[&endpoint]].concat());
    assert_eq!(file.quietly().lines().count(), 3);
    let mut redirected = falco_client(&[&limited[..], &["-"]].concat());
    redirected.stdin(File::open(&path).unwrap());
    assert_eq!(finish(redirected).quietly().lines().count(), 3);

    let text = std::fs::read_to_string(&path).unwrap();
    let line = text.lines().next().unwrap();
    // What follows the first is damaged, and counts as much. It is so much that some has arrived when the
    // limit is reached, however fast the first is read.
    let folder = tempfile::tempdir().unwrap();
    let damaged = "{\"rule\":1}\n".repeat(5_000);
    let piped = folder.path().join("piped.jsonl");
    std::fs::write(&piped, format!("{line}\n{damaged}")).unwrap();
    let mut cat = Command::new("sh");
    cat.args(["-c", "cat \"$0\"; exec sleep 600"]);
    let mut cat = cat.arg(&piped).stdout(Stdio::piped()).spawn().unwrap();
    let mut piped = falco_client(&["get", "--limit", "1", "--endpoint", "-"]);
    piped.stdin(cat.stdout.take().unwrap());
    let ended = finish(piped);
    cat.kill().unwrap();
    cat.wait().unwrap();
    assert_eq!((ended.code, ended.stdout.lines().count()), (Some(0), 1));
    let said = "more alerts were received when the limit was reached; they are lost";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
}

#[test]
fn the_largest_alert_is_an_option_of_every_reader() {
    let lines = recording("internal.jsonl");
    let file = format!("file://{}", lines.display());
    let small = ["--max-message-bytes", "100"];
    let falco = Falco::replay(&recording("internal.pb"));
    for endpoint in [&*falco.endpoint, &*file] {
        let get = ["get", "--endpoint", endpoint];
        let ended = run(&[&get[..], &small].concat());
        assert_eq!(ended.stdout, "");
        ended.failed(
            1,
            &["exceeds the limit of 100 bytes", "--max-message-bytes"],
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.jsonl");
    let relay = ["relay", "--from", "-", "--to", out.to_str().unwrap()];
    let mut command = falco_client(&[&relay[..], &small].concat());
    command.stdin(File::open(&lines).unwrap());
    let ended = finish(command);
    assert!(ended.stderr.contains("too large"), "{}", ended.stderr);
    for command in ["watch", "check", "bench"] {
        let help = run(&["help", command]).quietly();
        assert!(help.contains("--max-message-bytes"), "{help}");
    }
}

/// Without it the runtime would put `/dev/null` there, and every alert would be gone.
#[test]
fn a_closed_standard_output_is_an_error_before_an_alert_is_taken() {
    let falco = Falco::replay(&recording("internal.pb"));
    let from = &falco.endpoint;
    for args in [
        &["get", "--endpoint", from][..],
        &["watch", "--endpoint", from],
        &["relay", "--from", from, "--to", "-"],
        &["check", "--endpoint", from, "--first-alert", "60"],
        &["version", "--endpoint", from],
        &["bench", "--discard", "--endpoint", from],
    ] {
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$@\" >&-", "sh"]);
        command.arg(falco_client(&[]).get_program()).args(args);
        finish(command).failed(1, &["standard output: it is closed"]);
    }
    assert_eq!(falco.stop(), (0, 4), "no alert was taken");
}
