//! gRPC clients that take nothing hold up neither the others nor the sources.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use falco_client::api::grpcio::{self, ChannelCredentials, RpcStatusCode};
use falco_client::api::outputs;
use falco_client::relay::{Relay, Sink};
use falco_client::{Alert, Client, Handle, State};
use futures::executor::block_on;
use futures::StreamExt as _;

use crate::common::raw::{status, Raw, Sub};
use crate::common::{number, until};
use crate::{get, line, listening, poster, Rig};

/// Several times what a client that does not read is sent: C-core receives some MiB for it.
const ALERTS: usize = 20_000;

fn start(rig: &Rig, fan_out: bool) -> Relay {
    let sink: Sink = rig.socket("falco.sock").parse().unwrap();
    let relay = listening().to(sink.fan_out(fan_out));
    relay.metrics("127.0.0.1:0").start().unwrap()
}

fn raw(rig: &Rig) -> Raw {
    Raw::over(rig.socket("falco.sock"), ChannelCredentials::insecure())
}

fn post_all(relay: &Relay) {
    let mut falco = poster(relay);
    for number in 0..ALERTS {
        assert_eq!(
            falco.post(&line(number)).unwrap(),
            200,
            "the source is held up"
        );
    }
}

/// A client that reads on, and the numbers that it has read.
fn reading(rig: &Rig) -> (Handle, Arc<Mutex<Vec<usize>>>) {
    let client = Client::open(&rig.socket("falco.sock")).unwrap();
    let alerts = client.subscribe().unwrap();
    let (handle, numbers) = (alerts.handle(), Arc::<Mutex<Vec<usize>>>::default());
    let read = numbers.clone();
    thread::spawn(move || {
        for alert in alerts {
            read.lock().unwrap().push(number(&alert.unwrap()));
        }
    });
    (handle, numbers)
}

/// The numbers of the alerts that a client takes after all, and the status that follows.
fn take_all(
    sub: &mut Sub<outputs::Request, outputs::Response>,
) -> (Vec<usize>, grpcio::Result<()>) {
    let mut numbers = Vec::new();
    loop {
        match block_on(sub.alerts.next()) {
            Some(Ok(alert)) => numbers.push(alert.output_fields["number"].parse().unwrap()),
            Some(Err(error)) => return (numbers, Err(error)),
            None => return (numbers, Ok(())),
        }
    }
}

fn was_cut(end: grpcio::Result<()>) {
    let status = status(end);
    assert_eq!(status.code(), RpcStatusCode::DEADLINE_EXCEEDED);
    let text = "it has taken nothing for 30 s while there were alerts for it";
    assert_eq!(status.message(), text);
}

fn said_while_held_up_and_then_counted(relay: &Relay, cut: u64) {
    until("health says that clients take nothing", || {
        let health = get(relay, "/healthz");
        health.starts_with("HTTP/1.1 503 ") && health.contains("its clients take nothing")
    });
    until("the streams are ended", || {
        relay.status().sinks[0].cut == cut
    });
    until("it is healthy again", || {
        get(relay, "/healthz").starts_with("HTTP/1.1 200 ")
    });
    let health = get(relay, "/healthz");
    let expected = format!("streams ended whose clients took nothing: {cut}\n");
    assert!(health.contains(&expected), "{health}");
    let metrics = get(relay, "/metrics");
    let name = &relay.status().sinks[0].name;
    let expected = format!("falco_client_sink_streams_cut_total{{sink=\"{name}\"}} {cut}\n");
    assert!(metrics.contains(&expected), "{metrics}");
}

#[test]
fn what_a_client_that_reads_nothing_has_not_taken_goes_to_another() {
    let rig = Rig::set_up();
    let relay = start(&rig, false);
    post_all(&relay);
    let raw = raw(&rig);
    let mut lazy = raw.sub();
    lazy.ask();
    raw.round_trips();
    let (_, read) = reading(&rig);
    said_while_held_up_and_then_counted(&relay, 1);
    let (numbers, end) = take_all(&mut lazy);
    was_cut(end);
    assert!(!numbers.is_empty() && numbers.len() < ALERTS / 2);
    let lazy: BTreeSet<usize> = numbers.into_iter().collect();
    until("nothing is missing", || {
        let read: BTreeSet<usize> = read.lock().unwrap().iter().copied().collect();
        read.union(&lazy).count() == ALERTS
    });
    until("all is delivered", || {
        let status = relay.status();
        status.sinks[0].delivered == ALERTS as u64 && status.spooled == 0
    });
    assert_eq!(relay.status().sinks[0].dropped, 0);
}

#[test]
fn fanned_out_one_that_reads_nothing_and_one_that_asks_no_more_hold_up_no_other() {
    let rig = Rig::set_up();
    let relay = start(&rig, true);
    let raw = raw(&rig);
    let (mut lazy, mut silent) = (raw.sub(), raw.sub());
    lazy.ask();
    silent.ask();
    let (other, read) = reading(&rig);
    until("it follows", || other.state() == State::Following);
    raw.round_trips();
    post_all(&relay);
    lazy.ask();
    said_while_held_up_and_then_counted(&relay, 2);
    let (numbers, end) = take_all(&mut lazy);
    was_cut(end);
    assert!(numbers.iter().copied().eq(0..numbers.len()), "{numbers:?}");
    let (numbers, end) = take_all(&mut silent);
    was_cut(end);
    assert!(numbers.len() < ALERTS / 2, "it asked no more");
    until("nothing is missing", || {
        read.lock().unwrap().len() == ALERTS
    });
    assert!(
        read.lock().unwrap().iter().copied().eq(0..ALERTS),
        "in order"
    );
    until("all is delivered", || {
        let status = relay.status();
        status.sinks[0].delivered == ALERTS as u64 && status.spooled == 0
    });
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn signal(child: &Child, signal: &str) {
    let sent = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

#[test]
fn a_process_that_is_stopped_while_it_reads_loses_nothing_and_holds_up_nobody() {
    let rig = Rig::set_up();
    let relay = start(&rig, false);
    let out = rig.path("out");
    let watch = Command::new(env!("CARGO_BIN_EXE_falco-client"))
        .args([
            "watch",
            "--format",
            "falco",
            "--endpoint",
            &rig.socket("falco.sock"),
        ])
        .stdout(File::create(&out).unwrap())
        .stderr(Stdio::null())
        .spawn();
    let watch = Killed(watch.unwrap());
    let mut falco = poster(&relay);
    for number in 0..ALERTS {
        assert_eq!(falco.post(&line(number)).unwrap(), 200);
        if number == 0 {
            until("it reads", || fs::metadata(&out).unwrap().len() > 0);
        }
        if number == ALERTS / 10 {
            signal(&watch.0, "-STOP");
        }
    }
    let (_, read) = reading(&rig);
    until("the others go on", || relay.status().spooled == 0);
    signal(&watch.0, "-CONT");
    until("nothing is missing", || {
        let text = fs::read_to_string(&out).unwrap();
        let whole = text.lines().filter(|line| line.ends_with('}'));
        let printed = whole.map(|line| number(&Alert::from_json(line).unwrap()));
        let printed: BTreeSet<usize> = printed.collect();
        let read: BTreeSet<usize> = read.lock().unwrap().iter().copied().collect();
        printed.union(&read).count() == ALERTS
    });
}
