//! `falco-client relay --config FILE`, as a process.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, ChildStderr, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use falco_client::Tls;
use serde_json::Value;

use crate::command::relay;
use crate::common::certificates::Certificates;
use crate::common::posting::{message, Poster};
use crate::common::{line, until};
use crate::{Rig, LIMIT};

/// A relay that runs, and what it says.
struct Running {
    child: Child,
    said: std::io::Lines<BufReader<ChildStderr>>,
}

impl Running {
    fn start(args: &[&str]) -> Running {
        let mut child = relay(args).stderr(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stderr.take().unwrap()).lines();
        Running { child, said }
    }

    /// The rest of the line that has this text.
    fn says(&mut self, text: &str) -> String {
        let mut lines = self.said.by_ref().map(Result::unwrap);
        let found = lines.find_map(|line| Some(line.split_once(text)?.1.to_owned()));
        found.unwrap_or_else(|| panic!("it never said {text}"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A sink that takes everything and reports what came.
fn taking() -> (String, Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (came, requests) = mpsc::channel();
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let mut stream = BufReader::new(stream);
            while let Ok(Some(request)) = message(&mut stream) {
                let _ = came.send(request);
                let answer = b"HTTP/1.1 200 Ok\r\nContent-Length: 0\r\n\r\n";
                if std::io::Write::write_all(stream.get_mut(), answer).is_err() {
                    break;
                }
            }
        }
    });
    (url, requests)
}

#[test]
fn several_sources_and_sinks_have_options_of_their_own() {
    let rig = Rig::set_up();
    let (url, requests) = taking();
    fs::write(rig.path("token"), "t0ken\n").unwrap();
    let config = rig.path("relay.toml");
    let text = format!(
        r#"
        [spool]
        dir = "spool"

        [[source]]
        endpoint = "listen+http://127.0.0.1:0"
        name = "edge"

        [[sink]]
        address = "all.jsonl"

        [[sink]]
        address = "{url}"
        headers = {{ X-Tenant = "one" }}
        bearer_token_file = "token"
        "#
    );
    fs::write(&config, text).unwrap();
    let mut running = Running::start(&["--config", config.to_str().unwrap()]);
    let address = running.says("reading edge from listen+http://");
    let mut falco = Poster::connect(&address).unwrap();
    assert_eq!(falco.post(&line(0)).unwrap(), 200);
    let (head, body) = requests.recv_timeout(LIMIT).unwrap();
    let head = head.to_lowercase();
    assert!(head.contains("authorization: bearer t0ken"), "{head}");
    assert!(head.contains("x-tenant: one"), "{head}");
    let alert: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(alert["output_fields"]["relay.source"], "edge");
    let file = rig.path("all.jsonl");
    until("the file has it", || {
        fs::read(&file).is_ok_and(|lines| lines.ends_with(b"}\n"))
    });
    assert!(rig.path("spool").join("spool.sqlite").exists());
}

#[test]
fn arguments_are_added_to_the_file_or_replace_what_it_says() {
    let rig = Rig::set_up();
    let input = rig.path("in.jsonl");
    let lines: String = (0..10).map(|number| line(number) + "\n").collect();
    fs::write(&input, lines).unwrap();
    let config = rig.path("relay.toml");
    fs::write(
        &config,
        "filter = { fields = ['number=[0-4]'] }\nclose_within = 0\n[[sink]]\naddress = 'one'\n",
    )
    .unwrap();
    let two = rig.path("two");
    let ended = relay(&["--config", config.to_str().unwrap(), "--from", "-"])
        .args(["--to", two.to_str().unwrap(), "--close-within", "60"])
        .args(["--field", "number=[3-9]"])
        .stdin(fs::File::open(&input).unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(0), "{said}");
    for file in ["one", "two"] {
        let text = fs::read_to_string(rig.path(file)).unwrap();
        let expected = format!("{}\n{}\n", line(3), line(4));
        assert_eq!(text, expected, "{file}: {said}");
    }
}

#[test]
fn a_source_wants_its_token_and_a_sink_sends_one() {
    let rig = Rig::set_up();
    fs::write(rig.path("token"), "t0ken\n").unwrap();
    let config = rig.path("relay.toml");
    let start = |text: String| {
        fs::write(&config, text).unwrap();
        Running::start(&["--config", config.to_str().unwrap()])
    };
    let source = "[[source]]\nendpoint = 'listen+http://127.0.0.1:0'\n";
    let mut last = start(format!(
        "{source}token_file = 'token'\n[[sink]]\naddress = 'out'\n"
    ));
    let address = last.says("reading from listen+http://");
    let mut falco = Poster::connect(&address).unwrap();
    assert_eq!(falco.post(&line(0)).unwrap(), 401);
    let mut first = start(format!(
        "{source}[[sink]]\naddress = 'http://{address}/'\nbearer_token_file = 'token'\n"
    ));
    let address = first.says("reading from listen+http://");
    let mut falco = Poster::connect(&address).unwrap();
    assert_eq!(falco.post(&line(1)).unwrap(), 200);
    until("it went through both", || {
        fs::read_to_string(rig.path("out")).is_ok_and(|lines| lines == line(1) + "\n")
    });
}

fn check(rig: &Rig, text: &str, more: &[&str]) -> Output {
    let config = rig.path("relay.toml");
    fs::write(&config, text).unwrap();
    relay(&["--check", "--config", config.to_str().unwrap()])
        .args(more)
        .output()
        .unwrap()
}

#[test]
fn a_check_finds_what_would_fail_and_starts_nothing() {
    let rig = Rig::set_up();
    let (url, requests) = taking();
    let socket = rig.socket("falco.sock");
    let good = format!(
        "[spool]\ndir = 'spool'\n[metrics]\naddress = '127.0.0.1:0'\n\
         [[source]]\nendpoint = 'listen+http://127.0.0.1:0'\n\
         [[sink]]\naddress = '{url}'\n[[sink]]\naddress = 'out'\n[[sink]]\naddress = '{socket}'\n"
    );
    let checked = check(&rig, &good, &[]);
    let text = String::from_utf8(checked.stdout).unwrap();
    assert_eq!(checked.status.code(), Some(0), "{text}");
    assert!(
        text.contains(&format!("to {url}\n  ok       tcp")),
        "{text}"
    );
    assert!(requests.try_recv().is_err(), "something was sent");
    for made in ["spool", "out", "falco.sock"] {
        assert!(!rig.path(made).exists(), "{made} was made");
    }

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    for (bad, expected) in [
        (
            "[[sink]]\naddress = 'http://127.0.0.1:1/'".to_owned(),
            "FAILED   tcp",
        ),
        (
            "[[sink]]\naddress = 'no/folder/out'".to_owned(),
            "FAILED   outputs",
        ),
        (format!("[[sink]]\naddress = '{url}'"), "given twice"),
        (
            format!("[[source]]\nendpoint = 'listen+http://127.0.0.1:{port}'"),
            "FAILED   tcp",
        ),
        (
            "[[sink]]\naddress = 'http://x/'\nbearer_token_file = 'none'".to_owned(),
            "FAILED   config",
        ),
        (
            "[[sink]]\naddress = 'other'\nfan_out = true".to_owned(),
            "has no subscribers",
        ),
    ] {
        let checked = check(&rig, &format!("{good}{bad}\n"), &[]);
        let text = String::from_utf8(checked.stdout).unwrap();
        assert_eq!(checked.status.code(), Some(1), "{text}");
        assert!(text.contains(expected), "{expected}: {text}");
    }

    let bad = format!("{good}[[sink]]\naddress = 'http://127.0.0.1:1/'\n");
    let checked = check(&rig, &bad, &["--json"]);
    let report: Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!(report["ok"], false);
    assert_eq!(report["parts"][4]["to"], "http://127.0.0.1:1/");
    assert_eq!(report["parts"][4]["report"]["failed"], "tcp");
    assert_eq!(report["parts"][1]["report"]["ok"], true);

    let wrong = check(&rig, "[[sinks]]\n", &[]);
    let said = String::from_utf8(wrong.stderr).unwrap();
    assert_eq!(wrong.status.code(), Some(2), "{said}");
    assert!(
        said.contains("relay.toml:1:3: unknown key `sinks`"),
        "{said}"
    );
    assert!(said.contains("did you mean `sink`?"), "{said}");
}

#[test]
fn a_check_does_the_handshake_of_a_tls_sink() {
    let rig = Rig::set_up();
    let certificates = Certificates::for_names(&["localhost"]);
    let [ca, cert, key] = certificates.server_files();
    let config =
        falco_client::Config::new("listen+https://localhost:0").tls(Tls::from_files(ca, cert, key));
    let server = falco_client::Client::new(config).unwrap();
    let address = server.endpoint().to_string();
    let url = address.strip_prefix("listen+").unwrap();
    let _serving = server.subscribe().unwrap();
    let [ca, cert, key] = certificates.client_files();
    let (ca, cert, key) = (ca.display(), cert.display(), key.display());
    let source = "[[source]]\nendpoint = '-'\n";
    let with = format!(
        "{source}[[sink]]\naddress = '{url}'\nca = '{ca}'\ncert = '{cert}'\nkey = '{key}'\n"
    );
    let checked = check(&rig, &with, &[]);
    let text = String::from_utf8(checked.stdout).unwrap();
    assert_eq!(checked.status.code(), Some(0), "{text}");
    assert!(text.contains("ok       tls"), "{text}");
    let ca_alone = format!("{source}[[sink]]\naddress = '{url}'\nca = '{ca}'\n");
    let checked = check(&rig, &ca_alone, &[]);
    let text = String::from_utf8(checked.stdout).unwrap();
    assert!(!text.contains("FAILED   certificates"), "{text}");
    let without = format!("{source}[[sink]]\naddress = '{url}'\n");
    let checked = check(&rig, &without, &[]);
    let text = String::from_utf8(checked.stdout).unwrap();
    assert_eq!(checked.status.code(), Some(1), "{text}");
    assert!(text.contains("FAILED   tls"), "{text}");
}
