//! Finds out more exactly why a connection failed, where C-core's message leaves that open.

use std::future::Future;
use std::time::Duration;

use super::channel::Connection;
use super::status::is_inconclusive;
use crate::diagnose::{self, Finding, Route};
use crate::error::Error;

/// The same failure with what an examination of the connection finds, where C-core's message is
/// inconclusive; `error` itself where nothing is found within `timeout`.
pub(crate) fn examine(
    connection: &Connection,
    error: Error,
    timeout: Duration,
) -> impl Future<Output = Error> + Send + 'static {
    let finding = is_inconclusive(&error).then(|| find_failure(connection, timeout));
    async move {
        match finding {
            Some(finding) => match finding.await {
                Some(finding) => finding.explain(error),
                None => error,
            },
            None => error,
        }
    }
}

/// What is broken between here and TLS, as far as that is found within `timeout`.
pub(crate) fn find_failure(
    connection: &Connection,
    timeout: Duration,
) -> impl Future<Output = Option<Finding>> + Send + 'static {
    let checked = connection.checked();
    let route = Route::new(connection.config(), &checked.endpoint);
    // C-core goes by what was loaded, not by what the files may have become.
    diagnose::find_failure(route, checked.pem, timeout)
}
