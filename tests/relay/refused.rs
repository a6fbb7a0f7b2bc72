//! A sink's answers, and what is seen from outside.

use std::io::{BufReader, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use falco_client::relay::{Relay, Sink};
use falco_client::{Config, Error};

use crate::common::posting::message;
use crate::common::until;
use crate::{get, line, listening, poster, Rig};

/// A sink that gives these answers, one after the other, and reports what was posted.
fn answering(statuses: &'static [u16]) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (posted, received) = mpsc::channel();
    thread::spawn(move || {
        let mut statuses = statuses.iter();
        while let Ok((stream, _)) = listener.accept() {
            let mut stream = BufReader::new(stream);
            while let Ok(Some((_, body))) = message(&mut stream) {
                let _ = posted.send(String::from_utf8(body).unwrap());
                let status = statuses.next().unwrap_or(&200);
                let answer = format!("HTTP/1.1 {status} Said\r\nContent-Length: 5\r\n\r\nsaid");
                let answer = [answer.as_bytes(), b"\xff"].concat();
                if stream.get_mut().write_all(&answer).is_err() {
                    break;
                }
            }
        }
    });
    (url, received)
}

#[test]
fn what_passes_is_tried_again_and_what_the_sink_refuses_is_given_up() {
    let (url, posted) = answering(&[503, 429, 404, 204, 400, 200, 400]);
    let relay = listening().to(url.parse().unwrap()).start().unwrap();
    let mut falco = poster(&relay);
    for number in 0..3 {
        assert_eq!(falco.post(&line(number)).unwrap(), 200);
    }
    let tried: Vec<_> = (0..7)
        .map(|_| posted.recv_timeout(crate::LIMIT).unwrap())
        .collect();
    let expected = [0, 0, 0, 0, 1, 2, 1].map(line);
    assert_eq!(
        tried, expected,
        "the first until it is taken, the refused one once more"
    );
    until("all is delivered", || relay.status().spooled == 0);
    let sink = &relay.status().sinks[0];
    assert_eq!((sink.delivered, sink.refused), (2, 1));
    assert_eq!(sink.failing, None);
}

#[test]
fn a_sink_that_refuses_everything_loses_no_alert() {
    let (url, posted) = answering(&[400; 15]);
    let relay = listening().to(url.parse().unwrap()).start().unwrap();
    let mut falco = poster(&relay);
    for number in 0..6 {
        assert_eq!(falco.post(&line(number)).unwrap(), 200);
    }
    until("it is seen to fail", || {
        relay.status().sinks[0].failing.is_some()
    });
    let failing = relay.status().sinks[0].failing.clone().unwrap();
    assert!(
        failing.contains("400 Bad Request (said\u{fffd})"),
        "{failing}"
    );
    until("all are taken", || relay.status().spooled == 0);
    let status = relay.status();
    let sink = &status.sinks[0];
    assert_eq!((sink.delivered, sink.refused), (6, 0));
    assert!(status.is_healthy(), "{status:?}");
    let tried: Vec<_> = posted.try_iter().collect();
    let mut taken = tried[15..].to_vec();
    taken.sort();
    assert!(taken.into_iter().eq((0..6).map(line)));
}

#[test]
fn health_and_metrics_are_served() {
    let rig = Rig::set_up();
    let relay = listening()
        .to(rig.socket("falco.sock").parse().unwrap())
        .metrics("127.0.0.1:0")
        .start()
        .unwrap();
    until("it listens", || {
        get(&relay, "/healthz").starts_with("HTTP/1.1 200 ")
    });
    assert_eq!(poster(&relay).post(&line(0)).unwrap(), 200);
    let metrics = get(&relay, "/metrics");
    let source = &relay.status().sources[0].name;
    for expected in [
        format!("falco_client_source_alerts_total{{source=\"{source}\"}} 1"),
        "# TYPE falco_client_spool_alerts gauge".to_owned(),
        "falco_client_spool_alerts 1".to_owned(),
        format!(
            "falco_client_sink_waiting_alerts{{sink=\"{}\"}} 1",
            rig.socket("falco.sock")
        ),
    ] {
        assert!(
            metrics.contains(&expected),
            "{expected} is not in {metrics}"
        );
    }
    assert!(get(&relay, "/").starts_with("HTTP/1.1 404 "));
}

#[test]
fn what_cannot_be_relayed_is_refused_at_once() {
    let rig = Rig::set_up();
    let to = |text: &str| listening().to(text.parse().unwrap()).start().err().unwrap();
    let none = Relay::builder()
        .from(Config::default())
        .start()
        .err()
        .unwrap();
    assert!(
        none.to_string().contains("needs a source and a sink"),
        "{none}"
    );
    let socket = rig.socket("falco.sock");
    let twice = listening()
        .to(socket.parse().unwrap())
        .to(socket.parse().unwrap())
        .start();
    assert!(twice.err().unwrap().to_string().contains("given twice"));
    let round = Relay::builder()
        .from(Config::new(&socket))
        .to(socket.parse().unwrap())
        .start();
    assert!(round.err().unwrap().to_string().contains("for ever"));
    let file: Sink = "/dev/null".parse().unwrap();
    let fanned = listening().to(file.fan_out(true)).start().err().unwrap();
    assert!(
        fanned.to_string().contains("has no subscribers"),
        "{fanned}"
    );
    let no_tls = to("localhost:0");
    assert!(no_tls.to_string().contains("mutual TLS"), "{no_tls}");
    for (text, remedy) in [
        ("listen+http://localhost:1", "is a source, and no sink"),
        ("http:///path", "write http://host:port/path"),
        ("ftp://x", "scheme ftp"),
    ] {
        let error = text.parse::<Sink>().unwrap_err();
        assert!(matches!(error, Error::Endpoint { .. }));
        assert!(error.to_string().contains(remedy), "{error}");
    }
}
