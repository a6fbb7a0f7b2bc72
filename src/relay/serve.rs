//! A sink that is Falco's own gRPC API, for programs that read a Falco before 0.44.

use std::sync::atomic::Ordering;
use std::sync::Arc;

use super::deliver::{Progress, BATCH_BYTES};
use super::label;
use super::spool::{Spool, Taken};
use crate::falco_api::ApiServer;

/// How many alerts wait in the server for clients: what has left the spool's order, but not the spool.
const AHEAD: usize = 1024;
const AHEAD_BYTES: usize = 8 << 20;

pub(super) struct Serve {
    pub server: Arc<ApiServer>,
    pub number: usize,
    pub spool: Arc<Spool>,
    pub progress: Arc<Progress>,
    pub labelled: bool,
}

impl Serve {
    /// Lets clients have what the spool has, as soon as they take it.
    pub(super) fn feed(&self) {
        let mut after = self.spool.confirmed(self.number);
        while self.server.queue().wait_for_room(AHEAD, AHEAD_BYTES) {
            let taken = self
                .spool
                .take(self.number, after, AHEAD / 4, BATCH_BYTES / 4, None);
            let Taken::Alerts(entries) = taken else {
                return;
            };
            for entry in entries {
                after = entry.number;
                let message = match self.labelled {
                    true => label::message(&entry.bytes, &entry.source),
                    false => entry.bytes.to_vec(),
                };
                self.server.queue().push_numbered(entry.number, message);
            }
        }
    }

    /// Confirms what is written to clients.
    pub(super) fn confirm(&self) {
        let mut known = 0;
        while let Some(released) = self.server.queue().released(known) {
            known = released;
            if let Some(last) = released.checked_sub(1).filter(|last| *last > 0) {
                let before = self.spool.confirmed(self.number);
                self.spool.confirm(self.number, last);
                let more = last.saturating_sub(before);
                self.progress.delivered.fetch_add(more, Ordering::Relaxed);
            }
        }
    }
}
