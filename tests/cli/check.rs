//! `check`: its text, its JSON, its exit codes, and the alerts it is asked to wait for.

use std::fs;

use falco_client::Alert;
use serde_json::Value;

use crate::child::{falco_client, finish, record, recording, run, Ended, Falco, Running};
use crate::common::certificates::Certificates;

/// The command where no falco.yaml of this machine matters.
fn check(endpoint: &str, options: &[&str]) -> Ended {
    run(&[&["check", "--endpoint", endpoint], options].concat())
}

fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

#[test]
fn all_is_well_for_people_and_machines() {
    let falco = Falco::replay(&recording("internal.pb"));
    let text = check(&falco.endpoint, &[]).quietly();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert_eq!(
        lines[0],
        format!("ok       endpoint      {}", falco.endpoint)
    );
    assert_eq!(
        lines[2],
        "ok       version       Falco 0.43.1, engine 0.58.0"
    );

    let report = json(&check(&falco.endpoint, &["--json"]).quietly());
    assert_eq!(
        (&report["ok"], &report["failed"]),
        (&true.into(), &Value::Null)
    );
    assert_eq!(report["findings"][1]["step"], "socket");
    assert_eq!(report["findings"][1]["outcome"], "ok");
    assert_eq!(falco.stop(), (0, 4), "no alert was taken");
}

#[test]
fn each_broken_step_has_its_code() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("pem"), "no PEM").unwrap();
    fs::write(path("falco.yaml"), "grpc: {enabled: false}\n").unwrap();
    let certificates = Certificates::new();
    let files = certificates
        .client_files()
        .map(|path| path.to_str().unwrap().to_owned());
    let [ca, cert, key] = files.each_ref().map(String::as_str);
    let tls = ["--ca", ca, "--cert", cert, "--key", key];
    // A port that nobody listens on any more.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = free.local_addr().unwrap().to_string();
    drop(free);
    let (yaml, pem) = (path("falco.yaml"), path("pem"));
    let bad_tls = ["--ca", &pem, "--cert", &pem, "--key", &pem];
    let nowhere = format!("unix://{}", path("none.sock"));

    for (endpoint, options, code, step, says) in [
        (
            &*nowhere,
            &["--falco-yaml", &*yaml][..],
            10,
            "falco.yaml",
            "set it to true",
        ),
        ("falco", &[], 11, "endpoint", "write falco:5060"),
        ("localhost:5060", &[], 12, "config", "give three files"),
        ("no-such-host.invalid:1", &tls, 13, "name", "spelt right"),
        (&nowhere, &[], 14, "socket", "Falco is running"),
        (&closed, &tls, 15, "tcp", "Falco is running"),
    ] {
        let ended = check(endpoint, options);
        assert_eq!(ended.code, Some(code), "{}", ended.stdout);
        assert_eq!(ended.stderr, "");
        let failed = format!("FAILED   {step:<13} ");
        assert!(ended.stdout.contains(&failed), "{}", ended.stdout);
        assert!(ended.stdout.contains(says), "{}", ended.stdout);

        let ended = check(endpoint, &[options, &["--json"]].concat());
        assert_eq!(ended.code, Some(code));
        let report = json(&ended.stdout);
        assert_eq!(
            (&report["ok"], &report["failed"]),
            (&false.into(), &step.into())
        );
        let failed = report["findings"].as_array().unwrap().iter();
        let failed: Vec<_> = failed.filter(|it| it["outcome"] == "failed").collect();
        assert!(
            failed[0]["remedy"].as_str().unwrap().contains(says),
            "{report}"
        );
    }

    let served = recording("internal.pb");
    let theirs = certificates
        .server_files()
        .map(|path| path.to_str().unwrap().to_owned());
    let [_, cert, key] = theirs.each_ref().map(String::as_str);
    let serve = ["--ca", ca, "--cert", cert, "--key", key];
    let falco = Falco::listen("localhost:0", &served, &serve, tempfile::tempdir().unwrap());
    assert_eq!(
        check(&falco.endpoint, &tls).code,
        Some(0),
        "a warning for the key's mode at most"
    );
    assert_eq!(check(&falco.endpoint, &bad_tls).code, Some(16));
    let other = [&tls[..], &["--server-name", "falco.example"]].concat();
    let ended = check(&falco.endpoint, &other);
    assert_eq!(ended.code, Some(17), "{}", ended.stdout);
    assert!(
        ended
            .stdout
            .contains("is for localhost, not for falco.example"),
        "{}",
        ended.stdout
    );
}

#[test]
fn the_endpoint_of_falco_yaml_is_taken_where_none_is_given() {
    let falco = Falco::replay(&recording("internal.pb"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("falco.yaml");
    let text = format!(
        "grpc: {{enabled: true, bind_address: \"{}\"}}\n",
        falco.endpoint
    );
    fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap();
    let ended = run(&["check", "--falco-yaml", path]);
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    assert!(ended
        .stdout
        .contains(&format!("endpoint      {}\n", falco.endpoint)));
    assert!(
        ended.stderr.contains("no endpoint given, using that of"),
        "{}",
        ended.stderr
    );

    let mut given = falco_client(&["check", "--falco-yaml", path]);
    given.env("FALCO_ENDPOINT", "unix:///nonexistent/falco.sock");
    let ended = finish(given);
    assert_eq!(ended.code, Some(10), "{}", ended.stdout);
    assert!(ended
        .stdout
        .contains("the endpoint is unix:///nonexistent/falco.sock"));
}

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
        ended.stdout.contains("first alert   2 alerts arrived"),
        "{}",
        ended.stdout
    );
    ended.failed(3, &["no valid protobuf", "hex: 2205616263"]);
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

/// As a user who may not write the socket.
#[test]
fn a_socket_that_may_not_be_written() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::os::unix::process::CommandExt as _;
    let folder = tempfile::tempdir().unwrap();
    let open = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    open(folder.path(), 0o755);
    let program = folder.path().join("falco-client");
    // By another process: where this one has it open for writing while another test starts a process,
    // it counts as being written, and cannot be run.
    let mut copy = std::process::Command::new("cp");
    copy.arg(env!("CARGO_BIN_EXE_falco-client")).arg(&program);
    assert!(copy.status().unwrap().success());
    let socket = folder.path().join("falco.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let owner = fs::metadata(&socket).unwrap().uid();
    let mode = if owner == 0 { 0o640 } else { 0o000 };
    open(&socket, mode);
    let mut command = std::process::Command::new(program);
    command.args(["check", "--endpoint"]);
    command.arg(format!("unix://{}", socket.display()));
    if owner == 0 {
        command.uid(65534).gid(65534);
    }
    let ended = finish(command);
    assert_eq!(ended.code, Some(14), "{}", ended.stdout);
    let mode = format!(", mode {mode:04o})");
    for part in [
        "permission denied (it is of ",
        &mode,
        "-> run as a user who may write",
    ] {
        assert!(
            ended.stdout.contains(part),
            "{part:?} is not in {}",
            ended.stdout
        );
    }
}
