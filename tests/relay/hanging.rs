//! Sinks that answer some alerts and not others, or none for a while.

use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use falco_client::relay::{Relay, Sink};
use falco_client::Alert;

use crate::common::posting::message;
use crate::common::{number, until};
use crate::get;
use crate::{line, listening, poster};

/// What a sink does with an alert.
#[derive(Clone, Copy, PartialEq)]
enum Does {
    Take,
    HangUp,
    /// Never answers.
    Hang,
}

type Mind = Arc<Mutex<Box<dyn Fn(usize) -> Does + Send>>>;

/// A sink that does with each alert what its mind says, and keeps what it takes.
struct Moody {
    address: String,
    mind: Mind,
    taken: Arc<Mutex<Vec<usize>>>,
    listener: Option<Arc<TcpListener>>,
}

impl Moody {
    fn start(mind: impl Fn(usize) -> Does + Send + 'static) -> Moody {
        let mut sink = Moody {
            address: "127.0.0.1:0".to_owned(),
            mind: Arc::new(Mutex::new(Box::new(mind))),
            taken: Arc::default(),
            listener: None,
        };
        sink.listen();
        sink
    }

    fn url(&self) -> Sink {
        format!("http://{}/", self.address).parse().unwrap()
    }

    fn set(&self, mind: impl Fn(usize) -> Does + Send + 'static) {
        *self.mind.lock().unwrap() = Box::new(mind);
    }

    fn taken(&self) -> Vec<usize> {
        self.taken.lock().unwrap().clone()
    }

    fn listen(&mut self) {
        let begin = Instant::now();
        let listener = loop {
            match TcpListener::bind(&self.address) {
                Ok(listener) => break Arc::new(listener),
                Err(error) => assert!(begin.elapsed() < crate::LIMIT, "{error}"),
            }
            thread::sleep(Duration::from_millis(10));
        };
        self.address = listener.local_addr().unwrap().to_string();
        self.listener = Some(listener.clone());
        let (mind, taken) = (self.mind.clone(), self.taken.clone());
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                // Its owner has closed it.
                if Arc::strong_count(&listener) == 1 {
                    return;
                }
                let (mind, taken) = (mind.clone(), taken.clone());
                thread::spawn(move || serve(stream, &mind, &taken));
            }
        });
    }

    /// Refuses connections.
    fn close(&mut self) {
        drop(self.listener.take());
        // Lets its thread see that.
        let _ = TcpStream::connect(&self.address);
        until("it is closed", || {
            TcpStream::connect(&self.address).is_err()
        });
    }
}

fn serve(stream: TcpStream, mind: &Mind, taken: &Mutex<Vec<usize>>) {
    let mut stream = BufReader::new(stream);
    while let Ok(Some((_, body))) = message(&mut stream) {
        let body = String::from_utf8(body).unwrap();
        let number = number(&Alert::from_json(&body).unwrap());
        let does = (mind.lock().unwrap())(number);
        match does {
            Does::Take => {
                taken.lock().unwrap().push(number);
                let answer = b"HTTP/1.1 200 Ok\r\nContent-Length: 0\r\n\r\n";
                if stream.get_mut().write_all(answer).is_err() {
                    return;
                }
            }
            Does::HangUp => return,
            // Until the other side has had enough.
            Does::Hang => {
                let _ = message(&mut stream);
                return;
            }
        }
    }
}

fn failing(relay: &Relay) -> String {
    let failing = relay.status().sinks[0].failing.clone();
    failing.map_or(String::new(), |failing| failing.to_string())
}

#[test]
fn no_alert_is_given_up_while_the_sink_is_down_though_it_has_taken_another() {
    let mut sink = Moody::start(|_| Does::HangUp);
    let relay = listening().to(sink.url()).start().unwrap();
    let mut falco = poster(&relay);
    assert_eq!(falco.post(&line(0)).unwrap(), 200);
    until("it is doubted", || relay.status().sinks[0].held_back == 1);
    sink.set(|number| {
        if number == 1 {
            Does::Take
        } else {
            Does::HangUp
        }
    });
    assert_eq!(falco.post(&line(1)).unwrap(), 200);
    until("another is taken", || sink.taken() == [1]);
    // For longer than it takes to fail five times, in each way.
    thread::sleep(Duration::from_secs(12));
    assert!(!failing(&relay).is_empty());
    sink.close();
    thread::sleep(Duration::from_secs(12));
    let said = failing(&relay);
    assert!(said.contains("refused"), "{said}");
    assert_eq!(relay.status().given_up, 0);
    sink.set(|_| Does::Take);
    sink.listen();
    until("both are there", || relay.status().spooled == 0);
    assert_eq!((sink.taken(), relay.status().given_up), (vec![1, 0], 0));
}

#[test]
fn an_alert_that_takes_its_sink_down_holds_up_no_other() {
    // Down for a moment after each attempt on it.
    let sink = Arc::new(Mutex::new(Moody::start(|_| Does::Take)));
    let (crash, crashed) = std::sync::mpsc::channel();
    let crash = Mutex::new(crash);
    sink.lock().unwrap().set(move |number| match number {
        1 => {
            crash.lock().unwrap().send(()).unwrap();
            Does::HangUp
        }
        _ => Does::Take,
    });
    let supervised = sink.clone();
    thread::spawn(move || {
        while crashed.recv().is_ok() {
            supervised.lock().unwrap().close();
            thread::sleep(Duration::from_millis(700));
            supervised.lock().unwrap().listen();
            // What came meanwhile was refused.
            while crashed.try_recv().is_ok() {}
        }
    });
    let url = sink.lock().unwrap().url();
    let relay = listening().to(url).start().unwrap();
    let mut falco = poster(&relay);
    let mut next = 0;
    until("it is given up", || {
        assert_eq!(falco.post(&line(next)).unwrap(), 200);
        next += 1;
        thread::sleep(Duration::from_millis(200));
        relay.status().given_up == 1
    });
    until("all others are there", || relay.status().spooled == 0);
    let taken = sink.lock().unwrap().taken();
    let expected: Vec<_> = (0..next).filter(|number| *number != 1).collect();
    assert_eq!(taken, expected);
}

#[test]
fn an_alert_that_is_never_answered_is_given_up_and_the_others_pass() {
    let sink = Moody::start(|number| if number == 1 { Does::Hang } else { Does::Take });
    let url = sink.url().timeout(Duration::from_millis(1500));
    let relay = listening().to(url).metrics("127.0.0.1:0").start().unwrap();
    let mut falco = poster(&relay);
    let (mut next, mut said) = (0, String::new());
    let mut counted = false;
    until("it is given up", || {
        assert_eq!(falco.post(&line(next)).unwrap(), 200);
        next += 1;
        let now = failing(&relay);
        if now.contains("1.5 s") {
            said = now;
        }
        if !counted && relay.status().sinks[0].held_back == 1 {
            let health = get(&relay, "/healthz");
            let metrics = get(&relay, "/metrics");
            counted = health.contains("alerts that it fails on, others first: 1")
                && metrics.contains("\nfalco_client_sink_held_back_alerts{sink=\"http://");
        }
        thread::sleep(Duration::from_millis(100));
        relay.status().given_up == 1
    });
    assert_eq!(said, "it has not answered within 1.5 s");
    assert!(counted, "health and metrics say that it is held back");
    until("all others are there", || relay.status().spooled == 0);
    let expected: Vec<_> = (0..next).filter(|number| *number != 1).collect();
    assert_eq!(sink.taken(), expected);
}

#[test]
fn health_and_metrics_say_for_how_long_a_sink_has_not_answered() {
    let sink = Moody::start(|_| Does::Hang);
    let relay = listening()
        .to(sink.url())
        .metrics("127.0.0.1:0")
        .start()
        .unwrap();
    assert_eq!(poster(&relay).post(&line(0)).unwrap(), 200);
    until("health fails", || {
        get(&relay, "/healthz").starts_with("HTTP/1.1 503 ")
    });
    let health = get(&relay, "/healthz");
    let named = format!("to http://{}/: it has not answered for 1", sink.address);
    assert!(health.contains(&named), "{health}");
    let metrics = get(&relay, "/metrics");
    let label = format!(
        "falco_client_sink_unanswered_seconds{{sink=\"http://{}/\"}} 1",
        sink.address
    );
    assert!(metrics.contains(&label), "{metrics}");
    let up = format!(
        "falco_client_sink_up{{sink=\"http://{}/\"}} 0\n",
        sink.address
    );
    assert!(metrics.contains(&up), "{metrics}");
}
