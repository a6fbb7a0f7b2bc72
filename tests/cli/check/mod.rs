//! `check`: its text, its JSON, its exit codes, and the alerts it is asked to wait for.

mod first_alert;

use std::fs;

use serde_json::Value;

use crate::child::{falco_client, finish, recording, run, Ended, Falco};
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

    let file = folder.path().join("events.json");
    fs::write(&file, "").unwrap();
    let more = folder.path().join("more.yaml");
    let text = format!(
        "json_output: on\nfile_output: {{enabled: true, filename: {}}}\n\
         program_output: {{enabled: true, program: cat}}\n",
        file.display()
    );
    fs::write(&more, text).unwrap();
    let ended = run(&["check", "--json", "--falco-yaml", more.to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    let said = format!(": file://{}; other endpoints of it: -", file.display());
    assert!(ended.stderr.contains(&said), "{}", ended.stderr);
    assert_eq!(json(&ended.stdout)["ok"], true);

    let mut given = falco_client(&["check", "--falco-yaml", path]);
    given.env("FALCO_ENDPOINT", "unix:///nonexistent/falco.sock");
    let ended = finish(given);
    assert_eq!(ended.code, Some(10), "{}", ended.stdout);
    assert!(ended
        .stdout
        .contains("the endpoint is unix:///nonexistent/falco.sock"));
}

/// What the script prints is all that both sides need.
#[test]
fn the_settings_that_the_script_prints_fit() {
    let folder = tempfile::tempdir().unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/script/certificates");
    let made = std::process::Command::new(script)
        .arg(folder.path())
        .output();
    let made = made.unwrap();
    assert!(made.status.success(), "{made:?}");
    let printed = String::from_utf8(made.stdout).unwrap();
    let paragraphs: Vec<_> = printed.split("\n\n").collect();
    let settings = |first: &str| {
        let found = paragraphs.iter().find(|text| text.starts_with(first));
        found.unwrap_or_else(|| panic!("no {first} in {printed}"))
    };
    let options = |endpoint: &str| {
        let with = format!("--endpoint {endpoint}");
        let found = paragraphs.iter().find(|text| text.contains(&with)).unwrap();
        let words = found.replace('\\', " ");
        let words = words.split_whitespace().skip(2).map(str::to_owned);
        words.collect::<Vec<_>>()
    };
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port().to_string();
    drop(free);
    let yaml = folder.path().join("falco.yaml");
    let check = |settings: &str, options: Vec<String>, replaced: &str, port: &str| {
        fs::write(&yaml, settings.replace(replaced, port)).unwrap();
        let options = options.iter().map(|word| word.replace(replaced, port));
        let mut command = falco_client(&["check", "--falco-yaml"]);
        command.arg(&yaml).args(options);
        let ended = finish(command);
        assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
        ended.stdout
    };
    let posted = options("listen+https://127.0.0.1:2801");
    let said = check(settings("json_output: true"), posted, "2801", &port);
    let succeeds = "a mutual TLS handshake succeeds with Falco's settings";
    assert!(said.contains(succeeds), "{said}");

    let [ca, cert, key] = ["ca.crt", "server.crt", "server.key"].map(|name| {
        let path = folder.path().join(name);
        path.to_str().unwrap().to_owned()
    });
    let serve = ["--ca", &ca, "--cert", &cert, "--key", &key];
    let served = recording("internal.pb");
    let falco = Falco::listen("localhost:0", &served, &serve, tempfile::tempdir().unwrap());
    let port = falco.endpoint.rsplit(':').next().unwrap();
    let said = check(settings("grpc:"), options("localhost:5060"), "5060", port);
    assert!(said.contains("grpc and grpc_output are enabled"), "{said}");
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
