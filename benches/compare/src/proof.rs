//! What a reader of the recordings must say of them, so that it cannot have skipped any.

use std::path::Path;

use prost::Message;

use crate::measured::Read;
use crate::process::Said;
use crate::prost_alert::Alert;
use crate::{corpus, tonic_readers};

pub struct Proof {
    pub alerts: usize,
    checksum: u64,
    bytes: usize,
}

impl Proof {
    pub fn of(recordings: &Path, alerts: usize) -> Proof {
        let mut read = Read::default();
        let mut bytes = 0;
        for message in corpus::messages(recordings).take(alerts) {
            bytes += message.len();
            tonic_readers::add(&mut read, &Alert::decode(&message[..]).unwrap());
        }
        Proof {
            alerts,
            checksum: read.checksum,
            bytes,
        }
    }

    /// Of one that looked at rule, priority and two fields.
    pub fn check(&self, reader: &str, said: &Said) {
        assert_eq!(said.alerts, self.alerts as f64, "{reader}");
        assert_eq!(
            said.checksum,
            self.checksum.to_string(),
            "{reader} read something else"
        );
    }

    /// Of one that counted bytes.
    pub fn check_bytes(&self, reader: &str, said: &Said) {
        assert_eq!(said.alerts, self.alerts as f64, "{reader}");
        assert_eq!(
            said.written, self.bytes as f64,
            "{reader} read something else"
        );
    }
}
