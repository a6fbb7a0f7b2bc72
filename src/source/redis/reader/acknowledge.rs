//! Acknowledges to the server what was read, and keeps what is still being read.

use std::time::{Duration, Instant};

use super::{Stop, StreamReader};
use crate::delivery::Mode;
use crate::redis_stream::StreamFailure;
use crate::source::redis::stream::RedisStream;

/// How often what was read is acknowledged.
pub(super) const ACKNOWLEDGE: Duration = Duration::from_secs(1);

impl StreamReader {
    /// Acknowledges what was read, and once in a while shows that the rest is being read.
    pub(super) fn keep_up(
        &mut self,
        stream: &mut RedisStream<'_>,
        group: &str,
    ) -> Result<(), StreamFailure> {
        self.acknowledge_if_due(stream)?;
        if self.kept.elapsed() >= self.source.address.claim / 3 {
            self.kept = Instant::now();
            let mut ids = self.unread.unread_ids();
            ids.extend(self.in_hand.iter().map(String::as_str));
            stream.keep(group, &ids)?;
        }
        Ok(())
    }

    pub(super) fn acknowledge_if_due(
        &mut self,
        stream: &mut RedisStream<'_>,
    ) -> Result<(), StreamFailure> {
        match self.acknowledged.elapsed() >= ACKNOWLEDGE {
            true => self.acknowledge(stream),
            false => Ok(()),
        }
    }

    pub(super) fn acknowledge(
        &mut self,
        stream: &mut RedisStream<'_>,
    ) -> Result<(), StreamFailure> {
        self.acknowledged = Instant::now();
        let read = self.intake.control().read_up_to();
        let ids = self.unread.read_up_to(read);
        match &self.source.address.group {
            Some(group) => stream.acknowledge(group, ids),
            None => Ok(()),
        }
    }

    /// Ends reading where that is wished, once the reader has read what is on its way to it.
    pub(super) fn check_mode(&mut self, stream: &mut RedisStream<'_>) -> Result<(), Stop> {
        if self.intake.mode() == Mode::Run {
            return Ok(());
        }
        loop {
            self.acknowledge(stream)?;
            if self.intake.is_cut() || self.is_read() {
                return Err(Stop::Done);
            }
            let (intake, last) = (self.intake.clone(), self.unread.last());
            let done = || intake.is_cut() || intake.control().handled_up_to() >= last;
            self.intake.wait_until(done, ACKNOWLEDGE);
        }
    }

    /// Whether the reader has asked for the alert after the last.
    fn is_read(&self) -> bool {
        self.intake.is_cut() || self.intake.control().handled_up_to() >= self.unread.last()
    }
}
