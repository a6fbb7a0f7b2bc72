//! Whether an alert comes.

use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use super::{Finding, Report, Step};
use crate::alert::Alert;
use crate::alerts::Alerts;
use crate::error::{Error, Problem, Result};

impl Report {
    /// Waits for the first of `alerts`, at most `within` this time, and adds what came of it as the
    /// last step.
    ///
    /// Then the sequence is [closed](crate::Handle::close). Falco has forgotten what it has
    /// written, so each alert goes to `each`: the first, those on their way, and as errors those that
    /// cannot be decoded. A Falco that holds many gives them all. To end the wait sooner, close the
    /// sequence by its [`handle`](Alerts::handle).
    pub fn first_alert(
        &mut self,
        mut alerts: Alerts,
        within: Duration,
        mut each: impl FnMut(Result<Alert>),
    ) {
        let first = alerts.recv_timeout(within);
        alerts.handle().close();
        let (mut came, mut broken) = (0_u64, None);
        let cut_short = matches!(first, Err(RecvTimeoutError::Disconnected));
        for next in first.into_iter().chain(alerts) {
            match next {
                Ok(_) | Err(Error::Undecodable { .. }) => {
                    came += 1;
                    each(next);
                }
                Err(error) => broken = Some(error),
            }
        }
        self.add(match (came, broken) {
            (0, Some(error)) => Finding::failed(Step::FirstAlert, &error),
            (0, None) if cut_short => {
                let found = "the wait was ended before one came";
                Finding::warning(Step::FirstAlert, Problem::without_remedy(found))
            }
            (0, None) => Finding::failed(
                Step::FirstAlert,
                (
                    format!("none came within {within:?}"),
                    "make Falco see something, as by reading /etc/shadow (sudo cat /etc/shadow), \
                     and see whether its rules and priority let it pass, grpc_output.enabled is \
                     true and no other client takes the alerts",
                ),
            ),
            (1, _) => Finding::ok(Step::FirstAlert, "one came"),
            (came, _) => Finding::ok(Step::FirstAlert, format!("{came} came")),
        });
    }
}
