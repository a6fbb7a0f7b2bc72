//! Says more exactly why a connection failed, where C-core left that open.

use std::future::Future;
use std::time::Duration;

use super::channel::Connection;
use super::status::is_vague;
use crate::diagnose::{self, Finding, Route};
use crate::error::Error;

/// The same failure with what a look at the connection finds, where C-core left that open; `error`
/// itself where nothing is found `within` this time.
pub(crate) fn examine(
    connection: &Connection,
    error: Error,
    within: Duration,
) -> impl Future<Output = Error> + Send + 'static {
    let finding = is_vague(&error).then(|| look(connection, within));
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

/// What is broken between here and TLS, as far as that is found `within` this time.
pub(crate) fn look(
    connection: &Connection,
    within: Duration,
) -> impl Future<Output = Option<Finding>> + Send + 'static {
    let checked = connection.checked();
    let route = Route::new(connection.config(), &checked.endpoint);
    // C-core goes by what was loaded, not by what the files may have become.
    diagnose::find_failure(route, checked.pem, within)
}
