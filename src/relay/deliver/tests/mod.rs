//! Sinks that refuse alerts.

mod hangs_up;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::alert::Format;
use crate::config::Overflow;
use crate::delivery::Message;
use crate::relay::dead_letters::DeadLetters;
use crate::relay::identity::SinkIdentity;
use crate::relay::progress::Progress;
use crate::relay::sink_queue::SinkQueue;
use crate::relay::spool::{Incoming, Sinks, Spool, Storage};

const LIMIT: Duration = Duration::from_secs(60);

/// Takes batches, and refuses what it is told to.
struct Scripted {
    batch: usize,
    shared: Arc<Mutex<Script>>,
}

#[derive(Default)]
struct Script {
    /// Numbers that are no alerts.
    no_alert: BTreeSet<u64>,
    /// Numbers that are refused.
    refused: BTreeSet<u64>,
    refuses_all: bool,
    /// How many are refused at first, whatever their numbers are.
    refuses_first: usize,
    /// How many are handled of a batch, at most; all of it where this is 0.
    most: usize,
    /// Numbers in the order in which they were tried.
    tried: Vec<u64>,
    taken: Vec<u64>,
}

impl Deliver for Scripted {
    fn batch_size(&self) -> usize {
        self.batch
    }

    fn deliver(&mut self, batch: &[Entry]) -> Result<Delivery, Failure> {
        let mut script = self.shared.lock().unwrap();
        assert!((1..=self.batch).contains(&batch.len()));
        let most = if script.most == 0 {
            batch.len()
        } else {
            script.most
        };
        let handled = batch.len().min(most);
        let mut refused = Vec::new();
        for &Entry { number, .. } in &batch[..handled] {
            script.tried.push(number);
            let reason = if script.no_alert.contains(&number) {
                Reason::NoAlert(Error::not_protobuf(Box::default(), String::new()))
            } else if script.refuses_all
                || script.tried.len() <= script.refuses_first
                || script.refused.contains(&number)
            {
                Reason::Answer {
                    status: "400 Bad Request".to_owned(),
                    excerpt: "no".to_owned(),
                }
            } else {
                script.taken.push(number);
                continue;
            };
            refused.push(RefusedAlert { number, reason });
        }
        Ok(Delivery { handled, refused })
    }
}

/// A worker that runs.
struct Rig {
    spool: Arc<Spool>,
    progress: Arc<Progress>,
    script: Arc<Mutex<Script>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Rig {
    /// With alerts 1 to `alerts` in its spool.
    fn start(alerts: u64, batch: usize, script: Script) -> Rig {
        let named = [SinkIdentity::new("a".to_owned())];
        let sinks = Sinks::named(&named);
        let spool = Spool::open(Storage::Memory, 1 << 20, Overflow::Wait, &sinks);
        let rig = Rig {
            spool: Arc::new(spool.unwrap()),
            progress: Arc::default(),
            script: Arc::new(Mutex::new(script)),
            thread: None,
        };
        for _ in 0..alerts {
            rig.put();
        }
        let worker = Worker {
            sink: Scripted {
                batch,
                shared: rig.script.clone(),
            },
            name: "a".into(),
            identity: SinkIdentity::new("a".to_owned()),
            queue: SinkQueue::new(rig.spool.clone(), 0, None, rig.progress.clone()),
            progress: rig.progress.clone(),
            dead_letters: Arc::new(DeadLetters::new(None)),
            stop: Arc::default(),
            draining: Arc::default(),
            labelled: false,
        };
        let thread = Some(thread::spawn(move || worker.run()));
        Rig { thread, ..rig }
    }

    fn put(&self) {
        let message = Message {
            bytes: Vec::new(),
            format: Format::Grpc,
            position: None,
            number: 0,
        };
        let source: Arc<str> = "one".into();
        self.spool
            .put(vec![Incoming {
                endpoint: source.clone(),
                source,
                message,
            }])
            .unwrap();
    }

    fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let end = Instant::now() + LIMIT;
        while !holds() {
            assert!(Instant::now() < end, "{what}: {:?}", self.script().tried);
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until nothing is left. Returns the numbers that were taken, and how many were refused.
    fn finish(mut self) -> (Vec<u64>, u64) {
        assert!(self.spool.wait_empty(Instant::now() + LIMIT));
        self.spool.close();
        self.thread.take().unwrap().join().unwrap();
        let taken = self.script().taken.clone();
        assert_eq!(self.progress.delivered(), taken.len() as u64);
        assert_eq!(self.progress.failing(), None);
        (taken, self.progress.refused())
    }
}

#[test]
fn a_refused_alert_is_given_up_where_the_sink_takes_others() {
    for batch in [1, 4, 100] {
        let script = Script {
            refused: [3, 4, 5].into(),
            ..Script::default()
        };
        let rig = Rig::start(10, batch, script);
        assert_eq!(rig.finish(), (vec![1, 2, 6, 7, 8, 9, 10], 3), "{batch}");
    }
}

#[test]
fn more_refused_alerts_than_are_tried_at_once_hold_up_no_others() {
    let script = Script {
        refused: (1..=30).collect(),
        ..Script::default()
    };
    let rig = Rig::start(31, 1, script);
    assert_eq!(rig.finish(), (vec![31], 30));
}

#[test]
fn many_more_than_are_tried_again_at_once_hold_up_no_others_either() {
    for batch in [1, 10] {
        let script = Script {
            refused: (1..=200).collect(),
            ..Script::default()
        };
        let rig = Rig::start(202, batch, script);
        assert_eq!(rig.finish(), (vec![201, 202], 200));
    }
}

#[test]
fn what_a_sink_has_refused_while_it_was_at_fault_comes_in_order() {
    for batch in [1, 10] {
        let script = Script {
            refuses_all: true,
            ..Script::default()
        };
        let rig = Rig::start(300, batch, script);
        rig.until("it has tried many", || rig.script().tried.contains(&100));
        assert!(rig.progress.failing().is_some());
        rig.script().refuses_all = false;
        assert_eq!(rig.finish(), ((1..=300).collect(), 0), "{batch}");
    }
}

#[test]
fn a_sink_that_refuses_everything_is_failing_and_nothing_is_given_up() {
    for batch in [1, 4, 100] {
        let script = Script {
            refuses_all: true,
            ..Script::default()
        };
        let rig = Rig::start(20, batch, script);
        rig.until("it is failing", || rig.progress.failing().is_some());
        let failing = rig.progress.failing().unwrap();
        assert_eq!(
            &*failing,
            "it refuses every alert with 400 Bad Request (no)"
        );
        rig.until("it tries again", || {
            rig.script()
                .tried
                .iter()
                .filter(|number| **number == 1)
                .count()
                > 1
        });
        rig.script().refuses_all = false;
        assert_eq!(rig.finish(), ((1..=20).collect(), 0), "{batch}");
    }
}

#[test]
fn a_sink_that_recovers_between_two_alerts_loses_none() {
    for refuses_first in [1, 3, 4, 5, 7, 12] {
        let script = Script {
            refuses_first,
            ..Script::default()
        };
        let (mut taken, refused) = Rig::start(5, 1, script).finish();
        taken.sort();
        assert_eq!((taken, refused), ((1..=5).collect(), 0), "{refuses_first}");
    }
}

#[test]
fn a_refused_alert_that_is_the_last_waits_for_another() {
    let script = Script {
        refused: [2].into(),
        ..Script::default()
    };
    let rig = Rig::start(2, 1, script);
    rig.until("it is failing", || rig.progress.failing().is_some());
    assert_eq!((rig.progress.delivered(), rig.progress.refused()), (1, 0));
    rig.put();
    assert_eq!(rig.finish(), (vec![1, 3], 1));
}

#[test]
fn what_is_no_alert_is_given_up_at_once() {
    let script = Script {
        no_alert: [1, 3].into(),
        ..Script::default()
    };
    let rig = Rig::start(3, 2, script);
    assert_eq!(rig.finish(), (vec![2], 2));
}

#[test]
fn what_a_sink_has_not_handled_of_a_batch_is_tried_again() {
    let script = Script {
        refused: [4].into(),
        most: 3,
        ..Script::default()
    };
    let rig = Rig::start(8, 5, script);
    let script = rig.script.clone();
    assert_eq!(rig.finish(), (vec![1, 2, 3, 5, 6, 7, 8], 1));
    let tried = &script.lock().unwrap().tried;
    assert_eq!(*tried, [1, 2, 3, 4, 5, 6, 4, 7, 8]);
}
