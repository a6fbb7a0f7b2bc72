//! Lines as container runtimes, syslog, journald and log collectors keep them: `tests/lines/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use falco_client::{recording, Alert, Client, Error};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lines")
}

/// The three alerts that each of the files holds.
fn alerts() -> Vec<String> {
    let lines = fs::read_to_string(folder().join("alerts.jsonl")).unwrap();
    lines.lines().map(str::to_owned).collect()
}

fn read(path: &Path) -> (Vec<Alert>, Vec<Error>) {
    let client = Client::open(&format!("file://{}", path.display())).unwrap();
    let (mut alerts, mut errors) = (Vec::new(), Vec::new());
    for item in client.get().unwrap() {
        match item {
            Ok(alert) => alerts.push(alert),
            Err(error) => errors.push(error),
        }
    }
    (alerts, errors)
}

/// All files that hold the three alerts, whatever is around them.
fn wrapped() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap());
    // The folder's path may say falco, too.
    let falcos_own = |name: &str| name.starts_with("falco-");
    let mut paths: Vec<PathBuf> = entries
        .filter(|entry| !falcos_own(entry.file_name().to_str().unwrap()))
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    assert_eq!(paths.len(), 16, "a file came or went");
    paths
}

#[test]
fn alerts_come_out_of_all_that_they_are_wrapped_in() {
    let expected = alerts();
    for path in wrapped() {
        let (alerts, errors) = read(&path);
        assert!(errors.is_empty(), "{}: {errors:?}", path.display());
        let raw: Vec<&[u8]> = alerts
            .iter()
            .map(|alert| alert.raw_json().unwrap())
            .collect();
        if ["pretty.json", "list.json"]
            .iter()
            .any(|name| path.ends_with(name))
        {
            let json = |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).unwrap();
            let raw: Vec<_> = raw.into_iter().map(json).collect();
            let expected: Vec<_> = expected.iter().map(|text| json(text.as_bytes())).collect();
            assert_eq!(raw, expected, "{}", path.display());
        } else {
            let expected: Vec<_> = expected.iter().map(String::as_bytes).collect();
            assert_eq!(raw, expected, "{}", path.display());
        }
    }
}

#[test]
fn recordings_are_read_as_files_are() {
    let expected: Vec<Vec<u8>> = alerts()
        .iter()
        .map(|line| Alert::from_json(line).unwrap().into_bytes())
        .collect();
    for path in wrapped() {
        let messages: Result<Vec<_>, _> = recording::read(&path).unwrap().collect();
        assert_eq!(messages.unwrap(), expected, "{}", path.display());
    }
}

/// What the command makes of a file on its standard input.
fn watch(path: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_falco-client"))
        .args(["watch", "--endpoint", "-", "--format", "falco"])
        .stdin(fs::File::open(path).unwrap())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap()
}

#[test]
fn what_a_falco_writes_beside_its_alerts_is_passed_over() {
    let path = folder().join("falco-stdout.txt");
    let ended = watch(&path);
    assert!(ended.status.success(), "{ended:?}");
    assert!(ended.stderr.is_empty(), "{ended:?}");
    let lines = fs::read(&path).unwrap();
    let lines: Vec<&[u8]> = lines
        .split_inclusive(|&byte| byte == b'\n')
        .filter(|line| line.starts_with(b"{"))
        .collect();
    assert_eq!(lines.len(), 28);
    assert_eq!(
        ended.stdout,
        String::from_utf8_lossy(&lines.concat()).as_bytes()
    );
    // Also if there is no alert at all.
    let folder = tempfile::tempdir().unwrap();
    let none = folder.path().join("none.txt");
    fs::write(
        &none,
        "Events detected: 0\nRule counts by severity:\nTriggered rules by rule name:\n",
    )
    .unwrap();
    let ended = watch(&none);
    assert!(
        ended.status.success() && ended.stderr.is_empty(),
        "{ended:?}"
    );
}

#[test]
fn alerts_that_are_text_are_told_once() {
    let path = folder().join("falco-text.txt");
    let (alerts, errors) = read(&path);
    assert!(alerts.is_empty());
    let [error] = &errors[..] else {
        panic!("{errors:?}");
    };
    let error = error.to_string();
    assert!(
        error.contains("falco-text.txt") && error.contains("json_output"),
        "{error}"
    );
    let ended = watch(&path);
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(3), "{said}");
    assert!(
        said.contains("15 more alerts") && !said.contains("hex"),
        "{said}"
    );
    assert!(said.lines().count() <= 2, "{said}");
}

#[test]
fn a_file_of_others_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    fs::write(&path, "some text\n".repeat(1_000)).unwrap();
    let (alerts, errors) = read(&path);
    assert!(alerts.is_empty());
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].to_string().contains("none of its 100 lines"),
        "{errors:?}"
    );
    // Among alerts it is none of theirs.
    let alert = &self::alerts()[0];
    fs::write(&path, format!("some text\n{alert}\nother text\n")).unwrap();
    let (alerts, errors) = read(&path);
    assert!(alerts.len() == 1 && errors.is_empty(), "{errors:?}");
    // What is cut is.
    fs::write(
        &path,
        format!("{}\n{alert}\n{}\n", &alert[90..], &alert[..90]),
    )
    .unwrap();
    let (alerts, errors) = read(&path);
    assert!(alerts.len() == 1 && errors.len() == 2, "{errors:?}");
}
