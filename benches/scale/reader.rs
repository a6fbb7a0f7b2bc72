//! A process that follows all Falcos, in one loop as in `examples/fan_in.rs`.

use std::sync::{Arc, Mutex};
use std::thread::{self, sleep};
use std::time::{Duration, Instant, SystemTime};

use falco_client::{Client, Handle, State};
use futures::executor::block_on_stream;
use futures::stream::select_all;

use crate::falcos::endpoint;
use crate::machine::percentile;
use crate::part::{commands, say};

/// How often it is looked whether something has come to pass.
const LOOK: Duration = Duration::from_millis(5);
/// How long what was sent may take to arrive.
const LIMIT: Duration = Duration::from_secs(120);

/// How late each alert came, in microseconds.
type Late = Arc<Mutex<Vec<u64>>>;

pub fn run(folder: &str, count: usize) {
    let alerts = (0..count).map(|at| {
        let client = Client::open(&endpoint(folder, at)).unwrap();
        client.subscribe().unwrap()
    });
    let alerts: Vec<_> = alerts.collect();
    let handles: Vec<Handle> = alerts.iter().map(|alerts| alerts.handle()).collect();
    let late = Late::default();
    let come = late.clone();
    thread::spawn(move || {
        for alert in block_on_stream(select_all(alerts)) {
            let Ok(alert) = alert else { continue };
            let age = SystemTime::now().duration_since(alert.time());
            let age = age.unwrap_or_default().as_micros();
            come.lock().unwrap().push(age as u64);
        }
    });
    follow(&handles);
    say(&[0.0]);

    let (mut begin, mut requests) = (Instant::now(), 0);
    for command in commands() {
        let words: Vec<_> = command.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["begin"] => {
                late.lock().unwrap().clear();
                (begin, requests) = (Instant::now(), sum_requests(&handles));
                say(&[0.0]);
            }
            ["await", sent] => {
                let sent: usize = sent.parse().unwrap();
                let until = Instant::now() + LIMIT;
                while late.lock().unwrap().len() < sent {
                    assert!(Instant::now() < until, "alerts are missing");
                    sleep(LOOK);
                }
                say(&[begin.elapsed().as_secs_f64()]);
            }
            ["end"] => {
                let mut late = std::mem::take(&mut *late.lock().unwrap());
                late.sort_unstable();
                let ms = |share| percentile(&late, share) as f64 / 1_000.0;
                let requests = sum_requests(&handles) - requests;
                say(&[ms(0.5), ms(0.99), ms(1.0), requests as f64]);
            }
            ["follow"] => {
                let begin = Instant::now();
                follow(&handles);
                say(&[begin.elapsed().as_secs_f64()]);
            }
            _ => panic!("{command:?}"),
        }
    }
}

fn sum_requests(handles: &[Handle]) -> u64 {
    let requests = handles.iter().map(|handle| handle.counters().requests);
    requests.sum()
}

fn follow(handles: &[Handle]) {
    let until = Instant::now() + LIMIT;
    while !handles
        .iter()
        .all(|handle| handle.state() == State::Following)
    {
        assert!(Instant::now() < until, "a Falco is not followed");
        sleep(LOOK);
    }
}
