//! A server that is stopped in order, as Falco for a new configuration or version.

use std::thread;

use falco_client::{Client, State};

use crate::common::{until, LIMIT};
use crate::falco::{socket, Falco, Load};
use crate::load::{alert, Check};
use crate::{grouped, scale, tell, Random};

/// What lies in the kernel's buffer of a connection at most, in bytes.
const UNREAD: usize = 256 * 1024;

/// The server ends the subscription right behind its last alerts where the request that lets it do
/// so has come already, and closes. If C-core is about to write just then, a request or how much more
/// may come, that fails, and it drops what it has not read: a few of the last alerts. How often is
/// told; any other loss fails.
#[test]
fn stopped() {
    let stops = scale(10, 200);
    let mut random = Random::seeded();
    let folder = tempfile::tempdir().unwrap();
    let listen = socket(&folder);
    let mut alerts = Client::connect(&listen).unwrap().subscribe().unwrap();
    let mut check = Check::whole();
    let (mut cut, mut lost) = (0, 0);
    for life in 0..stops {
        let falco = Falco::start(&Load {
            life,
            ..Load::on(&listen)
        });
        for _ in 0..1 + random.below(5_000) {
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
        let bytes = missing.map(|number| alert(life, number).as_bytes().len());
        assert!(bytes.sum::<usize>() < UNREAD, "{check:?}");
    }
    tell(&format!(
        "stopped {stops} times under load: {} alerts in order and without a gap; {cut} stops cost the \
         last ones, {lost} in all",
        grouped(check.alerts)
    ));
}
