//! A server that is killed, and started again on the same socket.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, SystemTime};

use falco_client::Client;

use crate::common::LIMIT;
use crate::falco::{socket, Falco, Load};
use crate::load::Check;
use crate::{grouped, median_and_worst, report, scale, Random};

/// How long it is away now and then: longer than a client tries without a pause.
const OUTAGE: Duration = Duration::from_secs(3);

fn is_after_outage(life: u64) -> bool {
    life % 10 == 5
}

/// What was in the buffers of a killed server and of its connection is lost. What comes before is
/// what it had made, from its first alert on and without a gap.
#[test]
fn killed() {
    let kills = scale(10, 200);
    let mut random = Random::seeded();
    let folder = tempfile::tempdir().unwrap();
    let listen = socket(&folder);
    let mut alerts = Client::open(&listen).unwrap().subscribe().unwrap();
    let handle = alerts.handle();
    let (lives, first_of) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut check = Check::whole();
        for alert in &mut alerts {
            let (is_first, now) = (check.add(&alert.unwrap()), SystemTime::now());
            if is_first {
                lives.send((check.life, now)).unwrap();
            }
        }
        check
    });
    let (mut times, mut late) = (Vec::new(), Vec::new());
    for life in 0..kills {
        let falco = Falco::start(&Load {
            life,
            ..Load::on(&listen)
        });
        let (heard, when) = first_of.recv_timeout(LIMIT).unwrap();
        assert_eq!(heard, life);
        let time = when.duration_since(falco.since).unwrap_or_default();
        match is_after_outage(life) {
            true => late.push(time),
            false => times.push(time),
        }
        thread::sleep(random.millis(150));
        drop(falco);
        // Mostly it is back at once, and now and then it is given up for a while.
        thread::sleep(match is_after_outage(life + 1) {
            true => OUTAGE,
            false => random.millis(100),
        });
    }
    handle.cancel();
    let check = reader.join().unwrap();
    let (median, worst) = median_and_worst(&mut times);
    let (late_median, latest) = median_and_worst(&mut late);
    report(&format!(
        "killed {kills} times under load: following again {median:.1?} after the restart (median), \
         {worst:.1?} (worst), and where it was away for {OUTAGE:?} {late_median:.1?} and \
         {latest:.1?}; {} alerts in order, none twice, none altered",
        grouped(check.alerts)
    ));
    // Printed for all; asserted where nothing else runs, with room for a busy machine.
    if scale(false, true) {
        assert!(
            worst.max(latest) < Duration::from_secs(2),
            "{worst:?} {latest:?}"
        );
    }
}
