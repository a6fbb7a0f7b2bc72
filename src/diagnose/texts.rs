//! Problems of a connection and their remedies, as errors and findings share them.

use crate::error::Problem;

pub(crate) const HUNG_UP: Problem = Problem::without_remedy(
    "the connection was closed by the server: Falco ended, or it was not offered what it requires on \
     its TCP port, TLS with a client certificate that its ca.crt signed",
);

pub(crate) const NO_TLS: Problem = Problem::fixed(
    "what listens there speaks no TLS, as Falco does on its TCP port",
    "see whether this is its grpc.bind_address",
);

pub(crate) const SILENT: Problem = Problem::fixed(
    "what listens there did not answer as a gRPC server in time",
    "see whether this is Falco's grpc.bind_address (TCP: by default port 5060) and Falco is not \
     stopped, or allow more with connect_timeout",
);

pub(crate) const UNKNOWN_HOST: Problem = Problem::fixed(
    "the host name was not found",
    "see whether it is spelt right, or give the IP address",
);

pub(crate) const TLS_FAILED: Problem = Problem::fixed(
    "the TLS handshake failed",
    "see whether ca.crt is the one that signed Falco's certificate, and whether this is Falco's \
     grpc.bind_address (by default port 5060)",
);

pub(crate) const REFUSED: Problem = Problem::fixed(
    "nothing listens there",
    "see whether Falco is running with grpc.enabled and this grpc.bind_address. Falco 0.44 and \
     later have no gRPC",
);
