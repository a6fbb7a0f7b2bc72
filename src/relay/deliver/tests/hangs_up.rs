//! Sinks that hang up on some alerts.

use std::ops::RangeInclusive;

use super::*;

/// A sink that hangs up on some alerts, and takes all others.
struct HangsUp {
    on: RangeInclusive<u64>,
    /// Until it takes that one, too.
    until: Option<Instant>,
    /// It says that this is the fault of none.
    is_of_no_alert: bool,
    taken: Arc<Mutex<Vec<u64>>>,
}

impl Deliver for HangsUp {
    fn batch_size(&self) -> usize {
        1
    }

    fn deliver(&mut self, batch: &[Entry]) -> Result<Delivery, Failure> {
        let is_over = self.until.is_some_and(|until| until <= Instant::now());
        if self.on.contains(&batch[0].number) && !is_over {
            return Err(Failure {
                is_of_no_alert: self.is_of_no_alert,
                ..Failure::new("it hangs up")
            });
        }
        self.taken.lock().unwrap().push(batch[0].number);
        Ok(Delivery::all_except(&batch[..1], Vec::new()))
    }
}

/// Which of so many alerts such a sink takes, and how many are given up.
fn hung_up(
    alerts: usize,
    on: RangeInclusive<u64>,
    until: Option<Instant>,
    is_of_no_alert: bool,
) -> (Vec<u64>, u64) {
    let named = [SinkIdentity::new("a".to_owned())];
    let sinks = Sinks::named(&named);
    let spool = Spool::open(Storage::Memory, 1 << 20, Overflow::Wait, &sinks);
    let (spool, progress) = (Arc::new(spool.unwrap()), Arc::<Progress>::default());
    let taken = Arc::<Mutex<Vec<u64>>>::default();
    let put = || {
        let message = Message::grpc(Vec::new());
        let source: Arc<str> = "one".into();
        let endpoint = source.clone();
        let incoming = Incoming {
            endpoint,
            source,
            message,
        };
        spool.put(vec![incoming]).unwrap();
    };
    (0..alerts).for_each(|_| put());
    let at_fault = on.clone().count() as u64;
    let worker = Worker {
        sink: HangsUp {
            on,
            until,
            is_of_no_alert,
            taken: taken.clone(),
        },
        name: "a".into(),
        identity: SinkIdentity::new("a".to_owned()),
        queue: SinkQueue::new(spool.clone(), 0, None, progress.clone()),
        progress: progress.clone(),
        dead_letters: Arc::new(DeadLetters::new(None)),
        stop: Arc::default(),
        draining: Arc::default(),
        labelled: false,
    };
    let thread = thread::spawn(move || worker.run());
    let end = Instant::now() + LIMIT;
    while until.is_none() && progress.refused() < at_fault && Instant::now() < end {
        // Others must be taken between its failures.
        thread::sleep(Duration::from_millis(300));
        put();
    }
    assert!(spool.wait_empty(end));
    spool.close();
    thread.join().unwrap();
    let taken = taken.lock().unwrap().clone();
    assert_eq!(progress.delivered(), taken.len() as u64);
    (taken, progress.refused())
}

#[test]
fn alerts_on_which_the_sink_hangs_up_hold_up_no_other_for_ever() {
    let (taken, refused) = hung_up(3, 2..=2, None, false);
    assert_eq!(refused, 1);
    let expected: Vec<_> = (1..)
        .filter(|number| *number != 2)
        .take(taken.len())
        .collect();
    assert_eq!(taken, expected);
}

#[test]
fn several_in_a_row_hold_up_no_other_either() {
    let (taken, refused) = hung_up(8, 2..=6, None, false);
    assert_eq!(refused, 5);
    let expected = (1..).filter(|number| !(2..=6).contains(number));
    let expected: Vec<_> = expected.take(taken.len()).collect();
    assert_eq!(taken, expected);
}

#[test]
fn the_only_alert_is_not_given_up_while_the_sink_is_down() {
    // Three times as long as an alert needs to be doubted.
    let until = Instant::now() + Duration::from_secs(20);
    assert_eq!(hung_up(1, 1..=1, Some(until), false), (vec![1], 0));
}

#[test]
fn no_alert_is_given_up_for_what_is_the_fault_of_none() {
    // Long enough for it to be given up otherwise.
    let until = Instant::now() + Duration::from_secs(20);
    assert_eq!(hung_up(3, 2..=2, Some(until), true), (vec![1, 2, 3], 0));
}
