//! Alerts that a sink cannot take, and what is no alert at all.

use std::fs::{self, Permissions};
use std::io::{BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use falco_client::{Alert, Client};

use crate::common::posting::message;
use crate::common::{number, until};
use crate::{get, line, listening, posted_sink, poster, recv, Rig, LIMIT};

/// A sink that refuses this alert, hangs up on another, and takes all others, which it reports.
fn choosing(refuses: usize, hangs_up: usize) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (took, taken) = mpsc::channel();
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let mut stream = BufReader::new(stream);
            while let Ok(Some((_, body))) = message(&mut stream) {
                let body = String::from_utf8(body).unwrap();
                let status = match number(&Alert::from_json(&body).unwrap()) {
                    number if number == hangs_up => break,
                    number if number == refuses => "400 No",
                    _ => {
                        let _ = took.send(body);
                        "200 Ok"
                    }
                };
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
                if stream.get_mut().write_all(answer.as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    (url, taken)
}

fn command(spool: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_falco-client"))
        .args(["dead-letters", "--spool", spool.to_str().unwrap()])
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn an_alert_that_is_given_up_is_kept_shown_and_sent_again_byte_for_byte() {
    let rig = Rig::set_up();
    let spool = rig.path("spool");
    let (url, taken) = choosing(1, 3);
    let relay = listening()
        .to(url.parse().unwrap())
        .spool(&spool)
        .metrics("127.0.0.1:0")
        .start()
        .unwrap();
    let mut falco = poster(&relay);
    for number in 0..6 {
        assert_eq!(falco.post(&line(number)).unwrap(), 200);
    }
    for number in [0, 2, 4, 5] {
        assert_eq!(taken.recv_timeout(LIMIT).unwrap(), line(number));
    }
    let mut delivered = 4;
    until("two are given up", || {
        // Others must be taken between its failures.
        assert_eq!(falco.post(&line(7)).unwrap(), 200);
        assert_eq!(taken.recv_timeout(LIMIT).unwrap(), line(7));
        delivered += 1;
        thread::sleep(Duration::from_millis(100));
        relay.status().given_up == 2
    });
    until("nothing is left", || relay.status().spooled == 0);
    let status = relay.status();
    assert_eq!((status.given_up, status.given_up_logged), (2, 0));
    assert_eq!(
        (status.sinks[0].delivered, status.sinks[0].refused),
        (delivered, 2)
    );
    let file = spool.join("dead-letters.jsonl");
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let health = get(&relay, "/healthz");
    let named = format!("dead letters: 2 in {}\n", file.display());
    assert!(
        health.starts_with("HTTP/1.1 200 ") && health.contains(&named),
        "{health}"
    );
    let metrics = get(&relay, "/metrics");
    for expected in [
        "dead_letters 2",
        "dead_letters_total 2",
        "dead_letters_logged_total 0",
    ] {
        assert!(
            metrics.contains(&format!("\nfalco_client_{expected}\n")),
            "{metrics}"
        );
    }

    // All of it while the relay runs.
    let shown = command(&spool, &[]);
    let shown = text(&shown.stdout);
    assert_eq!(shown.matches("Numbered: ").count(), 2, "{shown}");
    assert!(
        shown.contains(&format!(" to {url}: 400 Bad Request\n")),
        "{shown}"
    );
    let json = command(&spool, &["--json"]);
    assert_eq!(text(&json.stdout), fs::read_to_string(&file).unwrap());

    let other = command(&spool, &["--send-to", "http://127.0.0.1:1/"]);
    let said = text(&other.stderr);
    assert_eq!(other.status.code(), Some(1), "{said}");
    assert!(
        said.contains(&format!("it has some for {url}: choose one with --sink")),
        "{said}"
    );
    let down = command(
        &spool,
        &["--send-to", "http://127.0.0.1:1/", "--sink", &url],
    );
    let said = text(&down.stderr);
    assert_eq!(down.status.code(), Some(1), "{said}");
    assert!(said.contains("2 were not sent and are kept"), "{said}");
    let (half, half_taken) = choosing(3, usize::MAX);
    let refused = command(&spool, &["--send-to", &half, "--sink", &url]);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("1 were refused and are kept"), "{said}");
    assert_eq!(half_taken.recv_timeout(LIMIT).unwrap(), line(1));
    until("one is left", || relay.status().dead_letters == 1);

    let (mut alerts, mended) = posted_sink();
    let sent = command(&spool, &["--send-to", &mended, "--sink", &url]);
    let said = text(&sent.stderr);
    assert_eq!(sent.status.code(), Some(0), "{said}");
    assert_eq!(recv(&mut alerts).raw_json().unwrap(), line(3).as_bytes());
    until("none is left", || relay.status().dead_letters == 0);
    assert!(text(&command(&spool, &[]).stderr).contains("has no dead letters"));
}

#[test]
fn an_alert_is_not_given_up_while_it_cannot_be_kept() {
    let rig = Rig::set_up();
    let spool = rig.path("spool");
    let file = spool.join("dead-letters.jsonl");
    fs::create_dir_all(&file).unwrap();
    fs::set_permissions(&spool, Permissions::from_mode(0o700)).unwrap();
    let (url, taken) = choosing(1, usize::MAX);
    let relay = listening()
        .to(url.parse().unwrap())
        .spool(&spool)
        .start()
        .unwrap();
    let mut falco = poster(&relay);
    for number in 0..20 {
        assert_eq!(falco.post(&line(number)).unwrap(), 200);
    }
    for number in (0..20).filter(|number| *number != 1) {
        assert_eq!(
            taken.recv_timeout(LIMIT).unwrap(),
            line(number),
            "the others go on"
        );
    }
    until("that is said", || {
        let failing = relay.status().sinks[0].failing.clone();
        failing.is_some_and(|failing| failing.contains("400 Bad Request"))
    });
    assert_eq!(relay.status().given_up, 0);
    fs::remove_dir(&file).unwrap();
    assert_eq!(falco.post(&line(20)).unwrap(), 200);
    until("it is kept", || relay.status().spooled == 0);
    assert_eq!(
        (relay.status().given_up, relay.status().dead_letters),
        (1, 1)
    );
    let kept = fs::read_to_string(&file).unwrap();
    assert!(kept.contains(&line(1)), "{kept}");
}

#[test]
fn nothing_is_sent_to_a_grpc_sink_and_a_wrong_folder_is_named() {
    let rig = Rig::set_up();
    let missing = command(&rig.path("missing"), &[]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(text(&missing.stderr).contains("is no directory"));
    let line = r#"{"time":"2026-11-25T17:00:00Z","source":"s","reason":"r","format":"grpc","bytes":"/w=="}"#;
    let file = rig.path("dead-letters.jsonl");
    fs::write(&file, format!("{line}\nno letter\n")).unwrap();
    let grpc = command(rig.folder.path(), &["--send-to", "grpc"]);
    let said = text(&grpc.stderr);
    assert_eq!(grpc.status.code(), Some(2), "{said}");
    assert!(said.contains("nothing can be sent to it"), "{said}");
    let shown = command(rig.folder.path(), &["--remove"]);
    assert_eq!(shown.status.code(), Some(1), "as a line is none");
    assert!(text(&shown.stdout).contains("no alert, in hex: ff\n"));
    assert_eq!(fs::read_to_string(&file).unwrap(), "no letter\n");
}

#[test]
fn a_relay_says_that_all_that_came_is_no_alert() {
    let rig = Rig::set_up();
    let out = rig.path("out");
    let mut relay = Command::new(env!("CARGO_BIN_EXE_falco-client"))
        .args(["relay", "--from", "-", "--to", out.to_str().unwrap()])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = "12:00:00.000000000: Warning A shell was spawned (user=root)\n".repeat(3);
    relay
        .stdin
        .take()
        .unwrap()
        .write_all(lines.as_bytes())
        .unwrap();
    let ended = relay.wait_with_output().unwrap();
    let said = text(&ended.stderr);
    assert_eq!(ended.status.code(), Some(3), "{said}");
    assert!(
        said.contains("set json_output: true in falco.yaml"),
        "{said}"
    );

    let relay = listening()
        .to(out.to_str().unwrap().parse().unwrap())
        .metrics("127.0.0.1:0")
        .start()
        .unwrap();
    until("it is well", || {
        get(&relay, "/healthz").starts_with("HTTP/1.1 200 ")
    });
    let mut falco = poster(&relay);
    assert_eq!(falco.post("12:00:00: Warning A shell").unwrap(), 400);
    let health = get(&relay, "/healthz");
    let why = "no alerts come, 1 messages that are none: set json_output: true in falco.yaml";
    assert!(
        health.starts_with("HTTP/1.1 503 ") && health.contains(why),
        "{health}"
    );
    assert_eq!(falco.post(&line(0)).unwrap(), 200);
    assert!(get(&relay, "/healthz").starts_with("HTTP/1.1 200 "));
    for _ in 0..10 {
        assert_eq!(falco.post("12:00:00: Warning A shell").unwrap(), 400);
    }
    assert!(get(&relay, "/healthz").starts_with("HTTP/1.1 503 "));
}

#[test]
fn the_folder_of_a_socket_is_made() {
    let rig = Rig::set_up();
    let socket = rig.socket("run/falco.sock");
    let relay = listening().to(socket.parse().unwrap()).start().unwrap();
    let mode = fs::metadata(rig.path("run")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777 & !0o755, 0, "{mode:o}");
    assert_eq!(poster(&relay).post(&line(7)).unwrap(), 200);
    let mut alerts = Client::open(&socket).unwrap().subscribe().unwrap();
    assert_eq!(number(&recv(&mut alerts)), 7);
    let deeper = rig.socket("no/such/falco.sock");
    let error = listening()
        .to(deeper.parse().unwrap())
        .start()
        .err()
        .unwrap();
    let error = error.to_string();
    assert!(
        error.contains("its folder cannot be made: No such file"),
        "{error}"
    );
}
