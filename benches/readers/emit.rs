//! An embedded Falco that has alerts at irregular times.

use std::path::Path;
use std::thread::{park, sleep};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use falco_client::server::Server;
use falco_client::Alert;

use crate::corpus;

/// How long nothing comes before a burst.
const SILENCE: Duration = Duration::from_secs(30);

/// Begins when the first alert has been read.
pub fn emit(endpoint: &str, rate: &str, count: usize) {
    let recordings = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let mut messages = corpus::messages(&recordings);
    let falco = Server::builder().listen(endpoint).start().unwrap();
    let mut push = || {
        let mut message = messages.next().unwrap();
        stamp(&mut message);
        falco.push_bytes(message);
    };
    push();
    println!("ready");
    while falco.queued() > 0 {
        sleep(Duration::from_millis(1));
    }
    let mut next = Instant::now();
    if rate == "burst" {
        sleep(SILENCE);
        (1..count).for_each(|_| push());
    } else {
        let mean = 1.0 / rate.parse::<f64>().unwrap();
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        for _ in 1..count {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            // As when each alert knows nothing of the others.
            let chance = (random >> 11) as f64 / (1_u64 << 53) as f64;
            next += Duration::from_secs_f64(-mean * (1.0 - chance).ln());
            sleep(next.saturating_duration_since(Instant::now()));
            push();
        }
    }
    park();
}

/// Says that the alert is of this moment: a later field replaces an earlier one.
fn stamp(message: &mut Vec<u8>) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let time = Alert::builder().time(UNIX_EPOCH + now).build();
    message.extend_from_slice(time.as_bytes());
}
