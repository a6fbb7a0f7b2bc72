//! Wrong arguments and files: exit code, culprit and remedy.

use std::fs;

use crate::child::{finish, record, recording, run, Falco};

#[test]
fn arguments() {
    run(&["get", "--format", "xml"]).failed(2, &["xml", "text, falco, go, proto"]);
    run(&["get", "--min-priority", "urgent"]).failed(2, &["urgent", "emergency"]);
    run(&["get", "--rule", "[a"]).failed(2, &["--rule", "[a", "invalid range pattern"]);
    run(&["get", "--rule", ""]).failed(2, &["--rule", "omit the option"]);
    run(&["get", "--limit", "none"]).failed(2, &["--limit"]);
    run(&["subscribe"]).failed(2, &["subscribe", "--help"]);
    run(&["serve", "--listen", "unix:///tmp/x"]).failed(2, &["--replay"]);
    run(&["completions", "sh"]).failed(2, &["bash"]);
}

#[test]
fn endpoints() {
    for endpoint in [
        "",
        "falco.sock",
        "http://localhost:5060",
        "localhost:0",
        "localhost:70000",
    ] {
        for call in ["get", "watch", "version"] {
            let ended = run(&[call, "--endpoint", endpoint]);
            ended.failed(2, &["falco-client: endpoint", &format!("{endpoint:?}")]);
        }
    }
    // Without certificates.
    run(&["get", "--endpoint", "localhost:5060"]).failed(2, &["falco-client: "]);
}

#[test]
fn a_socket_that_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = format!("unix://{}/none.sock", folder.path().display());
    for call in ["get", "version"] {
        run(&[call, "--endpoint", &endpoint]).failed(1, &["none.sock"]);
    }
}

#[test]
fn certificates() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.crt");
    fs::write(&file, "no PEM").unwrap();
    let file = file.to_str().unwrap();
    let tls = ["--ca", file, "--cert", file, "--key", file];
    let get = ["get", "--endpoint", "localhost:5060"];
    run(&[&get[..], &tls].concat()).failed(2, &["ca.crt"]);
    run(&[&get[..], &tls[..4]].concat()).failed(2, &["--key"]);
    // For a unix socket they are refused, not left unused; in the environment they are for others.
    let falco = Falco::replay(&recording("internal.pb"));
    falco.get(&tls).failed(2, &["unix socket", "leave it out"]);
    let name = ["--server-name", "falco"];
    falco
        .get(&name)
        .failed(2, &["falco-client: --server-name: "]);
    let mut get = falco.command("get", &[]);
    get.envs([
        ("FALCO_CA", file),
        ("FALCO_CERT", file),
        ("FALCO_KEY", file),
    ]);
    assert_eq!(finish(get).quietly().lines().count(), 4);

    let path = recording("internal.pb");
    let serve = [
        "serve",
        "--listen",
        "localhost:0",
        "--replay",
        path.to_str().unwrap(),
    ];
    run(&[&serve[..], &tls].concat()).failed(2, &["ca.crt"]);
}

#[test]
fn descriptors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("newer.proto");
    fs::write(&path, "message response { not proto }").unwrap();
    let proto = path.to_str().unwrap();
    run(&["get", "--proto", proto]).failed(2, &["newer.proto"]);
    run(&["get", "--proto", proto, "--format", "go"]).failed(2, &["--format", "--proto"]);

    let set = folder.path().join("newer.bin");
    run(&["get", "--proto", set.to_str().unwrap()]).failed(2, &["newer.bin", "cannot be read"]);
    fs::write(&set, "no descriptor").unwrap();
    run(&["get", "--proto", set.to_str().unwrap()]).failed(2, &["newer.bin", "protoc"]);
}

#[test]
fn recordings() {
    let folder = tempfile::tempdir().unwrap();
    let socket = format!("unix://{}/falco.sock", folder.path().display());
    let serve = |path: &str| run(&["serve", "--listen", &socket, "--replay", path]);
    let cut = folder.path().join("cut.pb");
    let whole = fs::read(recording("internal.pb")).unwrap();
    fs::write(&cut, &whole[..whole.len() - 1]).unwrap();
    serve(cut.to_str().unwrap()).failed(2, &["cut.pb"]);
    let lines = folder.path().join("lines.jsonl");
    fs::write(&lines, "{\"rule\": \"cut\n").unwrap();
    serve(lines.to_str().unwrap()).failed(2, &["lines.jsonl"]);
    serve("none.pb").failed(2, &["none.pb"]);
    assert!(!folder.path().join("falco.sock").exists());
}

#[test]
fn addresses_that_cannot_be_listened_on() {
    let (_folder, path) = record(&[]);
    let path = path.to_str().unwrap();
    let missing = "unix:///no/such/folder/falco.sock";
    run(&["serve", "--listen", missing, "--replay", path]).failed(1, &["/no/such/folder"]);
    run(&["serve", "--listen", "falco", "--replay", path]).failed(2, &["\"falco\""]);
    let plain = ["serve", "--listen", "localhost:0", "--replay", path];
    run(&plain).failed(2, &["localhost:0", "three files"]);
    let folder = tempfile::tempdir().unwrap();
    let socket = format!("unix://{}/falco.sock", folder.path().display());
    let serve = ["serve", "--listen", &socket, "--replay", path, "--threads"];
    run(&[&serve[..], &["99999999"]].concat()).failed(2, &["99999999", "256"]);
    let serve = ["serve", "--listen", &socket, "--replay", path, "--falco"];
    run(&[&serve[..], &["0.17.0"]].concat()).failed(2, &["0.17.0", "0.18.0"]);
}

#[test]
fn a_descriptor_that_does_not_fit_an_alert_costs_no_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let proto = folder.path().join("other.proto");
    // A newer Falco's field that is a message, and "A" is none.
    let text = "syntax = \"proto3\"; package falco.outputs; \
                message pod { int32 number = 1; } message response { pod pod = 10; }";
    fs::write(&proto, text).unwrap();
    let (_folder, path) = record(&[b"\x52\x01A"]);
    let ended = Falco::replay(&path).get(&["--proto", proto.to_str().unwrap()]);
    assert_eq!(ended.stdout, "");
    ended.failed(3, &["falco.outputs.response", "hex: ", "520141"]);
}
