//! The version call: what Falco says of itself, and a probe of whether it answers at all.

use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _};
use grpcio::{CallOption, Client, Method, MethodType};
use protobuf::Message as _;

use super::call::{method, read, Pieces};
use super::channel::Connection;
use super::examine::{examine, find_failure};
use super::status::explain;
use crate::api::paths;
use crate::api::version::Response;
use crate::error::{Error, Result};

/// How long a channel may take to report why it has no connection.
const REASON_TIMEOUT: Duration = Duration::from_millis(100);

/// How long the examination of a failed connection may take at least.
const EXAMINATION_TIMEOUT: Duration = Duration::from_secs(2);

/// C-core's clock ends. A longer wait is cut to this.
const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Called as a stream of one response: grpcio panics where the response of a unary call is missing.
const VERSION: Method<(), Pieces> = method(MethodType::ServerStreaming, paths::VERSION);

/// The version of this Falco and of its engine, within [`Config::call_timeout`](crate::Config).
pub(crate) async fn version(connection: &Connection) -> Result<Response> {
    let timeout = *connection.config().call_timeout;
    let start = Instant::now();
    match version_within(connection, timeout).await {
        Ok(version) => Ok(version),
        Err(error) => {
            let left = timeout.saturating_sub(start.elapsed());
            Err(examine(connection, error, left).await)
        }
    }
}

/// Waits for the connection, and examines it if there is none, for at most the same time or
/// [`EXAMINATION_TIMEOUT`] if that is longer.
pub(crate) async fn wait_connected(connection: &Connection, timeout: Duration) -> Result<()> {
    let timeout = timeout.min(MONTH);
    let client = connection.current().client;
    if client.channel().wait_for_connected(timeout).await {
        return Ok(());
    }
    // The state of a channel has no reason. A call that fails on it has one, and fails at once.
    let examination = timeout.max(EXAMINATION_TIMEOUT);
    match version_within(connection, REASON_TIMEOUT).await {
        Err(error @ (Error::Unavailable { .. } | Error::Untrusted { .. })) => {
            Err(examine(connection, error, examination).await)
        }
        Err(Error::Timeout { endpoint, .. }) => {
            Err(match find_failure(connection, examination).await {
                Some(finding) => Error::unavailable(endpoint, finding.into_problem(), None),
                None => Error::Timeout {
                    endpoint,
                    after: timeout,
                },
            })
        }
        _ => Ok(()),
    }
}

/// Whether the server answers the version call.
pub(super) fn probe(client: &Client, timeout: Duration) -> BoxFuture<'static, grpcio::Result<()>> {
    call(client.clone(), timeout)
        .map(|answer| answer.map(drop))
        .boxed()
}

async fn version_within(connection: &Connection, timeout: Duration) -> Result<Response> {
    let client = connection.current().client;
    let response = call(client, timeout)
        .await
        .map_err(|error| explain(connection.endpoint(), paths::VERSION, Some(timeout), error))?;
    response
        .and_then(|bytes| Response::parse_from_bytes(&bytes).ok())
        .ok_or_else(|| {
            let problem = (
                "the answer to version is none",
                "see whether this is a Falco",
            );
            Error::unavailable(connection.endpoint(), problem, None)
        })
}

/// What the answer of the version call has under this name, beside the version.
#[cfg(feature = "relay")]
pub(crate) async fn version_metadata(
    connection: &Connection,
    name: &str,
) -> Result<Option<Vec<u8>>> {
    let timeout = *connection.config().call_timeout;
    let client = connection.current().client;
    let asked = async {
        let option = CallOption::default().timeout(timeout);
        let mut responses = client.server_streaming(&VERSION, &(), option)?;
        let metadata = responses.headers().await?.iter();
        let found = metadata
            .filter(|(key, _)| *key == name)
            .map(|(_, value)| value.to_vec());
        let found = found.last();
        while let Some(next) = responses.next().await {
            next?;
        }
        Ok(found)
    };
    asked
        .await
        .map_err(|error| explain(connection.endpoint(), paths::VERSION, Some(timeout), error))
}

/// The response, if there is one.
async fn call(client: Client, timeout: Duration) -> grpcio::Result<Option<Vec<u8>>> {
    let option = CallOption::default().timeout(timeout);
    // A call that still waits for its connection fails when the channel goes, so that `client` is
    // kept until the end.
    let mut responses = client.server_streaming(&VERSION, &(), option)?;
    let mut response = None;
    // To the end, where the status is.
    while let Some(next) = responses.next().await {
        response = Some(read(next?, Vec::with_capacity)?);
    }
    Ok(response)
}
