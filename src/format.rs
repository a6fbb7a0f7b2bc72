//! What an alert was received as.

/// What an alert was received as, which decides what its output is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Format {
    /// A message of Falco's gRPC API, `falco.outputs.response`.
    #[default]
    Grpc,
    /// Falco's own JSON: one line, or the body of a post. The alert's message is made of it, and
    /// its output is that JSON, byte for byte.
    JsonLine,
}
