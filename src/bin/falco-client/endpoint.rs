//! What the command has to know about an endpoint.

use falco_client::Endpoint;

/// The kinds of endpoints, one for each variant of [`Endpoint`] and scheme.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndpointKind {
    Unix,
    Tcp,
    Http,
    Https,
    File,
    Stdin,
}

impl EndpointKind {
    /// The library may get more variants, so that this match alone cannot do without a wildcard.
    pub fn of(endpoint: &Endpoint) -> EndpointKind {
        match endpoint {
            Endpoint::Unix(_) => EndpointKind::Unix,
            Endpoint::Tcp { .. } => EndpointKind::Tcp,
            Endpoint::Listen { tls: false, .. } => EndpointKind::Http,
            Endpoint::Listen { tls: true, .. } => EndpointKind::Https,
            Endpoint::File(_) => EndpointKind::File,
            Endpoint::Stdin => EndpointKind::Stdin,
            // Of an unknown one nothing is assumed that could lose an alert.
            _ => EndpointKind::Tcp,
        }
    }

    /// Whether certificates are of use.
    pub fn has_tls(self) -> bool {
        match self {
            EndpointKind::Tcp | EndpointKind::Https => true,
            EndpointKind::Unix | EndpointKind::Http | EndpointKind::File | EndpointKind::Stdin => {
                false
            }
        }
    }

    pub fn is_grpc(self) -> bool {
        match self {
            EndpointKind::Unix | EndpointKind::Tcp => true,
            EndpointKind::Http | EndpointKind::Https | EndpointKind::File | EndpointKind::Stdin => {
                false
            }
        }
    }
    /// Whether alerts are posted to it.
    pub fn is_http(self) -> bool {
        match self {
            EndpointKind::Http | EndpointKind::Https => true,
            EndpointKind::Unix | EndpointKind::Tcp | EndpointKind::File | EndpointKind::Stdin => {
                false
            }
        }
    }
}
