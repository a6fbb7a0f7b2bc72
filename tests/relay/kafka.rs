//! A topic of Kafka as a sink.

use std::collections::BTreeSet;
use std::time::Duration;

use falco_client::relay::Relay;
use falco_client::{Alert, Client, Config, Priority};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use crate::common::kafka::Cluster;
use crate::common::posting::Poster;
use crate::common::{line, next, until};
use crate::{get, listening, poster, Rig};

fn post(falco: &mut Poster, numbers: std::ops::Range<usize>) {
    for number in numbers {
        assert_eq!(falco.post(&line(number)).unwrap(), 200);
    }
}

fn lines(kafka: &Cluster) -> Vec<Vec<u8>> {
    kafka.written().into_iter().map(|it| it.value).collect()
}

#[test]
fn a_topic_gets_falcos_own_lines_by_their_nodes() {
    let kafka = Cluster::start(4);
    let relay = listening()
        .to(kafka.topic("").parse().unwrap())
        .start()
        .unwrap();
    let alert = |node: &str, number: usize| {
        Alert::builder()
            .without_time()
            .rule("A rule")
            .priority(Priority::Critical)
            .source("syscall")
            .hostname(node)
            .output(number.to_string())
            .build()
            .falco_json()
            .to_string()
    };
    let mut falco = poster(&relay);
    let mut expected = Vec::new();
    for number in 0..300 {
        for node in ["node-1", "node-2", "node-3"] {
            let line = alert(node, number);
            assert_eq!(falco.post(&line).unwrap(), 200);
            expected.push((node, line.into_bytes()));
        }
    }
    assert_eq!(relay.stop(Duration::from_secs(60)), 0);
    let written = kafka.written();
    assert_eq!(written.len(), 900);
    for node in ["node-1", "node-2", "node-3"] {
        let of_node = |it: &&crate::common::kafka::Written| it.key.as_deref() == Some(node);
        let of_node: Vec<_> = written.iter().filter(of_node).collect();
        assert!(of_node
            .iter()
            .all(|it| it.partition == of_node[0].partition));
        let values = of_node.iter().map(|it| &it.value);
        let sent = expected.iter().filter(|(of, _)| *of == node);
        assert!(
            values.eq(sent.map(|(_, line)| line)),
            "in order, byte for byte"
        );
    }
    let headers = &written[0].headers;
    let header = |name: &str| {
        let found = headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    };
    assert_eq!(header("rule"), Some("A rule"));
    assert_eq!(header("priority"), Some("Critical"));
    assert_eq!(header("source"), Some("syscall"));
}

#[test]
fn a_broker_that_is_away_holds_alerts_back_and_loses_and_repeats_none() {
    let kafka = Cluster::start(1);
    let rig = Rig::set_up();
    let relay = listening()
        .to(kafka.topic("").parse().unwrap())
        .spool(rig.path("spool"))
        .start()
        .unwrap();
    let mut falco = poster(&relay);
    for start in [0, 300, 600] {
        post(&mut falco, start..start + 100);
        kafka.mock.broker_down(1).unwrap();
        post(&mut falco, start + 100..start + 300);
        let failing = || {
            let status = relay.status();
            let failing = status.sinks[0].failing.as_deref().unwrap_or_default();
            failing.contains("no broker can be reached")
        };
        until("it says so", failing);
        kafka.mock.broker_up(1).unwrap();
    }
    until("all are delivered", || {
        let status = relay.status();
        status.sinks[0].delivered == 900 && status.sinks[0].failing.is_none()
    });
    assert_eq!(relay.stop(Duration::from_secs(60)), 0);
    let expected: Vec<_> = (0..900).map(|number| line(number).into_bytes()).collect();
    assert!(lines(&kafka) == expected, "each once, in order");
}

#[test]
fn rights_that_are_taken_away_and_a_broker_that_cannot_write_hold_alerts_back() {
    use RDKafkaRespErr::{
        RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR as FULL,
        RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS as TOO_FEW,
        RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED as NO_RIGHT,
    };
    for (error, said) in [
        (NO_RIGHT, "this user has no right to the topic"),
        (TOO_FEW, "do not answer in time"),
        (FULL, "do not answer in time"),
    ] {
        let kafka = Cluster::start(1);
        let relay = listening()
            .to(kafka.topic("").parse().unwrap())
            .start()
            .unwrap();
        let mut falco = poster(&relay);
        post(&mut falco, 0..10);
        until("some are delivered", || {
            relay.status().sinks[0].delivered == 10
        });
        let produce = RDKafkaApiKey::Produce;
        kafka.mock.request_errors(produce, &[error; 100_000]);
        post(&mut falco, 10..300);
        until("it says so", || {
            let status = relay.status();
            let failing = status.sinks[0].failing.as_deref().unwrap_or_default();
            failing.contains(said)
        });
        kafka.mock.clear_request_errors(produce);
        until("all are delivered", || {
            relay.status().sinks[0].delivered == 300
        });
        assert_eq!(relay.stop(Duration::from_secs(60)), 0);
        let written: BTreeSet<_> = lines(&kafka).into_iter().collect();
        let expected = (0..300).map(|number| line(number).into_bytes()).collect();
        assert!(written == expected, "{said}: {} are there", written.len());
    }
}

#[test]
fn an_alert_that_is_too_large_is_set_aside_and_the_others_are_not() {
    let kafka = Cluster::start(1);
    let rig = Rig::set_up();
    let spool = rig.path("spool");
    let relay = listening()
        .to(kafka
            .topic("?kafka.message.max.bytes=20000")
            .parse()
            .unwrap())
        .spool(&spool)
        .start()
        .unwrap();
    let mut falco = poster(&relay);
    post(&mut falco, 0..3);
    let large = Alert::builder()
        .without_time()
        .rule("Large")
        .output("x".repeat(50_000))
        .build();
    let large = large.falco_json().to_string();
    assert_eq!(falco.post(&large).unwrap(), 200);
    post(&mut falco, 3..6);
    until("it is set aside", || relay.status().sinks[0].refused == 1);
    until("the others are there", || kafka.written().len() == 6);
    drop(relay);
    let text = std::fs::read_to_string(spool.join("dead-letters.jsonl")).unwrap();
    assert!(text.contains("too large"), "{text}");
    let expected: Vec<_> = (0..6).map(|number| line(number).into_bytes()).collect();
    assert!(lines(&kafka) == expected);
}

#[test]
fn a_topic_is_relayed_into_another_and_not_into_itself() {
    let kafka = Cluster::start(1);
    let from = kafka.topic("?group=g");
    let start = |to: &str| {
        let relay = Relay::builder().from(Config::new(&from));
        relay.to(to.parse().unwrap()).start()
    };
    let same = kafka.topic("").replace("127.0.0.1", "localhost");
    let error = start(&same).unwrap_err();
    assert!(error.to_string().contains("round for ever"), "{error}");
    kafka.mock.create_topic("others", 1, 1).unwrap();
    let others = kafka.topic("").replace("/alerts", "/others");
    let relay = start(&others).unwrap();
    kafka.add(0..50);
    let mut alerts = Client::open(&format!("{others}?group=g"))
        .unwrap()
        .subscribe()
        .unwrap();
    for number in 0..50 {
        assert_eq!(next(&mut alerts), number);
    }
    // What is in the spool is read.
    until("it is committed", || kafka.unread("g") <= 1);
    assert_eq!(relay.stop(Duration::from_secs(60)), 0);
    for (to, part) in [
        ("kafka://u:hush@h/t?group=g", "the option group"),
        ("kafka://u:hush@h", "names no topic"),
        (
            "kafka://u:hush@h/t?kafka.enable.idempotence=false",
            "could be lost",
        ),
        ("kafka://u:hush@h/t?kafka.acks=1", "would be lost"),
    ] {
        let error = to.parse::<falco_client::relay::Sink>().unwrap_err();
        let error = error.to_string();
        assert!(error.contains(part) && !error.contains("hush"), "{error}");
    }
}

#[test]
fn health_and_metrics_say_how_far_a_topic_is_read() {
    let kafka = Cluster::start(3);
    kafka.add(0..10);
    let from = kafka.topic("?group=g");
    let port = crate::common::redis::free_port();
    let nobody = format!("http://127.0.0.1:{port}/");
    let relay = Relay::builder()
        .from(Config::new(&from))
        .to(nobody.parse().unwrap())
        .metrics("127.0.0.1:0")
        .start()
        .unwrap();
    // Without a spool on disk, what no sink has taken is not read.
    until("it is said", || {
        get(&relay, "/healthz").contains(": ok, 3 partitions, 10 to read\n")
    });
    let metrics = get(&relay, "/metrics");
    let name = relay.status().sources[0].name.clone();
    for (metric, value) in [("partitions", 3), ("lag_alerts", 10)] {
        let sample = format!("\nfalco_client_source_{metric}{{source=\"{name}\"}} {value}\n");
        assert!(metrics.contains(&sample), "{sample}: {metrics}");
    }
    assert!(metrics.contains("\nfalco_client_source_rebalances_total{"));
}
