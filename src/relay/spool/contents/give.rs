//! Gives the alerts of a spool to its sinks.

use super::Contents;
use crate::relay::spool::cursor::Cursor;
use crate::relay::spool::entry::{Entry, Stored};
use crate::relay::spool::store::Limit;

impl Contents {
    /// Whether there are alerts that the sink was not given.
    pub(in crate::relay::spool) fn has_more(&self, sink: usize) -> bool {
        self.held.alerts > 0 && self.last > self.given(sink)
    }

    fn given(&self, sink: usize) -> u64 {
        self.cursors.get(sink).map_or(0, Cursor::given)
    }

    /// Gives the sink its next alerts. There are none where all that follows is lost. None where they
    /// cannot be read now.
    pub(in crate::relay::spool) fn give(
        &mut self,
        sink: usize,
        alerts: usize,
        bytes: usize,
    ) -> Option<Vec<Entry>> {
        let mut entries = Vec::new();
        while entries.is_empty() && self.has_more(sink) {
            let given = self.given(sink);
            let limit = || Limit::new(alerts, bytes);
            let stored = match self.recent.after(given, limit()) {
                Some(recent) => Ok(recent.into_iter().map(Stored::Alert).collect()),
                None => match self.store.read(given, limit()) {
                    Err(error) if self.repair(&error) => self.store.read(given, limit()),
                    read => read,
                },
            };
            let stored = stored.inspect_err(|error| {
                self.failures.report("alerts cannot be read", error);
            });
            let stored = stored.ok().filter(|stored| !stored.is_empty())?;
            for one in stored {
                let number = one.number();
                match one {
                    Stored::Alert(entry) => {
                        self.cursors.get_mut(sink)?.give(number, number);
                        entries.push(entry);
                        continue;
                    }
                    Stored::Lost(_) => {}
                    Stored::Damaged(damaged) => match self.damage.give_up(&damaged) {
                        Ok(()) => match self.store.bury(number) {
                            Ok(()) => {
                                let bytes = damaged.bytes.len() as u64;
                                self.held.bytes = self.held.bytes.saturating_sub(bytes);
                                self.damage.forget(number);
                            }
                            Err(error) => self.failures.report("damage cannot be recorded", &error),
                        },
                        // What precedes it can be delivered.
                        Err(_) if !entries.is_empty() => break,
                        Err(error) => {
                            self.failures
                                .report("a damaged alert cannot be kept", &error);
                            return None;
                        }
                    },
                }
                self.cursors.get_mut(sink)?.skip(number);
                self.unsettled = true;
            }
        }
        Some(entries)
    }
}
