//! The endpoints that a command serves.

use std::fmt::Write as _;

use falco_client::EndpointKind;

use crate::diagnostics::Failure;

/// Falco's gRPC API.
pub const GRPC: &[EndpointKind] = &[EndpointKind::Unix, EndpointKind::Tcp];

/// A table of the endpoints that a command serves, for its help.
pub fn table(served: &[EndpointKind]) -> String {
    let mut table = "Endpoints:".to_owned();
    for (form, what) in served.iter().map(|kind| (kind.form(), kind.reads())) {
        // Writing to a String cannot fail.
        let _ = write!(table, "\n  {form:<25} {what}");
    }
    table
}

/// Refuses an endpoint that a command does not serve. What is no endpoint at all is left to the
/// library, which says what is wrong with it.
///
/// # Errors
///
/// With the endpoints that the command serves, and `remedy`.
pub fn require(
    served: &[EndpointKind],
    endpoint: &str,
    command: &str,
    remedy: &str,
) -> Result<(), Failure> {
    let Ok(parsed) = endpoint.parse() else {
        return Ok(());
    };
    if served.contains(&EndpointKind::of(&parsed)) {
        return Ok(());
    }
    let forms: Vec<_> = served.iter().map(|kind| kind.form()).collect();
    Err(Failure::Usage(format!(
        "{command} does not serve the endpoint {endpoint}; {remedy}. It serves {}",
        forms.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_served_is_refused_with_what_is() {
        let refused = |endpoint| require(GRPC, endpoint, "version", "use another");
        assert!(refused("unix:///falco.sock").is_ok());
        assert!(refused("no endpoint").is_ok());
        let Err(Failure::Usage(text)) = refused("-") else {
            panic!("it was not refused");
        };
        assert!(
            text.ends_with("It serves unix:///path, host:port"),
            "{text}"
        );
    }
}
