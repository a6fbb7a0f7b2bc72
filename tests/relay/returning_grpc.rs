//! Alerts that come back to a relay over gRPC.

use std::time::{Duration, Instant};

use falco_client::relay::Relay;
use falco_client::{Config, State};

use crate::common::{line, number, until};
use crate::{listening, posted_sink, poster, recv, Rig};

/// Whether a source on gRPC has ended, or a sink answers that its own alerts come back.
fn is_cut(relay: &Relay) -> bool {
    let status = relay.status();
    let mut on_grpc = status
        .sources
        .iter()
        .filter(|one| one.endpoint.starts_with("unix://"));
    let mut problems = status.sinks.iter().filter_map(|one| one.failing.as_ref());
    on_grpc.any(|one| one.state == State::Ended) || problems.any(|problem| problem.contains("508"))
}

/// Posts to the first, whose alerts come back to it until that is found.
fn is_found(first: &Relay, all: &[&Relay], taken: &mut falco_client::Alerts) {
    let mut falco = poster(first);
    assert_eq!(falco.post(&line(0)).unwrap(), 200);
    until("it is found", || all.iter().any(|relay| is_cut(relay)));
    assert!(all.iter().any(|relay| !relay.status().is_healthy()));
    // What is posted now comes once: it goes as far as the relay that reads no more.
    for posted in 1..=3 {
        assert_eq!(falco.post(&line(posted)).unwrap(), 200);
    }
    let mut next = 0;
    while next < 3 {
        let came = number(&recv(taken));
        assert!(came == next || came == next + 1, "{came} after {next}");
        assert!(came == next + 1 || next == 0, "{came} comes again");
        next = came;
    }
    // And waits there, as nothing is lost.
    let waits = || {
        all.iter()
            .any(|relay| relay.status().sinks.iter().any(|one| one.waiting >= 3))
    };
    until("all wait that were posted", waits);
}

#[test]
fn a_relay_that_reads_itself_through_another_reads_no_more() {
    for others in [1, 2] {
        let rig = Rig::set_up();
        let (mut taken, elsewhere) = posted_sink();
        let last = rig.socket(&others.to_string());
        let first = listening()
            .from(Config::new(&*last))
            .to(rig.socket("0").parse().unwrap())
            .to(elsewhere.parse().unwrap())
            .start()
            .unwrap();
        let others: Vec<_> = (1..=others)
            .map(|other| {
                let from = rig.socket(&(other - 1).to_string());
                let to = rig.socket(&other.to_string());
                let other = Relay::builder().from(Config::new(&*from));
                other.to(to.parse().unwrap()).start().unwrap()
            })
            .collect();
        let all: Vec<_> = others.iter().chain([&first]).collect();
        is_found(&first, &all, &mut taken);
    }
}

#[test]
fn a_relay_that_posts_to_one_that_it_reads_is_found() {
    // By what it reads, or where it posts: whichever has been told first.
    let rig = Rig::set_up();
    let (mut taken, elsewhere) = posted_sink();
    let other = listening()
        .to(rig.socket("1").parse().unwrap())
        .start()
        .unwrap();
    let first = listening()
        .from(Config::new(&*rig.socket("1")))
        .to(format!("http://{}", crate::address(&other, 0))
            .parse()
            .unwrap())
        .to(elsewhere.parse().unwrap())
        .start()
        .unwrap();
    is_found(&first, &[&first, &other], &mut taken);
}

#[test]
fn a_chain_of_relays_over_grpc_is_no_loop() {
    let rig = Rig::set_up();
    let (mut taken, elsewhere) = posted_sink();
    let first = listening()
        .to(rig.socket("0").parse().unwrap())
        .start()
        .unwrap();
    let second = Relay::builder()
        .from(Config::new(&*rig.socket("0")))
        .to(rig.socket("1").parse().unwrap())
        .start()
        .unwrap();
    let third = Relay::builder()
        .from(Config::new(&*rig.socket("1")))
        .to(elsewhere.parse().unwrap())
        .start()
        .unwrap();
    let mut falco = poster(&first);
    let begin = Instant::now();
    // Each has asked the one before it several times.
    for posted in 0.. {
        assert_eq!(falco.post(&line(posted)).unwrap(), 200);
        assert_eq!(number(&recv(&mut taken)), posted);
        if begin.elapsed() > Duration::from_secs(5) {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    for relay in [&first, &second, &third] {
        assert!(relay.status().is_healthy(), "{:?}", relay.status());
    }
}
