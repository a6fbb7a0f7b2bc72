//! Other protocols that clients and proxies speak to the port, recognized by their first bytes.

use std::fmt;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Protocol {
    /// On a port without it.
    Tls,
    /// On a port with TLS.
    PlainHttp,
    /// Without TLS and without asking, as meshes do.
    Http2,
    /// The header of the PROXY protocol, version 1 or 2, before a request.
    Proxy,
}

impl Protocol {
    /// What input begins with that is no request of HTTP/1.1.
    pub(super) fn of(input: &[u8]) -> Option<Protocol> {
        const PROXY_2: &[u8] = b"\r\n\r\n\0";
        let text = input.trim_ascii_start();
        match input {
            [0x16, ..] => Some(Protocol::Tls),
            _ if input.starts_with(PROXY_2) || text.starts_with(b"PROXY ") => Some(Protocol::Proxy),
            _ if text.starts_with(b"PRI * HTTP/2") => Some(Protocol::Http2),
            _ => None,
        }
    }

    /// What input begins with that should be TLS.
    pub(super) fn instead_of_tls(input: &[u8]) -> Option<Protocol> {
        match Protocol::of(input) {
            Some(Protocol::Tls) => None,
            Some(Protocol::Proxy) => Some(Protocol::Proxy),
            Some(Protocol::Http2 | Protocol::PlainHttp) => Some(Protocol::PlainHttp),
            // A method.
            None => matches!(input, [b'A'..=b'Z', ..]).then_some(Protocol::PlainHttp),
        }
    }

    pub(super) fn kind(self) -> &'static str {
        match self {
            Protocol::Tls => "connections with TLS to a port without",
            Protocol::PlainHttp => "requests without TLS to a port with TLS",
            Protocol::Http2 => "connections with HTTP/2",
            Protocol::Proxy => "connections with a PROXY header",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::Tls => "it speaks TLS, and this port does not",
            Protocol::PlainHttp => "it speaks HTTP without TLS, and this port has TLS",
            Protocol::Http2 => "it speaks HTTP/2 without TLS, and this port HTTP/1.1",
            Protocol::Proxy => "it sends a header of the PROXY protocol before its request",
        })
    }
}
