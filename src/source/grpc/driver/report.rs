//! Reports of a subscription, for the reader, the state and the log.

use std::ops::ControlFlow;
use std::time::SystemTime;

use super::Driver;
use crate::delivery::State;
use crate::error::Error;
use crate::source::grpc::subscription::Notice;

const UNSERVED: &str =
    "Falco accepted the subscription but does not serve it: it serves ten for each of its \
     grpc.threadiness; end other subscriptions, or raise grpc.threadiness. Until then alerts are \
     fetched every second";

impl Driver {
    pub(super) fn report(&mut self, report: Notice) -> ControlFlow<Option<Error>> {
        let endpoint = self.control.endpoint();
        match report {
            Notice::Following { reconnected } => {
                if reconnected {
                    self.control.counters.reconnected();
                }
                if self.control.set(State::Following) {
                    log::info!("{endpoint}: following again");
                }
            }
            Notice::Waiting { why, pause, error } => {
                let since = SystemTime::now();
                let is_news = self.control.set(State::Waiting {
                    why: why.clone(),
                    since,
                    next: since + pause,
                });
                if is_news {
                    log::warn!("{why}; subscribing again as soon as possible");
                }
                if let Some(error) = error {
                    self.deliver(Err(Box::new(error)))?;
                }
            }
            Notice::Found(finding) => {
                if let State::Waiting { since, next, .. } = self.control.state() {
                    let why = format!("{endpoint}: {finding}");
                    log::warn!("{why}");
                    let why = why.into();
                    self.control.set(State::Waiting { why, since, next });
                }
            }
            Notice::Unserved => {
                let now = SystemTime::now();
                let why = format!("{endpoint}: {UNSERVED}");
                log::warn!("{why}");
                self.control.set(State::Waiting {
                    why: why.into(),
                    since: now,
                    next: now,
                });
            }
            Notice::AlertLost(error) => self.deliver(Err(Box::new(error)))?,
            Notice::Unconfirmed(error) => log::warn!(
                "{endpoint}: closing although Falco does not confirm that nothing is in flight, \
                 alerts may be lost: {error}"
            ),
            Notice::End(error) => return ControlFlow::Break(error),
        }
        ControlFlow::Continue(())
    }
}
