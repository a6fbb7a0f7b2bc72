//! Several sources, and several clients.

use falco_client::relay::{Relay, Sink};
use falco_client::{Client, Config};

use crate::common::posting::Poster;
use crate::common::{number, until};
use crate::{address, line, listening, poster, recv, Rig};

#[test]
fn fanned_out_every_subscription_gets_every_alert() {
    let rig = Rig::set_up();
    let sink: Sink = rig.socket("falco.sock").parse().unwrap();
    let relay = listening().to(sink.fan_out(true)).start().unwrap();
    let mut falco = poster(&relay);
    // Before anyone has come: for the first who does.
    assert_eq!(falco.post(&line(0)).unwrap(), 200);
    let client = Client::open(&rig.socket("falco.sock")).unwrap();
    let mut first = client.subscribe().unwrap();
    assert_eq!(number(&recv(&mut first)), 0);
    // It counts from the moment when the server has met it: it asks at once.
    let mut second = Client::open(&rig.socket("falco.sock"))
        .unwrap()
        .subscribe()
        .unwrap();
    until("the second follows", || {
        second.state() == falco_client::State::Following
    });
    let mut known = 0;
    for number in 1.. {
        assert_eq!(falco.post(&line(number)).unwrap(), 200);
        if second.try_recv().is_ok() {
            known = number;
            break;
        }
        assert!(number < 100_000);
    }
    for number in known + 1..=known + 500 {
        assert_eq!(falco.post(&line(number)).unwrap(), 200);
    }
    let last = known + 500;
    for alerts in [&mut first, &mut second] {
        let mut before = number(&recv(alerts));
        while before < last {
            let next = number(&recv(alerts));
            assert_eq!(next, before + 1, "each alert, in order");
            before = next;
        }
    }
    drop((first, second));
    assert_eq!(relay.stop(crate::LIMIT), 0);
}

#[test]
fn otherwise_an_alert_goes_to_one_client() {
    let rig = Rig::set_up();
    let relay = listening()
        .to(rig.socket("falco.sock").parse().unwrap())
        .start()
        .unwrap();
    let mut falco = poster(&relay);
    for number in 0..500 {
        assert_eq!(falco.post(&line(number)).unwrap(), 200);
    }
    let client = || Client::open(&rig.socket("falco.sock")).unwrap();
    let mut numbers: Vec<_> = client()
        .get()
        .unwrap()
        .into_iter()
        .map(|alert| number(&alert.unwrap()))
        .collect();
    numbers.extend(
        client()
            .get()
            .unwrap()
            .into_iter()
            .map(|alert| number(&alert.unwrap())),
    );
    numbers.sort();
    assert!(numbers.into_iter().eq(0..500));
}

#[test]
fn alerts_of_several_sources_name_their_source() {
    let rig = Rig::set_up();
    let out = rig.path("out.jsonl");
    let relay = Relay::builder()
        .from(Config::new("listen+http://127.0.0.1:0"))
        .from(Config::new("listen+http://127.0.0.1:0"))
        .to(rig.socket("falco.sock").parse().unwrap())
        .to(out.to_str().unwrap().parse().unwrap());
    // Two on any port are two sources.
    let relay = relay.start().unwrap();
    let mut alerts = Client::open(&rig.socket("falco.sock"))
        .unwrap()
        .subscribe()
        .unwrap();
    for source in 0..2 {
        let address = address(&relay, source);
        let mut falco = Poster::connect(&address).unwrap();
        assert_eq!(falco.post(&line(source)).unwrap(), 200);
        let alert = recv(&mut alerts);
        let name = format!("listen+http://{address}");
        assert_eq!(alert.field("relay.source"), Some(name.as_str()));
        assert_eq!(number(&alert), source);
    }
    until("both are written", || relay.status().sinks[1].waiting == 0);
    let lines = std::fs::read_to_string(out).unwrap();
    for (source, written) in lines.lines().enumerate() {
        let json: serde_json::Value = serde_json::from_str(written).unwrap();
        let name = format!("listen+http://{}", address(&relay, source));
        assert_eq!(json["output_fields"]["relay.source"], name);
        let label = format!(",\"relay.source\":\"{name}\"");
        assert_eq!(written.replace(&label, ""), line(source));
    }
}
