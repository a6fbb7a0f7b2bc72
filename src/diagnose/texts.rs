//! What is wrong with a connection, and the remedy, in the words that errors and findings share.

pub(crate) const HUNG_UP: &str =
    "the connection was closed by the server: Falco ended, or was not offered what it demands on \
     its TCP port, TLS with a client certificate that its ca.crt signed";

pub(crate) const NO_TLS: &str =
    "what listens there speaks no TLS, as Falco does on its TCP port; see whether this is its \
     grpc.bind_address";

pub(crate) const SILENT: &str =
    "what listens there did not answer as a gRPC server in time; see whether this is Falco's \
     grpc.bind_address (TCP: by default port 5060) and Falco is not stopped, or allow more with \
     connect_timeout";

pub(crate) const UNKNOWN_HOST: &str =
    "the host name was not found; see whether it is spelt right, or give the IP address";

pub(crate) const TLS_FAILED: &str =
    "the TLS handshake failed; see whether ca.crt is the one that signed Falco's certificate, and \
     whether this is Falco's grpc.bind_address (by default port 5060)";

pub(crate) const REFUSED: &str =
    "nothing listens there; see whether Falco is running with grpc.enabled and this \
     grpc.bind_address. Falco 0.44 and later have no gRPC";

/// A text with a reason for what it says, before its remedy.
pub(crate) fn because(text: &str, reason: &str) -> String {
    match text.split_once("; ") {
        Some((problem, remedy)) => format!("{problem} ({reason}); {remedy}"),
        None => format!("{text} ({reason})"),
    }
}
