//! Whether the options fit their endpoint and each other.

use std::time::Duration;

use super::{Config, Token};
use crate::api::ChannelArg;
use crate::endpoint::{self, Endpoint, EndpointKind, TlsUse};
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
        let (problem, remedy) = match (EndpointKind::of(endpoint).tls(), &self.tls) {
            (TlsUse::None { problem, remedy }, Some(_)) => (problem, remedy),
            (TlsUse::Mutual | TlsUse::Server, Some(tls)) if !tls.has_certificate() => (
                "has no certificate of its own",
                "give a certificate and its key as well",
            ),
            (TlsUse::Mutual, Some(tls)) if !tls.has_ca() => (
                "has no CA, which verifies Falco's certificate",
                "give ca.crt as well",
            ),
            (TlsUse::Mutual, Some(_)) if self.plaintext => {
                ("given together with plaintext", "choose one of them")
            }
            (TlsUse::Mutual, None) if !self.plaintext => (
                "Falco requires mutual TLS on TCP",
                "give three files, as Falco's documentation has in /etc/falco/certs: ca.crt, \
                 client.crt and client.key (or plaintext for a tunnel or sidecar)",
            ),
            (TlsUse::Server, None) => (
                "listen+https needs a certificate and its key",
                "give both, and a CA as well to require a certificate of Falco (mtls in \
                 http_output)",
            ),
            (TlsUse::None { .. }, None) | (TlsUse::Mutual, _) | (TlsUse::Server, Some(_)) => {
                return Ok(())
            }
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
