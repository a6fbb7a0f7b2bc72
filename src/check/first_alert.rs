//! The last step: whether an alert arrives.

use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use super::{Finding, Report, Step};
use crate::alert::Alert;
use crate::alerts::Alerts;
use crate::error::{Error, Problem, Result};

impl Report {
    /// Waits for the first of `alerts`, at most `within` this time, and adds the result as the last
    /// step.
    ///
    /// Then the sequence is [closed](crate::Handle::close). Falco discards an alert once it is
    /// written, so `each` is called with all alerts that were: the first, those in flight, and as
    /// errors those that cannot be decoded. To end the wait sooner, close the sequence by its
    /// [`handle`](Alerts::handle).
    pub fn first_alert(
        &mut self,
        mut alerts: Alerts,
        within: Duration,
        mut each: impl FnMut(Result<Alert>),
    ) {
        let first = alerts.recv_timeout(within);
        alerts.handle().close();
        let (mut count, mut failure) = (0_u64, None);
        let was_closed = matches!(first, Err(RecvTimeoutError::Disconnected));
        for next in first.into_iter().chain(alerts) {
            match next {
                Ok(_) | Err(Error::Undecodable { .. }) => {
                    count += 1;
                    each(next);
                }
                Err(error) => failure = Some(error),
            }
        }
        self.add(match (count, failure) {
            (0, Some(error)) => Finding::failed(Step::FirstAlert, &error),
            (0, None) if was_closed => {
                let found = "the wait was ended before an alert arrived";
                Finding::warning(Step::FirstAlert, Problem::without_remedy(found))
            }
            (0, None) => Finding::failed(
                Step::FirstAlert,
                (
                    format!("no alert arrived within {within:?}"),
                    "trigger a rule of Falco, as by reading /etc/shadow (sudo cat /etc/shadow), and see \
                     whether its rules and priority let the alert pass, grpc_output.enabled is true \
                     and no other client takes the alerts",
                ),
            ),
            (1, _) => Finding::ok(Step::FirstAlert, "one alert arrived"),
            (count, _) => Finding::ok(Step::FirstAlert, format!("{count} alerts arrived")),
        });
    }
}
