//! A reader that stops under a flood.

use std::thread;
use std::time::{Duration, Instant};

use falco_client::Client;

use crate::common::own_process::in_own_process;
use crate::common::{until, LIMIT};
use crate::falco::{socket, Falco, Load};
use crate::held::resident;
use crate::load::Check;
use crate::{grouped, report, scale};

#[test]
fn stalled() {
    in_own_process("stalled::stalled", || {
        // In the long form a rate that does not fill the machine, as the server keeps it all.
        let (rate, pause) = scale((30_000, Duration::ZERO), (2_000, Duration::from_secs(600)));
        let alerts = scale(60_000, 1_210_000);
        let folder = tempfile::tempdir().unwrap();
        let mut falco = Falco::start(&Load {
            rate: Some(rate),
            alerts,
            ..Load::on(socket(&folder))
        });
        let mut reader = Client::open(&falco.endpoint).unwrap().subscribe().unwrap();
        let mut check = Check::whole();
        for _ in 0..1_000 {
            check.add(&reader.recv_timeout(LIMIT).unwrap().unwrap());
        }
        let memory = || resident(std::process::id());
        let (before, mut most) = (memory(), 0);
        let start = Instant::now();
        // Back-pressure: no more is written, and what is made waits in the server.
        let (mut written, mut queued, mut calm) = (0, 0, 0);
        until("the server is held back", || {
            let now = falco.count();
            let held = now.0 == written && now.1 > queued;
            calm = if held { calm + 1 } else { 0 };
            (written, queued) = now;
            most = most.max(memory());
            calm == 20
        });
        while start.elapsed() < pause {
            thread::sleep(Duration::from_secs(1));
            most = most.max(memory());
        }
        let (still, waiting) = falco.count();
        assert!(most < before + 32 * 1024, "{before} KiB, then {most} KiB");
        let stood = start.elapsed();
        let again = Instant::now();
        while check.alerts < alerts {
            check.add(&reader.recv_timeout(LIMIT).unwrap().unwrap());
        }
        assert_eq!(still, written, "the server went on writing");
        assert_eq!(falco.count(), (alerts, 0));
        report(&format!(
            "reader stopped for {stood:.0?} under {} alerts a second: memory {:+.1} MiB, {} alerts \
             were written and {} waited in the server; all {} arrived in order, the last {:.1?} \
             after it went on",
            grouped(rate.into()),
            (most as f64 - before as f64) / 1024.0,
            grouped(still),
            grouped(waiting),
            grouped(alerts),
            again.elapsed(),
        ));
    });
}
