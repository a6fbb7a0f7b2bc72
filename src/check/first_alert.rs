//! The last step: whether an alert arrives.

use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use super::{of, Finding, Report, Step};
use crate::alert::Alert;
use crate::alerts::Alerts;
use crate::delivery::Mode;
use crate::endpoint::{Endpoint, EndpointKind};
use crate::error::{Error, Problem, Result};
use crate::util::lock::time_until;

impl Report {
    /// Waits for the first of `alerts`, at most `within` this time, and adds the result as the last
    /// step.
    ///
    /// What cannot be decoded is no alert, nor is the test alert of `POST /test`: the wait goes on.
    ///
    /// Then the sequence is [closed](crate::Handle::close). Falco discards an alert once it is
    /// written, so `each` is called with all that arrived: the first alert, those in flight, and as
    /// errors those that cannot be decoded. To end the wait sooner, close the sequence by its
    /// [`handle`](Alerts::handle).
    pub fn first_alert(
        &mut self,
        mut alerts: Alerts,
        within: Duration,
        mut each: impl FnMut(Result<Alert>),
    ) {
        let endpoint = alerts.endpoint().clone();
        let mut arrived = Arrived::default();
        let deadline = Instant::now().checked_add(within);
        let ended = loop {
            let left = deadline.map_or(within, time_until);
            match alerts.recv_timeout(left) {
                Ok(next) => arrived.count(next, &endpoint, &mut each),
                Err(RecvTimeoutError::Timeout) => break None,
                Err(RecvTimeoutError::Disconnected) => break Some(alerts.mode()),
            }
            if arrived.alerts > 0 {
                break None;
            }
        };
        alerts.handle().close();
        for next in alerts {
            arrived.count(next, &endpoint, &mut each);
        }
        self.add(arrived.finding(&endpoint, within, ended));
    }
}

/// What arrived, by kind.
#[derive(Default)]
struct Arrived {
    alerts: u64,
    tests: u64,
    undecodable: u64,
    failure: Option<Error>,
}

impl Arrived {
    fn count(
        &mut self,
        next: Result<Alert>,
        endpoint: &Endpoint,
        each: &mut impl FnMut(Result<Alert>),
    ) {
        match &next {
            Ok(alert) if is_test(alert, endpoint) => self.tests += 1,
            Ok(_) => self.alerts += 1,
            Err(Error::Undecodable { .. } | Error::TooLarge { .. }) => self.undecodable += 1,
            Err(_) => {
                self.failure = next.err();
                return;
            }
        }
        each(next);
    }

    /// `ended` is the mode of the sequence, where that ended by itself or was closed.
    fn finding(self, endpoint: &Endpoint, within: Duration, ended: Option<Mode>) -> Finding {
        let others = self.others();
        if self.alerts > 0 {
            let what = match self.alerts {
                1 => "one alert arrived".to_owned(),
                count => format!("{count} alerts arrived"),
            };
            return match others {
                Some(others) => {
                    let problem = Problem::alone(format!("{what}, and {others}"));
                    Finding::warning(Step::FirstAlert, problem)
                }
                None => Finding::ok(Step::FirstAlert, what),
            };
        }
        let but = others.map_or_else(String::new, |others| format!(", but {others}"));
        let found = match (self.failure, ended) {
            (Some(error), _) => return Finding::failed(Step::FirstAlert, &error),
            (None, None) => format!("no alert arrived within {within:?}{but}"),
            (None, Some(Mode::Run)) => format!("{endpoint} ended before an alert arrived{but}"),
            (None, Some(_)) => {
                let found = format!("the wait was ended before an alert arrived{but}");
                return Finding::warning(Step::FirstAlert, Problem::alone(found));
            }
        };
        Finding::failed(Step::FirstAlert, (found, remedy(endpoint)))
    }

    /// What arrived and is no alert.
    fn others(&self) -> Option<String> {
        let counted = |count, one: &str, many: &str| match count {
            0 => None,
            1 => Some(format!("one {one}")),
            count => Some(format!("{count} {many}")),
        };
        let undecodable = counted(
            self.undecodable,
            "message that is no alert",
            "messages that are no alerts",
        );
        let tests = counted(self.tests, "test alert", "test alerts");
        match (undecodable, tests) {
            (Some(undecodable), Some(tests)) => Some(format!("{undecodable} and {tests}")),
            (one, other) => one.or(other),
        }
    }
}

/// The alert of `POST /test`, ours or falcosidekick's: it shows that the port is reached, not that Falco
/// reaches it.
fn is_test(alert: &Alert, endpoint: &Endpoint) -> bool {
    EndpointKind::of(endpoint).is_http()
        && alert.rule() == "Test rule"
        && alert.tags().eq(["test", "example"])
}

fn remedy(endpoint: &Endpoint) -> String {
    let condition = of(endpoint).condition();
    format!(
        "trigger a rule of Falco, as by reading /etc/shadow (sudo cat /etc/shadow), and see whether \
         its rules and priority let the alert pass, {condition}"
    )
}
