//! What was reported to the reader, so that nothing is reported twice.

use std::sync::Arc;
use std::time::Duration;

use super::event::Notice;
use crate::error::Error;

const ENDED: &str = "Falco ended the subscription: it is stopping or restarting";

#[derive(Default)]
pub(super) struct Reported {
    /// A subscription that was served has been lost since the last one was followed.
    interrupted: bool,
    /// The last error for the reader.
    error: Option<Arc<str>>,
}

impl Reported {
    pub(super) fn following(&mut self) -> Notice {
        Notice::Following {
            reconnected: std::mem::take(&mut self.interrupted),
        }
    }

    /// The subscription is lost; `served` if it had been served.
    pub(super) fn waiting(
        &mut self,
        failure: Option<Error>,
        served: bool,
        pause: Duration,
    ) -> Notice {
        if served {
            self.interrupted = true;
            self.error = None;
        }
        let why: Arc<str> = match &failure {
            Some(error) => error.to_string().into(),
            None => ENDED.into(),
        };
        let concerns_reader = match &failure {
            // An alert is lost.
            Some(Error::TooLarge { .. }) => true,
            // Somebody has to act. That is reported once.
            Some(error) if !error.is_transient() => {
                self.error.replace(why.clone()).as_ref() != Some(&why)
            }
            Some(_) | None => false,
        };
        Notice::Waiting {
            why,
            pause,
            error: failure.filter(|_| concerns_reader),
        }
    }
}
