//! What comes out is what went in.

use std::fs;

use falco_client::relay::Relay;
use falco_client::server::Server;
use falco_client::{recording, Client, Config};

use crate::common::certificates::Certificates;
use crate::common::{numbered, recordings, until, Falco};
use crate::{line, listening, posted_sink, poster, recv, Rig};

#[test]
fn posted_lines_reach_grpc_http_and_a_file_byte_for_byte() {
    let rig = Rig::set_up();
    let (mut sink, url) = posted_sink();
    let relay = listening()
        .to(rig.socket("falco.sock").parse().unwrap())
        .to(url.parse().unwrap())
        .to(rig.path("out.jsonl").to_str().unwrap().parse().unwrap())
        .start()
        .unwrap();
    let mut lines = Vec::new();
    for name in [
        "dummy_json",
        "internal",
        "replay_falco-cat_write",
        "replay_libs-sample",
    ] {
        let text = fs::read_to_string(recordings().join(format!("{name}.jsonl"))).unwrap();
        lines.extend(text.lines().map(str::to_owned));
    }
    let mut falco = poster(&relay);
    let client = Client::open(&rig.socket("falco.sock")).unwrap();
    let mut alerts = client.subscribe().unwrap();
    for line in &lines {
        assert_eq!(falco.post(line).unwrap(), 200);
    }
    for line in &lines {
        let alert = recv(&mut alerts);
        assert_eq!(alert.output(), line, "the line is the output over gRPC");
        assert_eq!(&alert.falco_json().to_string(), line);
        assert_eq!(recv(&mut sink).raw_json(), Some(line.as_bytes()));
    }
    assert_eq!(relay.stop(crate::LIMIT), 0);
    let written = fs::read_to_string(rig.path("out.jsonl")).unwrap();
    assert!(written.lines().eq(lines.iter()), "the file has other lines");
}

#[test]
fn what_comes_over_grpc_goes_on_over_grpc_byte_for_byte() {
    let (rig, falco) = (Rig::set_up(), Falco::start());
    let path = recordings().join("dummy_badutf8_text.pb");
    let mut messages: Vec<_> = recording::read(&path)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    messages.insert(3, b"\xff\xff no message".to_vec());
    for message in &messages {
        falco.server.push_bytes(message.clone());
    }
    let relay = Relay::builder()
        .from(Config::new(falco.endpoint()))
        .to(rig.socket("falco.sock").parse().unwrap())
        .start()
        .unwrap();
    let client = Client::open(&rig.socket("falco.sock")).unwrap();
    let mut alerts = client.subscribe().unwrap();
    for message in &messages {
        let bytes = match alerts.recv_timeout(crate::LIMIT).unwrap() {
            Ok(alert) => alert.into_bytes(),
            Err(falco_client::Error::Undecodable { bytes, .. }) => bytes.into_vec(),
            Err(error) => panic!("{error}"),
        };
        assert_eq!(&bytes, message);
    }
    drop(alerts);
    assert_eq!(relay.stop(crate::LIMIT), 0);
}

#[test]
fn grpc_is_served_over_mutual_tls() {
    let certificates = Certificates::new();
    let tls =
        |[ca, cert, key]: [std::path::PathBuf; 3]| falco_client::Tls::from_files(ca, cert, key);
    let sink: falco_client::relay::Sink = "localhost:0".parse().unwrap();
    let relay = listening()
        .to(sink.tls(tls(certificates.server_files())))
        .start()
        .unwrap();
    assert_eq!(poster(&relay).post(&line(7)).unwrap(), 200);
    let config =
        Config::new(relay.grpc_endpoints().remove(0)).tls(tls(certificates.client_files()));
    let mut alerts = Client::new(config).unwrap().subscribe().unwrap();
    assert_eq!(recv(&mut alerts).field("number"), Some("7"));
}

#[test]
fn alerts_are_posted_over_mutual_tls() {
    let certificates = Certificates::for_names(&["localhost"]);
    let tls =
        |[ca, cert, key]: [std::path::PathBuf; 3]| falco_client::Tls::from_files(ca, cert, key);
    let config = Config::new("listen+https://localhost:0").tls(tls(certificates.server_files()));
    let client = Client::new(config).unwrap();
    let url = client.endpoint().to_string().replace("listen+", "");
    let mut alerts = client.subscribe().unwrap();
    let sink: falco_client::relay::Sink = url.parse().unwrap();
    let relay = listening()
        .to(sink.tls(tls(certificates.client_files())))
        .start()
        .unwrap();
    assert_eq!(poster(&relay).post(&line(7)).unwrap(), 200);
    assert_eq!(recv(&mut alerts).field("number"), Some("7"));
}

#[test]
fn a_sink_of_a_private_ca_needs_no_client_certificate() {
    let certificates = Certificates::for_names(&["localhost"]);
    let [ca, cert, key] = certificates.server_files();
    let server = falco_client::Tls::server_from_files(cert, key);
    let client = Client::new(Config::new("listen+https://localhost:0").tls(server)).unwrap();
    let url = client.endpoint().to_string().replace("listen+", "");
    let mut alerts = client.subscribe().unwrap();
    let sink: falco_client::relay::Sink = url.parse().unwrap();
    let ca = falco_client::Tls::ca_from_file(ca);
    let relay = listening().to(sink.tls(ca.clone())).start().unwrap();
    assert_eq!(poster(&relay).post(&line(7)).unwrap(), 200);
    assert_eq!(recv(&mut alerts).field("number"), Some("7"));
    // Where this side needs a certificate, that is said.
    for endpoint in ["listen+https://localhost:0", "localhost:5060"] {
        let refused = Client::new(Config::new(endpoint).tls(ca.clone())).unwrap_err();
        let text = refused.to_string();
        assert!(text.contains("has no certificate of its own"), "{text}");
    }
}

#[test]
fn version_is_what_was_configured_or_seen() {
    let rig = Rig::set_up();
    let version = |name: &str| {
        let client = Client::open(&rig.socket(name)).unwrap();
        client.version().unwrap().version
    };
    let to = |name: &str| rig.socket(name).parse().unwrap();
    let _unknown = listening().to(to("unknown.sock")).start().unwrap();
    assert_eq!(version("unknown.sock"), "0.43.1+falco-client");
    let _told = listening()
        .to(to("told.sock"))
        .falco("0.44.0")
        .start()
        .unwrap();
    assert_eq!(version("told.sock"), "0.44.0");

    let older = Server::builder()
        .listen(rig.socket("older.sock"))
        .falco("0.36.2");
    let older = older.start().unwrap();
    let _seen = Relay::builder()
        .from(Config::new(older.endpoint()))
        .to(to("seen.sock"))
        .start()
        .unwrap();
    until("the version is seen", || version("seen.sock") == "0.36.2");
}

#[test]
fn an_older_falco_is_read_through_a_relay() {
    let rig = Rig::set_up();
    let older = Server::builder()
        .listen(rig.socket("older.sock"))
        .falco("0.22.1");
    let older = older.start().unwrap();
    older.extend((0..100).map(numbered));
    let relay = Relay::builder()
        .from(Config::new(older.endpoint()))
        .to(rig.path("out.jsonl").to_str().unwrap().parse().unwrap())
        .start()
        .unwrap();
    until("all are written", || {
        relay.status().sinks[0].delivered == 100
    });
    let lines = fs::read_to_string(rig.path("out.jsonl")).unwrap();
    assert!(lines.lines().eq((0..100).map(line)));
}
