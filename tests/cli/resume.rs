//! Where reading a file begins, and goes on after the command has ended.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command};

use falco_client::Position;
use tempfile::TempDir;

use crate::child::{falco_client, finish, run, Ended, Running};
use crate::common::until;

/// A log, and the file that keeps how far it was read.
struct Log {
    folder: TempDir,
    path: PathBuf,
}

impl Log {
    fn new() -> Log {
        let folder = tempfile::tempdir().unwrap();
        // In a folder of its own within that: rotated files are looked for in those beside it as well,
        // and the logs of other tests hold the same.
        let path = folder.path().join("log/falco.jsonl");
        fs::create_dir(path.parent().unwrap()).unwrap();
        Log { folder, path }
    }

    fn named(&self, name: &str) -> PathBuf {
        self.folder.path().join("log").join(name)
    }

    fn write(&self, rules: &[&str]) {
        let mut options = OpenOptions::new();
        let mut file = options.append(true).create(true).open(&self.path).unwrap();
        for rule in rules {
            let alert = format!(
                "{{\"output\":\"x\",\"priority\":\"Notice\",\"rule\":\"{rule}\",\
                 \"time\":\"2020-02-20T20:00:00.000000000Z\"}}\n"
            );
            file.write_all(alert.as_bytes()).unwrap();
        }
    }

    fn rotate(&self, name: &str) {
        fs::rename(&self.path, self.named(name)).unwrap();
    }

    fn command(&self, call: &str, options: &[&str]) -> Command {
        let endpoint = format!("file://{}", self.path.display());
        let mut command = falco_client(&[call, "--endpoint", &endpoint, "--format", "falco"]);
        command.args(options);
        command
    }

    /// `get --resume`: the rules that it prints.
    fn get(&self, options: &[&str]) -> Vec<String> {
        let position = self.named("position");
        let mut command = self.command("get", &["--resume", position.to_str().unwrap()]);
        command.args(options);
        let ended = finish(command);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(!ended.stderr.contains("missing"), "{}", ended.stderr);
        rules(&ended.stdout)
    }
}

fn rules(printed: &str) -> Vec<String> {
    printed.lines().map(rule).collect()
}

fn rule(line: &str) -> String {
    let (_, rule) = line.split_once("\"rule\":\"").expect(line);
    rule.split('"').next().unwrap().to_owned()
}

fn lines(watch: &mut Running) -> Lines<BufReader<ChildStdout>> {
    BufReader::new(watch.child.stdout.take().unwrap()).lines()
}

fn next(lines: &mut Lines<BufReader<ChildStdout>>) -> String {
    rule(&lines.next().unwrap().unwrap())
}

#[test]
fn each_run_prints_what_came_since_the_last_one_across_rotations() {
    let log = Log::new();
    log.write(&["one", "two", "three"]);
    assert_eq!(log.get(&["--limit", "1"]), ["one"]);
    assert_eq!(log.get(&[]), ["two", "three"]);
    assert_eq!(log.get(&[]), [""; 0]);
    log.write(&["four"]);
    log.rotate("falco.jsonl.2");
    let gzip = Command::new("gzip")
        .arg(log.named("falco.jsonl.2"))
        .status();
    assert!(gzip.unwrap().success());
    log.write(&["five"]);
    log.rotate("falco.jsonl.1");
    log.write(&["six"]);
    assert_eq!(log.get(&[]), ["four", "five", "six"]);
    // What a filter leaves out is read, too.
    log.write(&["seven", "eight"]);
    assert_eq!(log.get(&["--rule", "seven"]), ["seven"]);
    assert_eq!(log.get(&[]), [""; 0]);
}

#[test]
fn a_killed_watch_goes_on_after_what_it_has_printed() {
    let log = Log::new();
    let position = log.named("position");
    let watch = || {
        let options = ["--resume", position.to_str().unwrap()];
        let mut watch = Running::spawn(log.command("watch", &options));
        let lines = lines(&mut watch);
        (watch, lines)
    };
    let saved = || fs::read(&position).ok();
    log.write(&["one"]);
    let (running, mut printed) = watch();
    assert_eq!(next(&mut printed), "one");
    // Without another alert, and without its end.
    until("the position is saved", || saved().is_some());
    running.signal("KILL");
    drop(running);
    log.write(&["two"]);
    let (running, mut printed) = watch();
    assert_eq!(next(&mut printed), "two");
    // At once, in order.
    running.signal("TERM");
    assert!(printed.next().is_none());
    assert_eq!(running.end().1, "");
    log.write(&["three"]);
    let (_running, mut printed) = watch();
    assert_eq!(next(&mut printed), "three");
}

#[test]
fn an_alert_that_was_not_printed_is_not_passed() {
    let log = Log::new();
    let many: Vec<String> = (0..20_000).map(|number| format!("rule {number}")).collect();
    log.write(&many.iter().map(String::as_str).collect::<Vec<_>>());
    let position = log.named("position");
    let options = ["--resume", position.to_str().unwrap()];
    let mut running = Running::spawn(log.command("watch", &options));
    let mut printed = lines(&mut running);
    // The pipe is full, and the command waits for its reader.
    let first: Vec<String> = (0..5_000).map(|_| next(&mut printed)).collect();
    running.signal("KILL");
    let rest: Vec<String> = printed
        .map_while(|line| line.ok().filter(|line| line.ends_with('}')))
        .map(|line| rule(&line))
        .collect();
    let mut all = [first, rest].concat();
    let seen = all.len();
    let again = log.get(&[]);
    // Once more, or just once: but none is missing.
    let begin = many.iter().position(|rule| *rule == again[0]).unwrap();
    assert!(begin <= seen, "{begin} of {seen}");
    all.truncate(begin);
    all.extend(again);
    assert_eq!(all, many);
}

#[test]
fn the_end_of_a_file_is_where_what_is_new_begins() {
    let log = Log::new();
    log.write(&["old"]);
    // A line that is being written is new.
    let mut file = OpenOptions::new().append(true).open(&log.path).unwrap();
    let part = b"{\"output\":\"x\",\"priority\":\"Notice\",";
    file.write_all(part).unwrap();
    let position = log.named("position");
    let options = ["--start", "end", "--resume", position.to_str().unwrap()];
    let mut watch = Running::spawn(log.command("watch", &[&options[..], &["--verbose"]].concat()));
    let mut said = BufReader::new(watch.child.stderr.take().unwrap()).lines();
    let begins = said.next().unwrap().unwrap();
    assert!(begins.contains("from its end"), "{begins}");
    until("it has begun there", || position.exists());
    let rest = b"\"rule\":\"new\",\"time\":\"2020-02-20T20:00:00.000000000Z\"}\n";
    file.write_all(rest).unwrap();
    assert_eq!(next(&mut lines(&mut watch)), "new");
}

#[test]
fn the_end_is_kept_even_if_no_alert_comes() {
    let log = Log::new();
    let start = ["--start", "end"];
    // Of a file that is not there, all is new, also once it was rotated.
    let position = log.named("position");
    let mut command = log.command("get", &["--resume", position.to_str().unwrap()]);
    command.args(start);
    finish(command).failed(1, &["there is no such file"]);
    log.write(&["one"]);
    log.rotate("falco.jsonl.1");
    log.write(&["two"]);
    assert_eq!(log.get(&start), ["one", "two"]);
    fs::remove_file(&position).unwrap();
    assert_eq!(log.get(&start), [""; 0]);
    log.write(&["three"]);
    assert_eq!(log.get(&start), ["three"]);
}

#[test]
fn where_it_has_no_effect_it_is_refused() {
    for option in [["--start", "end"], ["--resume", "position"]] {
        for endpoint in ["unix:///falco.sock", "-"] {
            let ended = run(&["get", "--endpoint", endpoint, option[0], option[1]]);
            let text = "has no effect on ".to_owned() + endpoint;
            ended.failed(2, &[option[0], &text, "it applies to file:///path"]);
        }
    }
}

#[test]
fn a_file_that_cannot_keep_a_position_is_refused_before_an_alert_is_read() {
    let log = Log::new();
    log.write(&["one"]);
    let get = |file: &Path| -> Ended {
        finish(log.command("get", &["--resume", file.to_str().unwrap()]))
    };
    let damaged = log.named("damaged");
    fs::write(&damaged, "no position\n").unwrap();
    for (file, code, text) in [
        (damaged, 2, "delete it to begin anew"),
        (
            log.named("none/position"),
            1,
            "none/position cannot be written",
        ),
    ] {
        let ended = get(&file);
        assert_eq!(ended.stdout, "");
        ended.failed(code, &[text]);
    }
}

#[test]
fn a_position_that_cannot_be_saved_costs_no_alert_and_is_an_error() {
    let log = Log::new();
    log.write(&["one", "two"]);
    let position = log.named("position");
    // The name of the file that becomes it is taken.
    fs::create_dir(log.named("position.new")).unwrap();
    let ended = finish(log.command("get", &["--resume", position.to_str().unwrap()]));
    assert_eq!(rules(&ended.stdout), ["one", "two"]);
    ended.failed(1, &["cannot be written", "will be printed again"]);
}

#[test]
fn a_relay_says_what_it_gives_again() {
    let log = Log::new();
    log.write(&["one"]);
    let (out, spool) = (log.named("out.jsonl"), log.named("spool"));
    let endpoint = format!("file://{}", log.path.display());
    let relay = |options: &[&str]| {
        let to = out.to_str().unwrap();
        let mut command = falco_client(&["relay", "--from", &endpoint, "--to", to]);
        command.args(options);
        let mut relay = Running::spawn(command);
        let said = relay.child.stderr.take().unwrap();
        let said = BufReader::new(said).lines().next().unwrap().unwrap();
        (relay, said)
    };
    let count = || File::open(&out).map_or(0, |file| BufReader::new(file).lines().count());
    for times in 1..=2 {
        let (_relay, said) = relay(&[]);
        assert!(
            said.contains("from its start, also what was delivered"),
            "{said}"
        );
        until("the alert is delivered", || count() == times);
    }
    let (_running, said) = relay(&["--spool", spool.to_str().unwrap()]);
    assert!(said.ends_with("falco.jsonl"), "{said}");
}

#[test]
fn a_program_reads_on_from_a_position() {
    use falco_client::{Client, Config};
    let log = Log::new();
    log.write(&["one", "two"]);
    let endpoint = format!("file://{}", log.path.display());
    let read = |config: Config| -> Vec<falco_client::Alert> {
        let alerts = Client::new(config).unwrap().get().unwrap();
        alerts.into_iter().map(Result::unwrap).collect()
    };
    let alerts = read(Config::new(&endpoint));
    // As text, as it is kept in a database.
    let position: Position = alerts[0].position().unwrap().to_string().parse().unwrap();
    let alerts = read(Config::new(&endpoint).resume(position));
    assert_eq!(alerts.len(), 1);
    assert_eq!(alerts[0].rule(), "two");
    let end = Position::end_of(&log.path).unwrap();
    assert_eq!(*alerts[0].position().unwrap(), end);
    let config = Config::new("-").resume(end);
    let error = Client::new(config).err().unwrap().to_string();
    assert!(error.contains("resume: has no effect on -"), "{error}");
}

#[test]
fn what_is_lost_by_a_truncation_is_said_once_with_its_time_span() {
    let log = Log::new();
    log.write(&["one"]);
    let mut watch = Running::spawn(log.command("watch", &[]));
    let mut printed = lines(&mut watch);
    assert_eq!(next(&mut printed), "one");
    // Without a copy.
    fs::write(&log.path, "").unwrap();
    log.write(&["a second one"]);
    assert_eq!(next(&mut printed), "a second one");
    watch.signal("TERM");
    let (status, said) = watch.end();
    assert!(status.success());
    assert_eq!(said.lines().count(), 1, "{said}");
    let path = log.path.to_str().unwrap();
    assert!(
        said.contains(path) && said.contains("it was truncated"),
        "{said}"
    );
    // From the time of the alert that was read last.
    let since = "; alerts written between 2020-02-20T20:00:00Z and 20";
    assert!(said.contains(since), "{said}");
}
