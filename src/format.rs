//! The formats in which alerts are received.

/// The format in which an alert was received. It decides what the alert's output is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Format {
    /// A message of Falco's gRPC API, `falco.outputs.response`.
    #[default]
    Grpc,
    /// Falco's own JSON: a line, or the body of a POST request. The alert's message is made of it, with
    /// that JSON, byte for byte, as its output.
    JsonLine,
}
