//! A server that is stopped in order, as Falco for a new configuration or version.

use std::thread;

use falco_client::{Client, State};

use crate::common::{until, LIMIT};
use crate::falco::{socket, Falco, Load};
use crate::load::{alert, Check};
use crate::{grouped, report, scale, Random};

/// What C-core takes ahead of a reader that is slower than a flood, in bytes: docs/reliability.md says how much. On a busy machine
/// 2.4 MB of it have been lost at once.
const UNREAD: usize = 16 * 1024 * 1024;

/// Far more than a busy host makes, and less than a reader takes.
const RATE: u32 = 5_000;

#[test]
fn stopped() {
    let stops = scale(10, 200);
    let received = stop_often(Some(RATE), stops);
    // The same may happen here where the machine is slow, but once at most.
    assert!(received.cut <= scale(1, 0), "{received:?}");
    report(&format!(
        "stopped {stops} times under {} alerts a second: {} alerts in order and without a gap, {} lost",
        grouped(RATE.into()),
        grouped(received.alerts),
        received.lost
    ));
}

/// The server ends the subscription right behind its last alerts, and closes. If C-core is about to
/// write just then, as it is where the reader has fallen behind and how much more may come has to be
/// announced, that fails, and it drops what it has not read: a few of the last alerts. How often is
/// reported; any other loss fails.
#[test]
fn stopped_in_a_flood() {
    let stops = scale(10, 200);
    let received = stop_often(None, stops);
    report(&format!(
        "stopped {stops} times in a flood: {} alerts in order and without a gap; {} stops cost the \
         last ones, {} in all, at most {} bytes at once",
        grouped(received.alerts),
        received.cut,
        received.lost,
        grouped(received.most as u64)
    ));
}

#[derive(Debug)]
struct Received {
    alerts: u64,
    /// Stops that cost alerts.
    cut: u64,
    lost: u64,
    /// Of one stop, in bytes.
    most: usize,
}

fn stop_often(rate: Option<u32>, stops: u64) -> Received {
    let mut random = Random::seeded();
    let folder = tempfile::tempdir().unwrap();
    let listen = socket(&folder);
    let mut alerts = Client::open(&listen).unwrap().subscribe().unwrap();
    let mut check = Check::whole();
    let (mut cut, mut lost, mut most) = (0, 0, 0);
    for life in 0..stops {
        let falco = Falco::start(&Load {
            life,
            rate,
            ..Load::on(&listen)
        });
        for _ in 0..1 + random.below(if rate.is_some() { 500 } else { 5_000 }) {
            check.add(&alerts.recv_timeout(LIMIT).unwrap().unwrap());
        }
        assert_eq!(check.life, life);
        let stopping = thread::spawn(|| falco.stop());
        // Read on, or it could not finish what it was writing.
        until("all has come", || {
            let is_over = matches!(alerts.state(), State::Waiting { .. });
            while let Ok(alert) = alerts.try_recv() {
                check.add(&alert.unwrap());
            }
            is_over && stopping.is_finished()
        });
        let missing = check.next..stopping.join().unwrap();
        cut += u64::from(!missing.is_empty());
        lost += missing.end - missing.start;
        let bytes: usize = missing
            .map(|number| alert(life, number).as_bytes().len())
            .sum();
        assert!(bytes < UNREAD, "{bytes} bytes: {check:?}");
        most = most.max(bytes);
    }
    Received {
        alerts: check.alerts,
        cut,
        lost,
        most,
    }
}
