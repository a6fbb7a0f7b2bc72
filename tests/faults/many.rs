//! Very many alerts over mutual TLS.

use std::time::Instant;

use falco_client::{Client, Config};

use crate::common::certificates::Certificates;
use crate::common::own_process::in_own_process;
use crate::common::LIMIT;
use crate::falco::{tls, Falco, Load};
use crate::held::resident;
use crate::load::Check;
use crate::{grouped, report, scale};

/// How much a flat memory may wave, in KiB. Beside the queue there is what C-core has received and
/// not handed out, for which it sets its own bounds.
const WAVES: u64 = 32 * 1024;

#[test]
fn many() {
    in_own_process("many::many", || {
        let alerts: u64 = scale(200_000, 10_000_000);
        let certificates = Certificates::new();
        let mut falco = Falco::start(&Load {
            alerts,
            ..Load::over_tls(&certificates)
        });
        let config = Config::new(&falco.endpoint).tls(tls(&certificates.client_files()));
        let mut reader = Client::new(config).unwrap().subscribe().unwrap();
        let memory = || resident(std::process::id());
        let (mut check, start) = (Check::whole(), Instant::now());
        let (mut before, mut most, mut bytes) = (0, 0, 0);
        let samples = alerts / 100;
        while check.alerts < alerts {
            let alert = reader.recv_timeout(LIMIT).unwrap().unwrap();
            check.add(&alert);
            bytes += alert.as_bytes().len() as u64;
            if check.alerts % samples == 0 {
                let half = match check.alerts <= alerts / 2 {
                    true => &mut before,
                    false => &mut most,
                };
                *half = memory().max(*half);
            }
        }
        assert_eq!(falco.count(), (alerts, 0));
        assert!(most < before + WAVES, "{before} KiB, then {most} KiB");
        report(&format!(
            "{} alerts ({} MB) over mutual TLS in {:.1?}: each compared byte for byte, none altered, \
             missing or twice; memory at most {:.1} MiB in the first half, {:.1} MiB in the second",
            grouped(alerts),
            grouped(bytes / 1_000_000),
            start.elapsed(),
            before as f64 / 1024.0,
            most as f64 / 1024.0,
        ));
    });
}
