//! Alerts that Falco writes as text, as `json_output` is not true: one error, and then they are counted.

use crate::error::{Error, TEXT_REMEDY};
use crate::util::rate_limited_log::RateLimit;

pub(crate) struct TextAlerts {
    endpoint: String,
    /// Of those after the first.
    others: Option<RateLimit>,
}

impl TextAlerts {
    pub(crate) fn new(endpoint: String) -> TextAlerts {
        TextAlerts {
            endpoint,
            others: None,
        }
    }

    /// One came. The error of the first; others are logged once in a while.
    pub(crate) fn take(&mut self, text: &[u8]) -> Option<Error> {
        if let Some(others) = &mut self.others {
            let more = others.admit(1);
            self.log(more.unwrap_or_default());
            return None;
        }
        let mut others = RateLimit::one_line();
        // The error is the first line.
        others.admit(0);
        self.others = Some(others);
        Some(Error::text(&self.endpoint, text.into()))
    }

    /// Logs how many there were since that was logged last.
    pub(crate) fn flush(&mut self) {
        let more = self.others.as_mut().map(RateLimit::take_suppressed);
        self.log(more.unwrap_or_default());
    }

    fn log(&self, more: u64) {
        if more > 0 {
            let endpoint = &self.endpoint;
            log::warn!("{endpoint}: {more} more alerts came as text; {TEXT_REMEDY}");
        }
    }
}
