//! Addresses of Falco's gRPC API.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::Endpoint;
use crate::util::url::percent;

/// An address of Falco's gRPC API.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum GrpcAddress<'a> {
    Unix(&'a Path),
    Tcp { host: &'a str, port: u16 },
}

impl Endpoint {
    /// The endpoint in C-core's form, for a channel or a server.
    pub(crate) fn target(&self) -> String {
        match self.grpc() {
            // C-core decodes the path as that of a URI.
            Some(GrpcAddress::Unix(path)) => {
                format!("unix:{}", percent(path.as_os_str().as_bytes()))
            }
            // With a scheme, because a host named `unix` or `xds` would be read as one.
            Some(GrpcAddress::Tcp { .. }) | None => {
                format!("dns:///{}", percent(self.to_string().as_bytes()))
            }
        }
    }
}
