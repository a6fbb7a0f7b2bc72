//! What people who ran falcosidekick or falco-exporter ask of a relay.

use std::io::{BufReader, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use falco_client::relay::{Relay, Sink};
use falco_client::{Alert, Priority};

use crate::common::posting::message;
use crate::common::until;
use crate::{get, line, listening, posted_sink, poster, recv, Rig, LIMIT};

/// A sink that reports the heads of requests, and refuses the first with 429 and `Retry-After: 1`.
fn heads() -> (String, Receiver<(String, Instant)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (came, heads) = mpsc::channel();
    thread::spawn(move || {
        let mut answers = ["429 Slow\r\nRetry-After: 1"].into_iter();
        while let Ok((stream, _)) = listener.accept() {
            let mut stream = BufReader::new(stream);
            while let Ok(Some((head, _))) = message(&mut stream) {
                let _ = came.send((head, Instant::now()));
                let status = answers.next().unwrap_or("200 Ok");
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
                if stream.get_mut().write_all(answer.as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    (url, heads)
}

#[test]
fn a_sink_gets_the_headers_that_it_wants_and_the_pause_that_it_asks_for() {
    let (url, heads) = heads();
    let sink: Sink = url.parse().unwrap();
    let sink = sink.header("Authorization", "Bearer s3cret");
    assert!(!format!("{sink:?}").contains("s3cret"));
    let relay = listening().to(sink).start().unwrap();
    assert_eq!(poster(&relay).post(&line(0)).unwrap(), 200);
    let (first, begin) = heads.recv_timeout(LIMIT).unwrap();
    let (second, end) = heads.recv_timeout(LIMIT).unwrap();
    for head in [first, second] {
        assert!(
            head.to_lowercase().contains("authorization: bearer s3cret"),
            "{head}"
        );
    }
    assert!(end - begin >= Duration::from_secs(1), "{:?}", end - begin);
    until("it is delivered", || relay.status().sinks[0].delivered == 1);
}

#[test]
fn a_header_that_cannot_be_sent_is_refused_without_its_value() {
    let rig = Rig::set_up();
    let file: Sink = rig.path("out").display().to_string().parse().unwrap();
    let http = || "http://127.0.0.1:1/".parse::<Sink>().unwrap();
    for sink in [
        file.header("Authorization", "s3cret"),
        http().header("bad name", "s3cret"),
        http().header("Authorization", "s3cret\n"),
    ] {
        let error = listening().to(sink).start().err().unwrap().to_string();
        assert!(error.starts_with("header: "), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}

fn alert(priority: Priority, namespace: &str) -> String {
    let alert = Alert::builder()
        .rule("Terminal \"shell\"")
        .priority(priority)
        .source("syscall")
        .hostname("node-1")
        .field("k8s.ns.name", namespace);
    alert.build().falco_json().to_string()
}

#[test]
fn alerts_are_counted_by_rule_and_filtered_before_the_spool() {
    let (mut alerts, url) = posted_sink();
    let relay = listening()
        .to(url.parse().unwrap())
        .metrics("127.0.0.1:0")
        .metrics_field("k8s.ns.name")
        .filter(|alert| alert.priority() >= Priority::Warning)
        .start()
        .unwrap();
    let mut falco = poster(&relay);
    for (priority, namespace) in [
        (Priority::Debug, "payments"),
        (Priority::Critical, "payments"),
        (Priority::Debug, "payments"),
        (Priority::Error, "web"),
    ] {
        assert_eq!(falco.post(&alert(priority, namespace)).unwrap(), 200);
    }
    assert_eq!(recv(&mut alerts).priority(), Priority::Critical);
    assert_eq!(recv(&mut alerts).priority(), Priority::Error);
    assert_eq!(relay.status().filtered, 2);
    let metrics = get(&relay, "/metrics");
    let labels = r#"{rule="Terminal \"shell\"",priority="Debug",source="syscall",hostname="node-1",k8s_ns_name="payments"} 2"#;
    for name in ["falco_client_alerts_total", "falco_events"] {
        assert!(
            metrics.contains(&format!("\n{name}{labels}\n")),
            "{metrics}"
        );
    }
    assert!(
        metrics.contains("\nfalco_client_filtered_total 2\n"),
        "{metrics}"
    );
}

#[test]
fn a_relay_lives_while_its_sink_is_down() {
    let sink = "http://127.0.0.1:1/".parse().unwrap();
    let relay = listening().to(sink).metrics("127.0.0.1:0").start().unwrap();
    assert_eq!(poster(&relay).post(&line(0)).unwrap(), 200);
    until("it is unhealthy", || {
        get(&relay, "/healthz").contains(" 503 ")
    });
    assert!(get(&relay, "/livez").starts_with("HTTP/1.1 200 "));
}

#[test]
fn a_relay_that_leads_back_to_itself_is_refused_however_it_is_spelt() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    for (source, sink) in [
        (
            format!("listen+http://0.0.0.0:{port}"),
            format!("http://localhost:{port}/x"),
        ),
        (
            format!("listen+http://127.0.0.1:{port}"),
            format!("http://0.0.0.0:{port}"),
        ),
    ] {
        let relay = Relay::builder().from(falco_client::Config::new(source));
        let error = relay
            .to(sink.parse().unwrap())
            .start()
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains("alerts would go round for ever"), "{error}");
    }
    let rig = Rig::set_up();
    let (path, link) = (rig.path("alerts"), rig.path("link"));
    std::fs::write(&path, "").unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let source = falco_client::Config::new(format!("file://{}", path.display()));
    let sink = link.display().to_string().parse().unwrap();
    let error = Relay::builder()
        .from(source)
        .to(sink)
        .start()
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("alerts would go round for ever"), "{error}");
}
