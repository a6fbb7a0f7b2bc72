//! Reads over as many connections as it takes, and decides after each failure whether there is another.

use std::time::Duration;

use super::{Stop, StreamReader};
use crate::delivery::Mode;
use crate::error::Error;
use crate::source::reconnect;
use crate::source::redis::backoff::Pauses;
use crate::source::redis::stream::RedisStream;

impl StreamReader {
    /// Reads until the end, over as many connections as it takes.
    pub(in crate::source::redis) fn run(mut self) {
        let mut pauses = Pauses::new();
        loop {
            // One that is being closed tries once more to say what was read.
            let is_last = self.intake.mode() != Mode::Run;
            self.works = false;
            let failure = match self.read() {
                Stop::Done => return self.intake.end(None),
                Stop::Failed(failure) => failure,
            };
            if self.works {
                pauses.reset();
            }
            let error = failure.error(&self.source.endpoint);
            let passes = failure.passes || self.source.keep_trying;
            if reconnect::ends(self.purpose, passes, self.has_worked) {
                return self.intake.end(Some(error));
            }
            if is_last {
                log::warn!("{error}; what was not acknowledged comes again");
                return self.intake.end(None);
            }
            self.wait_out(&error, pauses.next());
        }
    }

    /// Reads over one connection.
    fn read(&mut self) -> Stop {
        let (source, consumer) = (self.source.clone(), self.consumer.clone());
        let opened = RedisStream::open(&source.address, &consumer, &source.options);
        let result = opened.map_err(Stop::from).and_then(|mut stream| {
            let read = match &source.address.group {
                Some(group) => self.read_group(&mut stream, group),
                None => self.read_all(&mut stream),
            };
            // What was read until now need not come again.
            match read {
                Err(Stop::Done) => self.acknowledge(&mut stream).map_err(Stop::from),
                read => read,
            }
        });
        result.err().unwrap_or(Stop::Done)
    }

    pub(super) fn set_working(&mut self) {
        (self.works, self.has_worked) = (true, true);
        reconnect::following(self.intake.control());
    }

    /// Says what happened, and waits before the next attempt.
    fn wait_out(&self, error: &Error, pause: Duration) {
        reconnect::waiting(self.intake.control(), error, pause);
        let mode = self.intake.mode();
        let changed = || self.intake.control().mode() != mode;
        self.intake.wait_until(changed, pause);
    }
}
