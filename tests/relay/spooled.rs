//! What a sink that is down, slow or gone costs: nothing, as long as there is room.

use std::net::TcpListener;
use std::time::Duration;

use falco_client::relay::Relay;
use falco_client::{Alerts, Client, Config, Overflow};

use crate::common::posting::Poster;
use crate::common::{number, until, Falco};
use crate::{line, listening, poster, recv, Rig};

/// An address where nothing listens, until somebody does.
pub fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[test]
fn alerts_wait_for_a_sink_that_is_down() {
    let address = free_address();
    let relay = listening()
        .to(format!("http://{address}/alerts").parse().unwrap())
        .start()
        .unwrap();
    let mut falco = poster(&relay);
    for number in 0..200 {
        assert_eq!(falco.post(&line(number)).unwrap(), 200);
    }
    until("it is seen to fail", || {
        relay.status().sinks[0].failing.is_some()
    });
    assert_eq!(relay.status().spooled, 200);
    assert!(!relay.status().is_healthy());
    let sink = Client::open(&format!("listen+http://{address}")).unwrap();
    let mut alerts = sink.subscribe().unwrap();
    for expected in 0..200 {
        assert_eq!(number(&recv(&mut alerts)), expected);
    }
    until("all are confirmed", || relay.status().spooled == 0);
    assert!(relay.status().is_healthy());
}

#[test]
fn a_full_spool_holds_up_whoever_posts() {
    let address = free_address();
    let relay = listening()
        .to(format!("http://{address}").parse().unwrap())
        .spool_bytes(1)
        .start()
        .unwrap();
    let mut falco = poster(&relay);
    assert_eq!(falco.post(&line(0)).unwrap(), 200);
    falco.send(&line(1)).unwrap();
    until("the second has come", || {
        relay.status().sources[0].counters.alerts == 2
    });
    let time = Some(Duration::from_millis(100));
    falco.stream().set_read_timeout(time).unwrap();
    assert!(
        falco.answer().is_err(),
        "it is not answered before it is stored"
    );
    assert_eq!(relay.status().stored, 1);
    until("it is said", || relay.status().spool_full);
    assert!(!relay.status().is_healthy());
    falco.stream().set_read_timeout(Some(crate::LIMIT)).unwrap();
    let sink = Client::open(&format!("listen+http://{address}")).unwrap();
    let mut alerts = sink.subscribe().unwrap();
    assert_eq!(number(&recv(&mut alerts)), 0);
    assert_eq!(falco.answer().unwrap(), 200);
    assert_eq!(number(&recv(&mut alerts)), 1);
    until("it is healthy again", || relay.status().is_healthy());
}

#[test]
fn a_full_spool_drops_the_oldest_if_set_to_and_counts_them() {
    let rig = Rig::set_up();
    let relay = listening()
        .to(rig.socket("falco.sock").parse().unwrap())
        .spool_bytes(20 * (line(0).len() as u64 * 2))
        .overflow(Overflow::DropOldest)
        .start()
        .unwrap();
    let mut falco = poster(&relay);
    for number in 0..2_000 {
        assert_eq!(falco.post(&line(number)).unwrap(), 200);
    }
    let status = relay.status();
    assert!(status.dropped > 0);
    assert_eq!(status.dropped + status.sinks[0].waiting, 2_000);
    let client = Client::open(&rig.socket("falco.sock")).unwrap();
    let mut alerts = client.subscribe().unwrap();
    let arrived = recv_until(&mut alerts, 1_999);
    assert_eq!(arrived.len() as u64 + status.dropped, 2_000);
    until("all are confirmed", || relay.status().sinks[0].waiting == 0);
    let status = relay.status();
    assert_eq!(status.sinks[0].delivered, arrived.len() as u64);
    assert_eq!(status.sinks[0].dropped, status.dropped);
}

/// The numbers that arrive, up to this one, in order.
fn recv_until(alerts: &mut Alerts, last: usize) -> Vec<usize> {
    let mut numbers = vec![number(&recv(alerts))];
    while numbers.last() != Some(&last) {
        let next = number(&recv(alerts));
        assert!(numbers.last() < Some(&next), "{next} after {numbers:?}");
        numbers.push(next);
    }
    numbers
}

#[test]
fn what_a_full_spool_has_dropped_is_exactly_what_does_not_arrive() {
    for spool in [None, Some("spool")] {
        let rig = Rig::set_up();
        let address = free_address();
        let mut relay = listening()
            .to(format!("http://{address}").parse().unwrap())
            .spool_bytes(20 * (line(0).len() as u64 * 2))
            .overflow(Overflow::DropOldest);
        if let Some(folder) = spool {
            relay = relay.spool(rig.path(folder));
        }
        let relay = relay.start().unwrap();
        let mut falco = poster(&relay);
        let posts = |falco: &mut Poster, numbers: std::ops::Range<usize>| {
            for number in numbers {
                assert_eq!(falco.post(&line(number)).unwrap(), 200);
            }
        };
        posts(&mut falco, 0..10);
        until("the sink has taken some out of the spool", || {
            relay.status().sinks[0].failing.is_some()
        });
        posts(&mut falco, 10..500);
        let before = relay.status();
        assert!(before.dropped > 300, "{before:?}");
        assert_eq!(before.dropped + before.sinks[0].waiting, 500);
        let sink = Client::open(&format!("listen+http://{address}")).unwrap();
        let mut alerts = sink.subscribe().unwrap();
        let arrived = recv_until(&mut alerts, 499);
        assert_eq!(arrived.len() as u64 + before.dropped, 500);
        until("all are confirmed", || relay.status().sinks[0].waiting == 0);
        let after = relay.status();
        assert_eq!(after.dropped, before.dropped);
        assert_eq!(after.sinks[0].dropped, before.dropped);
        assert_eq!(after.sinks[0].delivered, arrived.len() as u64);
    }
}

#[test]
fn what_was_in_flight_to_a_sink_at_the_end_is_left_or_dropped() {
    let relay = listening()
        .to(format!("http://{}", free_address()).parse().unwrap())
        .spool_bytes(20 * (line(0).len() as u64 * 2))
        .overflow(Overflow::DropOldest)
        .start()
        .unwrap();
    let mut falco = poster(&relay);
    for number in 0..500 {
        assert_eq!(falco.post(&line(number)).unwrap(), 200);
    }
    let left = relay.stop(Duration::ZERO);
    assert!(left > 0);
    assert_eq!(relay.status().dropped + left, 500);
}

#[test]
fn what_is_left_in_a_spool_on_disk_waits_for_the_next_relay() {
    let rig = Rig::set_up();
    let address = free_address();
    let start = || {
        listening()
            .to(format!("http://{address}").parse().unwrap())
            .spool(rig.path("spool"))
            .start()
            .unwrap()
    };
    let relay = start();
    let mut falco = poster(&relay);
    for number in 0..100 {
        assert_eq!(falco.post(&line(number)).unwrap(), 200);
    }
    assert_eq!(relay.stop(Duration::from_millis(10)), 100);
    drop(relay);
    let relay = start();
    assert_eq!(poster(&relay).post(&line(100)).unwrap(), 200);
    let sink = Client::open(&format!("listen+http://{address}")).unwrap();
    let mut alerts = sink.subscribe().unwrap();
    for expected in 0..=100 {
        assert_eq!(number(&recv(&mut alerts)), expected);
    }
    assert_eq!(relay.stop(crate::LIMIT), 0);
}

#[test]
fn a_former_sink_for_which_alerts_wait_is_named_or_forgotten() {
    let rig = Rig::set_up();
    let start = |to: &[String], forget: &[String]| {
        let mut relay = listening().spool(rig.path("spool"));
        for sink in to {
            relay = relay.to(sink.parse().unwrap());
        }
        for sink in forget {
            relay = relay.forget(sink.parse().unwrap());
        }
        relay.start()
    };
    let error = |started: falco_client::Result<Relay>| started.err().unwrap().to_string();
    let address = free_address();
    let http = format!("http://user:s3cret@{address}/a?token=s3cret");
    let socket = rig.socket("falco.sock");
    let other = vec![format!("file://{}", rig.path("out.jsonl").display())];
    let relay = start(&[http.clone(), socket.clone()], &[]).unwrap();
    for number in 0..5 {
        assert_eq!(poster(&relay).post(&line(number)).unwrap(), 200);
    }
    assert_eq!(relay.stop(Duration::ZERO), 5);
    drop(relay);
    let refused = error(start(&other, &[]));
    let shown = format!("http://{address}/a");
    assert!(
        refused.contains(&format!("5 alerts for {shown}")),
        "{refused}"
    );
    assert!(refused.contains(&format!("--forget {shown}")), "{refused}");
    assert!(refused.contains(&format!("5 for {socket}")), "{refused}");
    assert!(!refused.contains("s3cret"), "{refused}");
    for entry in std::fs::read_dir(rig.path("spool")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(6).any(|bytes| bytes == b"s3cret"));
    }
    // The same sinks in other spellings, with another token.
    std::os::unix::fs::symlink(rig.folder.path(), rig.path("link")).unwrap();
    let spelt = [
        format!("HTTP://user:new@{address}/a?token=new"),
        rig.socket("link/./falco.sock"),
    ];
    let relay = start(&spelt, &[]).unwrap();
    let waiting: Vec<_> = relay
        .status()
        .sinks
        .iter()
        .map(|sink| sink.waiting)
        .collect();
    assert_eq!(waiting, [5, 5]);
    drop(relay);
    let both = error(start(&spelt, std::slice::from_ref(&socket)));
    assert!(both.contains("is one of the sinks"), "{both}");
    let relay = start(&spelt[..1], &[socket]).unwrap();
    assert_eq!(relay.status().sinks[0].waiting, 5);
    assert_eq!(relay.stop(Duration::ZERO), 5);
    drop(relay);
    // What waits for nobody else is dropped, where there is no new sink to get it.
    let relay = start(&[spelt[0].clone(), other[0].clone()], &[]).unwrap();
    until("the file has them", || relay.status().sinks[1].waiting == 0);
    drop(relay);
    let relay = start(&other, &[shown]).unwrap();
    assert_eq!(relay.status().spooled, 0);
    let written = std::fs::read_to_string(rig.path("out.jsonl")).unwrap();
    assert_eq!(written.lines().count(), 5);
    drop(relay);
    let in_memory = listening()
        .to(other[0].parse().unwrap())
        .forget("-".parse().unwrap());
    assert!(error(in_memory.start()).contains("has no effect"));
}

#[test]
fn a_spool_is_used_by_one_relay_at_a_time() {
    let rig = Rig::set_up();
    let start = |name: &str| {
        listening()
            .to(rig.socket(name).parse().unwrap())
            .spool(rig.path("spool"))
            .start()
    };
    let _first = start("one.sock").unwrap();
    let error = start("two.sock").err().unwrap();
    assert!(
        matches!(error, falco_client::Error::Spool { .. }),
        "{error}"
    );
}

#[test]
fn what_was_pulled_is_stored_at_the_end_though_there_is_no_room() {
    let rig = Rig::set_up();
    let falco = Falco::holding(3_000);
    let start = |from: Config| {
        Relay::builder()
            .from(from)
            .to(format!("http://{}", free_address()).parse().unwrap())
            .spool(rig.path("spool"))
            .spool_bytes(1)
            .start()
            .unwrap()
    };
    let relay = start(Config::new(falco.endpoint()));
    until("all have come", || {
        relay.status().sources[0].counters.alerts == 3_000
    });
    assert!(relay.status().spooled < 3_000);
    assert_eq!(relay.stop(Duration::from_millis(10)), 3_000);
}

#[test]
fn a_sink_that_does_not_answer_holds_up_no_end() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let relay = listening()
        .to(format!("http://{}", silent.local_addr().unwrap())
            .parse()
            .unwrap())
        .start()
        .unwrap();
    assert_eq!(poster(&relay).post(&line(0)).unwrap(), 200);
    let (_taken, _) = silent.accept().unwrap();
    // Longer than the clock goes is no reason to panic, and shorter is heard.
    assert_eq!(relay.stop(Duration::from_millis(10)), 1);
    let other = listening()
        .to("/dev/null".parse().unwrap())
        .start()
        .unwrap();
    assert_eq!(other.stop(Duration::MAX), 0);
}

#[test]
fn connections_that_wait_for_room_stay_few() {
    let relay = Relay::builder()
        .from(Config::new("listen+http://127.0.0.1:0").max_connections(8))
        .to(format!("http://{}", free_address()).parse().unwrap())
        .spool_bytes(1)
        .start()
        .unwrap();
    assert_eq!(poster(&relay).post(&line(0)).unwrap(), 200);
    for number in 1..40 {
        // Each posts, and leaves without its answer.
        let _ = poster(&relay).send(&line(number));
    }
    until("the others are sent away", || {
        relay.status().sources[0].counters.refused > 20
    });
    assert!(relay.status().sources[0].counters.alerts <= 17);
}
