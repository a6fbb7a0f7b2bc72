//! Whether the options fit their endpoint and each other.

use std::time::Duration;

use super::{Config, Token};
use crate::api::ChannelArg;
use crate::endpoint::{self, Endpoint, EndpointKind};
use crate::error::{Error, Problem, Result};
use crate::format::Format;
use crate::tls::{Pem, Tls};

/// The largest alert that protobuf and C-core carry safely: both count in 32 bits.
const LARGEST_MESSAGE: usize = (1 << 30) - 1;

/// The largest posted alert or line by default. Its memory is taken before it is known whether it is
/// an alert at all.
const LARGEST_LINE: usize = 16 << 20;

/// Each has a thread.
const MOST_CONNECTIONS: usize = 65_536;

/// What a [`Config`] becomes once it has been checked.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    pub endpoint: Endpoint,
    /// None for plaintext.
    pub pem: Option<Pem>,
}

impl Config {
    /// Checks every option, and reads the certificates.
    pub(crate) fn check(&self) -> Result<Checked> {
        let endpoint = self.check_options()?;
        let pem = self.tls.as_ref().map(Tls::load).transpose()?;
        Ok(Checked { endpoint, pem })
    }

    /// Checks every option, without reading the certificates.
    pub(crate) fn check_options(&self) -> Result<Endpoint> {
        let endpoint: Endpoint = self.endpoint.parse()?;
        self.check_transport(&endpoint)?;
        self.check_effects(&endpoint)?;
        self.check_server_name()?;
        self.token.as_ref().map_or(Ok(()), Token::check)?;
        check_time("connect_timeout", *self.connect_timeout)?;
        check_time("call_timeout", *self.call_timeout)?;
        check_time("closing_silence", *self.closing_silence)?;
        check_time("stall_timeout", *self.stall_timeout)?;
        let (shortest, longest) = (*self.request_interval.start(), *self.request_interval.end());
        check_time("request_interval", shortest)?;
        check_time("request_interval", longest)?;
        if shortest > longest {
            let problem =
                format!("its shortest wait {shortest:?} is longer than its longest {longest:?}");
            return Err(Error::config("request_interval", (problem, "swap them")));
        }
        let limit = self.message_limit(&endpoint);
        check_range("max_message_bytes", limit, LARGEST_MESSAGE)?;
        check_range("max_connections", *self.max_connections, MOST_CONNECTIONS)?;
        check_range("queue_bytes", *self.queue_bytes, usize::MAX)?;
        for (name, value) in &self.channel_args {
            check_channel_arg(name, value)?;
        }
        Ok(endpoint)
    }

    /// The largest alert to accept from there, in bytes.
    pub(crate) fn message_limit(&self, endpoint: &Endpoint) -> usize {
        let default = match EndpointKind::of(endpoint).format() {
            Format::Grpc => LARGEST_MESSAGE,
            Format::JsonLine => LARGEST_LINE,
        };
        self.max_message_bytes.unwrap_or(default)
    }

    fn check_transport(&self, endpoint: &Endpoint) -> Result<()> {
        let (problem, remedy) = match (endpoint, &self.tls) {
            (Endpoint::Unix(_), Some(_)) => (
                "Falco's unix socket has no TLS",
                "leave it out, or give a TCP endpoint such as localhost:5060",
            ),
            (Endpoint::Tcp { .. } | Endpoint::Listen { tls: true, .. }, Some(tls))
                if !tls.has_certificate() =>
            {
                (
                    "has no certificate of its own",
                    "give a certificate and its key as well",
                )
            }
            (Endpoint::Tcp { .. }, Some(tls)) if !tls.has_ca() => (
                "has no CA, which verifies Falco's certificate",
                "give ca.crt as well",
            ),
            (Endpoint::Tcp { .. }, Some(_)) if self.plaintext => {
                ("given together with plaintext", "choose one of them")
            }
            (Endpoint::Tcp { .. }, None) if !self.plaintext => (
                "Falco requires mutual TLS on TCP",
                "give three files, as Falco's documentation has in /etc/falco/certs: ca.crt, \
                 client.crt and client.key (or plaintext for a tunnel or sidecar)",
            ),
            (Endpoint::Listen { tls: true, .. }, None) => (
                "listen+https needs a certificate and its key",
                "give both, and a CA as well to require a certificate of Falco (mtls in \
                 http_output)",
            ),
            (Endpoint::Listen { tls: false, .. }, Some(_)) => (
                "listen+http has no TLS",
                "leave it out, or write listen+https",
            ),
            (Endpoint::File(_) | Endpoint::Stdin, Some(_)) => {
                ("lines come without TLS", "leave it out")
            }
            (Endpoint::Redis { .. }, Some(_)) => (
                "the address itself has the certificates of its TLS",
                "write rediss://host/stream?ca=FILE, where needed with cert=FILE and key=FILE",
            ),
            (Endpoint::Kafka { .. }, Some(_)) => (
                "the address itself has the certificates of its TLS",
                "write kafkas://broker/topic?ca=FILE, where needed with cert=FILE and key=FILE",
            ),
            (
                Endpoint::Unix(_)
                | Endpoint::File(_)
                | Endpoint::Stdin
                | Endpoint::Kafka { .. }
                | Endpoint::Redis { .. },
                None,
            )
            | (Endpoint::Tcp { .. }, _)
            | (Endpoint::Listen { tls: true, .. }, Some(_))
            | (Endpoint::Listen { tls: false, .. }, None) => return Ok(()),
        };
        let problem = Problem::fixed(problem, remedy).of(endpoint);
        Err(Error::config("tls", problem))
    }

    fn check_server_name(&self) -> Result<()> {
        let Some(name) = &self.server_name else {
            return Ok(());
        };
        if !endpoint::is_name(name) && !endpoint::is_ipv6(name) {
            let problem = format!("{name:?} is neither a DNS name nor an IP address");
            let remedy = "write one alone, without port, as the server's certificate has it";
            return Err(Error::config("server_name", (problem, remedy)));
        }
        if self.tls.is_none() {
            let problem = ("only TLS verifies a name", "leave it out, or set tls");
            return Err(Error::config("server_name", problem));
        }
        Ok(())
    }
}

/// C-core counts milliseconds in an `i32`, which ends after 24.8 days.
fn check_time(option: &'static str, time: Duration) -> Result<()> {
    let range = Duration::from_millis(1)..=Duration::from_secs(24 * 24 * 60 * 60);
    if range.contains(&time) {
        return Ok(());
    }
    let problem = format!("{time:?} is out of range");
    Err(Error::config(option, (problem, "give 1 ms to 24 days")))
}

fn check_range(option: &'static str, number: usize, most: usize) -> Result<()> {
    if (1..=most).contains(&number) {
        return Ok(());
    }
    let problem = format!("{number} is out of range");
    Err(Error::config(
        option,
        (problem, format!("give 1 to {most}")),
    ))
}

/// C-core takes C strings.
fn check_channel_arg(name: &str, value: &ChannelArg) -> Result<()> {
    let nul = match value {
        ChannelArg::Text(text) => text.contains('\0'),
        ChannelArg::Int(_) => false,
    };
    if !name.is_empty() && !name.contains('\0') && !nul {
        return Ok(());
    }
    let problem = format!("{name:?} is empty, or it or its value has a NUL");
    Err(Error::config(
        "channel_arg",
        (problem, "give both as plain text"),
    ))
}
