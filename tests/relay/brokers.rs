//! A topic of a broker that is not librdkafka's own, as a sink and as a source.

use std::net::TcpListener;
use std::ops::Range;
use std::time::Duration;

use falco_client::check::Check;
use falco_client::{Client, Config};

use crate::common::certificates::Certificates;
use crate::common::tansu::{tls_before, Tansu, SESSION};
use crate::common::{line, next, numbers, until};
use crate::{listening, poster, Rig};

/// Posts these to a relay that writes to the topic.
fn relay_into(topic: &str, alerts: Range<usize>) {
    let rig = Rig::set_up();
    let relay = listening()
        .to(topic.parse().unwrap())
        .spool(rig.path("spool"))
        .start()
        .unwrap();
    let mut falco = poster(&relay);
    for number in alerts {
        assert_eq!(falco.post(&line(number)).unwrap(), 200);
    }
    assert_eq!(relay.stop(Duration::from_secs(60)), 0);
}

#[test]
fn a_broker_of_another_make_takes_and_gives_alerts() {
    let Some(tansu) = Tansu::start(None, &[]) else {
        return;
    };
    tansu.create("alerts", 1);
    let topic = format!("kafka://{}/alerts", tansu.address());
    relay_into(&topic, 0..500);
    let endpoint = format!("{topic}?group=g&{SESSION}");
    let client = Client::open(&endpoint).unwrap();
    let mut alerts = client.subscribe().unwrap();
    for number in 0..200 {
        assert_eq!(next(&mut alerts), number);
    }
    until("its lag is known", || {
        alerts.counters().lag == Some(301) && alerts.counters().partitions == Some(1)
    });
    drop(alerts);
    let mut alerts = client.subscribe().unwrap();
    let mut expected = 199;
    while expected < 500 {
        let number = next(&mut alerts);
        assert!(number <= expected, "{expected} is missing before {number}");
        expected = expected.max(number + 1);
    }
    alerts.handle().close();
    assert_eq!(numbers(alerts), [0; 0]);
    let report = Check::new(Config::new(&endpoint)).run().unwrap();
    let report = report.to_string();
    assert!(
        report.contains("the group g has 0 alerts to read"),
        "{report}"
    );
}

#[test]
fn a_broker_behind_tls_is_verified_and_shown_a_certificate() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let Some(tansu) = Tansu::start(Some(port), &[]) else {
        return;
    };
    tansu.create("alerts", 1);
    let certificates = Certificates::for_names(&["localhost"]);
    let others = Certificates::for_names(&["localhost"]);
    let folder = certificates.folder();
    tls_before(listener, tansu.address(), folder);
    let path = |name: &str| folder.join(name).display().to_string();
    let trusted = format!("?ca={}", path("ca.crt"));
    let identity = format!("&cert={}&key={}", path("client.crt"), path("client.key"));
    let topic = format!("kafkas://localhost:{port}/alerts");
    relay_into(&format!("{topic}{trusted}{identity}"), 0..50);
    let endpoint = format!("{topic}{trusted}{identity}&group=g&{SESSION}");
    let client = Client::open(&endpoint).unwrap();
    let mut alerts = client.subscribe().unwrap();
    for number in 0..50 {
        assert_eq!(next(&mut alerts), number);
    }
    drop(alerts);
    let report = |options: &str| {
        let check = Check::new(Config::new(format!("{topic}{options}&group=g")));
        check.run().unwrap().to_string()
    };
    let good = report(&format!("{trusted}{identity}"));
    assert!(good.contains("certificate is valid"), "{good}");
    let unknown = others.folder().join("ca.crt").display().to_string();
    for refused in [format!("?ca={unknown}{identity}"), trusted] {
        let refused = report(&refused);
        assert!(refused.contains("FAILED"), "{refused}");
        assert!(!refused.contains("certificate is valid"), "{refused}");
    }
}

#[test]
fn a_user_whom_a_broker_does_not_know_is_told_so() {
    let Some(tansu) = Tansu::start(None, &["--authentication"]) else {
        return;
    };
    for sasl in ["scram-sha-256", "scram-sha-512"] {
        let endpoint = format!(
            "kafka://u:hush@{}/alerts?group=g&sasl={sasl}",
            tansu.address()
        );
        let report = Check::new(Config::new(endpoint)).run().unwrap();
        let report = report.to_string();
        assert!(
            report.contains("does not take the user or the password"),
            "{report}"
        );
        assert!(!report.contains("hush"), "{report}");
    }
}
