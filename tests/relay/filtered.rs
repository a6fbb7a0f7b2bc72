//! Sinks with filters of their own.

use std::fs;

use falco_client::relay::{Relay, Sink};
use falco_client::{Alert, Client, Config};

use crate::common::{numbered, until};
use crate::{line, listening, poster, recv, Rig};

fn number(alert: &Alert) -> usize {
    alert.field("number").unwrap().parse().unwrap()
}

fn filtered(address: &str, wanted: fn(usize) -> bool) -> Sink {
    let sink: Sink = address.parse().unwrap();
    sink.filter(move |alert| wanted(number(alert)))
}

#[test]
fn each_sink_gets_what_its_filter_admits() {
    let rig = Rig::set_up();
    let socket = rig.socket("falco.sock");
    let file = rig.path("out").display().to_string();
    let relay = listening()
        .to(filtered(&socket, |number| number % 10 == 0))
        .to(filtered(&file, |number| number < 50))
        .spool(rig.path("spool"))
        .start()
        .unwrap();
    let mut clients = Client::open(&socket).unwrap().subscribe().unwrap();
    let mut falco = poster(&relay);
    for number in 0..100 {
        assert_eq!(falco.post(&line(number)).unwrap(), 200);
    }
    for ten in 0..10 {
        assert_eq!(number(&recv(&mut clients)), ten * 10);
    }
    // Also what follows the last alert that a sink wants.
    until("all is delivered", || relay.status().spooled == 0);
    let status = relay.status();
    let counts = |sink: usize| (status.sinks[sink].delivered, status.sinks[sink].filtered);
    // Of 50 to 99, nine in ten are stored for nobody.
    assert_eq!(
        (status.stored, status.filtered, status.dropped),
        (55, 45, 0)
    );
    assert_eq!((counts(0), counts(1)), ((10, 45), (50, 5)));
    assert!(status.is_healthy(), "{status:?}");
    let lines = fs::read_to_string(rig.path("out")).unwrap();
    let expected: String = (0..50).map(|number| line(number) + "\n").collect();
    assert_eq!(lines, expected);
}

#[test]
fn what_a_sink_does_not_want_is_confirmed_for_the_next_start() {
    let rig = Rig::set_up();
    let file = rig.path("out").display().to_string();
    let start = |wanted: fn(usize) -> bool| {
        Relay::builder()
            .from(Config::new("listen+http://127.0.0.1:0"))
            .to(filtered(&file, wanted))
            .to("http://127.0.0.1:1/".parse().unwrap())
            .spool(rig.path("spool"))
            .start()
            .unwrap()
    };
    let relay = start(|number| number == 3);
    let mut falco = poster(&relay);
    for number in 0..10 {
        assert_eq!(falco.post(&line(number)).unwrap(), 200);
    }
    until("the file has it", || relay.status().sinks[0].waiting == 0);
    let status = relay.status();
    assert_eq!(
        (status.sinks[0].delivered, status.sinks[0].filtered),
        (1, 9)
    );
    assert_eq!(relay.stop(std::time::Duration::ZERO), 10);
    drop(relay);
    // They wait for the other sink only.
    let relay = start(|_| true);
    assert_eq!(relay.status().spooled, 10);
    assert_eq!(poster(&relay).post(&line(10)).unwrap(), 200);
    until("the file has the next", || {
        relay.status().sinks[0].waiting == 0
    });
    let lines = fs::read_to_string(rig.path("out")).unwrap();
    let expected = [3, 10].map(|number| numbered(number).falco_json().to_string() + "\n");
    assert_eq!(lines, expected.concat());
}
