//! Several alerts in a request, and compressed requests.

use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use falco_client::relay::{Batching, Relay, Sink};
use flate2::read::GzDecoder;
use serde_json::Value;

use crate::common::posting::message;
use crate::common::until;
use crate::{line, listening, posted_sink, poster, recv, LIMIT};

/// A request: its head, and its body without compression.
struct Request {
    head: String,
    body: String,
}

impl Request {
    /// The numbers of its alerts.
    fn numbers(&self) -> Vec<usize> {
        let values: Vec<Value> = match self.body.starts_with('[') {
            true => serde_json::from_str(&self.body).unwrap(),
            false => {
                let lines = self.body.lines();
                lines
                    .map(|line| serde_json::from_str(line).unwrap())
                    .collect()
            }
        };
        let number = |alert: &Value| alert["output_fields"]["number"].as_str().unwrap().parse();
        values.iter().map(|alert| number(alert).unwrap()).collect()
    }
}

/// A sink that answers each request with the status that `answer` gives.
fn sink(answer: impl Fn(&Request) -> u16 + Send + 'static) -> (Sink, Receiver<(Request, u16)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (came, requests) = mpsc::channel();
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let mut stream = BufReader::new(stream);
            while let Ok(Some((head, body))) = message(&mut stream) {
                let head = head.to_lowercase();
                let mut text = String::new();
                match head.contains("content-encoding: gzip") {
                    true => GzDecoder::new(body.as_slice()).read_to_string(&mut text),
                    false => body.as_slice().read_to_string(&mut text),
                }
                .unwrap();
                let request = Request { head, body: text };
                let status = answer(&request);
                let _ = came.send((request, status));
                if status == 0 {
                    break;
                }
                let answer = format!("HTTP/1.1 {status} Said\r\nContent-Length: 0\r\n\r\n");
                if stream.get_mut().write_all(answer.as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    (url.parse().unwrap(), requests)
}

fn post(relay: &Relay, numbers: std::ops::Range<usize>) {
    let mut falco = poster(relay);
    for number in numbers {
        assert_eq!(falco.post(&line(number)).unwrap(), 200);
    }
}

/// What the sink has taken, in order.
fn taken(requests: &Receiver<(Request, u16)>) -> Vec<usize> {
    let taken = requests.try_iter().filter(|(_, status)| *status == 200);
    taken.flat_map(|(request, _)| request.numbers()).collect()
}

#[test]
fn a_request_has_an_array_or_lines_up_to_its_limits() {
    for (batching, kind, begin) in [
        (Batching::array(), "content-type: application/json\r", "[{"),
        (
            Batching::lines(),
            "content-type: application/x-ndjson\r",
            "{",
        ),
    ] {
        let (sink, requests) = sink(|_| 200);
        let long = batching.alerts(10).delay(Duration::from_secs(60));
        let relay = listening()
            .to(sink.batching(long).gzip(true))
            .start()
            .unwrap();
        post(&relay, 0..25);
        // Two are complete, and the third is when the relay stops.
        for expected in [0..10, 10..20] {
            let (request, _) = requests.recv_timeout(LIMIT).unwrap();
            assert_eq!(request.numbers(), expected.collect::<Vec<_>>());
            assert!(request.head.contains(kind), "{}", request.head);
            assert!(request.head.contains("content-encoding: gzip"));
            assert!(request.body.starts_with(begin), "{}", request.body);
        }
        assert!(requests.try_recv().is_err());
        let begin = Instant::now();
        assert_eq!(relay.stop(LIMIT), 0);
        assert!(begin.elapsed() < Duration::from_secs(45), "it waited");
        assert_eq!(taken(&requests), (20..25).collect::<Vec<_>>());
    }
}

#[test]
fn an_alert_alone_waits_for_others_and_not_for_ever() {
    let (sink, requests) = sink(|_| 200);
    let batching = Batching::array().delay(Duration::from_millis(500));
    let relay = listening().to(sink.batching(batching)).start().unwrap();
    let begin = Instant::now();
    post(&relay, 0..1);
    let (request, _) = requests.recv_timeout(LIMIT).unwrap();
    assert_eq!(request.numbers(), [0]);
    assert!(begin.elapsed() >= Duration::from_millis(500));
    until("it is delivered", || relay.status().sinks[0].delivered == 1);
}

#[test]
fn an_alert_that_is_refused_costs_no_other_of_its_batch() {
    let (sink, requests) = sink(|request| match request.numbers().contains(&17) {
        true => 400,
        false => 200,
    });
    let batching = Batching::lines().delay(Duration::from_secs(2));
    let relay = listening().to(sink.batching(batching)).start().unwrap();
    post(&relay, 0..60);
    until("all but one are delivered", || {
        let sink = &relay.status().sinks[0];
        (sink.delivered, sink.refused) == (59, 1)
    });
    let status = relay.status();
    assert_eq!((status.spooled, status.is_healthy()), (0, true));
    let mut all = taken(&requests);
    all.sort_unstable();
    let expected: Vec<_> = (0..60).filter(|number| *number != 17).collect();
    assert_eq!(all, expected, "each once");
}

#[test]
fn an_alert_on_which_the_sink_hangs_up_costs_no_other_of_its_batch() {
    // The status 0 is no answer.
    let (sink, requests) = sink(|request| match request.numbers().contains(&3) {
        true => 0,
        false => 200,
    });
    let batching = Batching::array().delay(Duration::from_millis(100));
    let relay = listening().to(sink.batching(batching)).start().unwrap();
    post(&relay, 0..10);
    // It is given up only where the sink takes others meanwhile.
    let mut next = 10;
    until("all but one are delivered", || {
        post(&relay, next..next + 1);
        next += 1;
        thread::sleep(Duration::from_millis(100));
        relay.status().sinks[0].refused == 1
    });
    until("nothing is left", || relay.status().spooled == 0);
    assert_eq!(relay.status().sinks[0].delivered as usize, next - 1);
    let mut all = taken(&requests);
    all.sort_unstable();
    let expected: Vec<_> = (0..next).filter(|number| *number != 3).collect();
    assert_eq!(all, expected, "each once");
}

#[test]
fn batches_that_are_too_large_become_smaller_and_stay_so() {
    let most = line(0).len() * 9;
    let (sink, requests) = sink(move |request| match request.body.len() > most {
        true => 413,
        false => 200,
    });
    let batching = Batching::array().alerts(100).delay(Duration::from_secs(1));
    let relay = listening().to(sink.batching(batching)).start().unwrap();
    post(&relay, 0..300);
    until("all are delivered", || relay.status().spooled == 0);
    let sink = &relay.status().sinks[0];
    assert_eq!((sink.delivered, sink.refused), (300, 0));
    let answers: Vec<_> = requests.try_iter().collect();
    let refused = answers.iter().filter(|(_, status)| *status == 413).count();
    assert!((1..=10).contains(&refused), "{refused} were too large");
    let all: Vec<_> = answers
        .iter()
        .filter(|(_, status)| *status == 200)
        .flat_map(|(request, _)| request.numbers())
        .collect();
    assert_eq!(all, (0..300).collect::<Vec<_>>());
}

#[test]
fn this_client_takes_compressed_batches_and_single_alerts() {
    for batching in [Some(Batching::array()), Some(Batching::lines()), None] {
        let (mut alerts, url) = posted_sink();
        let mut sink = url.parse::<Sink>().unwrap().gzip(true);
        if let Some(batching) = batching {
            sink = sink.batching(batching.delay(Duration::ZERO));
        }
        let relay = listening().to(sink).start().unwrap();
        post(&relay, 0..5);
        for number in 0..5 {
            assert_eq!(recv(&mut alerts).raw_json(), Some(line(number).as_bytes()));
        }
        until("all are confirmed", || relay.status().spooled == 0);
    }
}

#[test]
fn batches_that_are_impossible_are_refused() {
    let to = |sink: &str| sink.parse::<Sink>().unwrap();
    for sink in [
        to("http://127.0.0.1:1/").batching(Batching::array().alerts(0)),
        to("http://127.0.0.1:1/").batching(Batching::array().delay(Duration::from_secs(61))),
        to("/dev/null").batching(Batching::lines()),
        to("/dev/null").gzip(true),
    ] {
        let error = listening().to(sink).start().err().unwrap().to_string();
        let (option, _) = error.split_once(": ").unwrap();
        assert!(matches!(option, "batching" | "gzip"), "{error}");
    }
}
