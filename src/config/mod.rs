//! What a user sets.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::api::ChannelArg;
use crate::endpoint::{self, Endpoint};
use crate::error::{Error, Problem, Result};
use crate::format::Format;
use crate::tls::{Pem, Tls};

/// How to reach a Falco, and how to read from it.
///
/// ```no_run
/// # use falco_client::{Config, Tls};
/// let config = Config::new("falco.example:5060").tls(Tls::from_files(
///     "/etc/falco/certs/ca.crt",
///     "/etc/falco/certs/client.crt",
///     "/etc/falco/certs/client.key",
/// ));
/// ```
///
/// Nothing is checked before a [`Client`](crate::Client) is made of it.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) endpoint: String,
    pub(crate) tls: Option<Tls>,
    pub(crate) plaintext: bool,
    pub(crate) server_name: Option<String>,
    pub(crate) connect_timeout: Duration,
    pub(crate) call_timeout: Duration,
    pub(crate) max_message_bytes: Option<usize>,
    pub(crate) max_connections: usize,
    pub(crate) queue_bytes: usize,
    pub(crate) overflow: Overflow,
    pub(crate) keep_trying: bool,
    pub(crate) request_interval: RangeInclusive<Duration>,
    pub(crate) closing_silence: Duration,
    pub(crate) stall_timeout: Duration,
    pub(crate) channel_args: Vec<(String, ChannelArg)>,
}

/// What a [`Config`] becomes once it has been checked.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    pub endpoint: Endpoint,
    /// None stands for plaintext.
    pub pem: Option<Pem>,
}

/// What happens to an alert that comes while [`Config::queue_bytes`] wait for their reader.
///
/// A callback has no queue: it always holds up what follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Overflow {
    /// It stays in Falco, whose memory grows, until the reader has made room.
    #[default]
    Wait,
    /// The oldest that wait are dropped: the reader sees what is new. Counted in
    /// [`Counters::dropped`](crate::Counters::dropped), and told to `log`.
    DropOldest,
    /// It is dropped itself: the reader sees how it began. Counted and told in the same way.
    DropNewest,
}

/// The longest alert that protobuf and C-core carry safely: both count in 32 bits.
const LARGEST_MESSAGE: usize = (1 << 30) - 1;

/// The longest posted alert or line, unless told otherwise. Memory for one is there before it is
/// known whether it is an alert at all.
const LARGEST_LINE: usize = 16 << 20;

/// Each has a thread.
const MOST_CONNECTIONS: usize = 65_536;

impl Config {
    /// A Falco at `endpoint`, and each other option at its default.
    ///
    /// Falco's `bind_address` in `falco.yaml` says which: `unix:///path` for a unix socket, which
    /// is [`Endpoint::DEFAULT`] by default and was `unix:///var/run/falco.sock` before Falco 0.33;
    /// `host:port` or `[::1]:5060` for TCP, by default port 5060, which needs [`tls`](Config::tls).
    pub fn new(endpoint: impl Into<String>) -> Config {
        Config {
            endpoint: endpoint.into(),
            tls: None,
            plaintext: false,
            server_name: None,
            connect_timeout: Duration::from_secs(10),
            call_timeout: Duration::from_secs(10),
            max_message_bytes: None,
            max_connections: 512,
            queue_bytes: 4 << 20,
            overflow: Overflow::Wait,
            keep_trying: false,
            request_interval: Duration::from_millis(10)..=Duration::from_millis(250),
            closing_silence: Duration::from_millis(200),
            stall_timeout: Duration::from_secs(60),
            channel_args: Vec::new(),
        }
    }

    /// The certificates and the key for TCP. Default: none, as for a unix socket.
    ///
    /// Falco takes nobody on TCP without. Its documentation keeps the files of a client as
    /// `/etc/falco/certs/{ca.crt,client.crt,client.key}`.
    pub fn tls(mut self, tls: Tls) -> Config {
        self.tls = Some(tls);
        self
    }

    /// TCP without TLS. Default: false.
    ///
    /// Falco itself never serves this. It is for a tunnel, a service mesh's sidecar or another
    /// proxy that does TLS, or forwards Falco's unix socket: alerts are readable on the way there.
    pub fn plaintext(mut self, plaintext: bool) -> Config {
        self.plaintext = plaintext;
        self
    }

    /// The name to look for in the server's certificate. Default: the host of the endpoint.
    ///
    /// For a Falco that is reached by an address, or through a tunnel, that its certificate does
    /// not name: the certificates of Falco's documentation name `localhost` wherever they are used.
    pub fn server_name(mut self, name: impl Into<String>) -> Config {
        self.server_name = Some(name.into());
        self
    }

    /// How long one attempt to connect may take, with name look-up and TLS. Default: 10 s.
    ///
    /// Longer for a far or loaded host, shorter to try again sooner when packets vanish. From 1 ms
    /// to 24 days.
    pub fn connect_timeout(mut self, deadline: Duration) -> Config {
        self.connect_timeout = deadline;
        self
    }

    /// How long [`version`](crate::Client::version) may take; where alerts are posted, how long a peer
    /// may take for the TLS handshake, and for one request. Default: 10 s.
    ///
    /// Shorter for a health check. From 1 ms to 24 days. `get` and `subscribe` have no deadline:
    /// they may go on for ever.
    pub fn call_timeout(mut self, deadline: Duration) -> Config {
        self.call_timeout = deadline;
        self
    }

    /// The largest alert to accept, in bytes. Default over gRPC, and the most: 1 GiB - 1. Default
    /// for a posted alert or a line: 16 MiB.
    ///
    /// Smaller to bound the memory that a hostile server can take. A larger alert ends the stream
    /// with RESOURCE_EXHAUSTED and is lost, and a real one has been 42 MB long. Where alerts are
    /// posted, a larger one is answered with 413, and of posted alerts above 64 KiB four of the
    /// largest size may be on their way at once.
    pub fn max_message_bytes(mut self, bytes: usize) -> Config {
        self.max_message_bytes = Some(bytes);
        self
    }

    /// How many connections may be open where alerts are posted. Default: 512.
    ///
    /// Each Falco keeps one. Beyond, a new one takes the place of one that has posted nothing yet,
    /// or else of the one that has been silent for longest; its Falco connects again. More than
    /// the process may open files (`ulimit -n`) are of no use.
    pub fn max_connections(mut self, connections: usize) -> Config {
        self.max_connections = connections;
        self
    }

    /// How many bytes of alerts may wait for their reader. Default: 4 MiB.
    ///
    /// Beyond it no more are pulled, so that they stay in Falco's memory. As much again may be in
    /// the reader's hands, who takes out everything at once. Larger to take bursts off
    /// Falco while the reader is busy; smaller where memory is short, or to lose less when this
    /// program is killed.
    pub fn queue_bytes(mut self, bytes: usize) -> Config {
        self.queue_bytes = bytes;
        self
    }

    /// What happens to an alert that comes while the queue is full. Default: [`Overflow::Wait`],
    /// which loses nothing.
    pub fn overflow(mut self, overflow: Overflow) -> Config {
        self.overflow = overflow;
        self
    }

    /// Whether a subscription also goes on after a failure that does not pass by itself: a
    /// certificate that does not verify, a client that is not let in, a server without Falco's
    /// services. Default: false, such a failure ends it.
    ///
    /// With true the failure is an item of the sequence, once, and the subscription is made again
    /// every 5 s until somebody has seen to it. A `get` ends with any failure.
    pub fn keep_trying(mut self, keep_trying: bool) -> Config {
        self.keep_trying = keep_trying;
        self
    }

    /// The shortest and the longest wait between a subscription's requests. Default: 10 ms to
    /// 250 ms.
    ///
    /// Falco answers a request with what it has and then waits for the next one. That comes after
    /// an eighth of the silence so far, within these bounds. The longest is how late an alert after
    /// a quiet time may be; the shortest is what a busy stream costs both sides. From 1 ms to
    /// 24 days; equal bounds make a fixed cadence.
    pub fn request_interval(mut self, interval: RangeInclusive<Duration>) -> Config {
        self.request_interval = interval;
        self
    }

    /// How long a sequence that is being [closed](crate::Handle::close) must be silent before
    /// nothing is taken to be on its way. Default: 200 ms, from 1 ms to 24 days.
    ///
    /// Nothing marks the end of Falco's answer. With 0.2 s a Falco 0.43 lost none of 20,000 alerts.
    pub fn closing_silence(mut self, silence: Duration) -> Config {
        self.closing_silence = silence;
        self
    }

    /// How long Falco may show no sign of life before its connection is given up. Default: 60 s,
    /// from 1 ms to 24 days.
    ///
    /// Silence is normal, so Falco is asked for its version after a quarter of this time without an
    /// alert, and once more where that is not answered. It does not allow the pings of HTTP/2 that others use for this. A subscription goes on
    /// over a new connection, a `get` ends with [`Error::Timeout`].
    pub fn stall_timeout(mut self, deadline: Duration) -> Config {
        self.stall_timeout = deadline;
        self
    }

    /// A further channel argument of gRPC's C-core, as in its `grpc_types.h`. Default: none.
    ///
    /// For what has no option here, such as `grpc.http_proxy`. May be called for each argument;
    /// the last value for a name wins.
    pub fn channel_arg(mut self, name: impl Into<String>, value: impl Into<ChannelArg>) -> Config {
        self.channel_args.push((name.into(), value.into()));
        self
    }

    /// Checks every option, and reads the certificates.
    pub(crate) fn check(&self) -> Result<Checked> {
        let endpoint = self.check_options()?;
        let pem = self.tls.as_ref().map(Tls::load).transpose()?;
        Ok(Checked { endpoint, pem })
    }

    /// Checks every option, without a look at the certificates.
    pub(crate) fn check_options(&self) -> Result<Endpoint> {
        let endpoint: Endpoint = self.endpoint.parse()?;
        self.check_transport(&endpoint)?;
        self.check_server_name()?;
        check_time("connect_timeout", self.connect_timeout)?;
        check_time("call_timeout", self.call_timeout)?;
        check_time("closing_silence", self.closing_silence)?;
        check_time("stall_timeout", self.stall_timeout)?;
        check_time("request_interval", *self.request_interval.start())?;
        check_time("request_interval", *self.request_interval.end())?;
        if self.request_interval.is_empty() {
            let (least, most) = self.request_interval.clone().into_inner();
            let problem =
                format!("its shortest wait {least:?} is longer than its longest {most:?}");
            return Err(Error::config("request_interval", (problem, "swap them")));
        }
        check_bytes(
            "max_message_bytes",
            self.message_limit(&endpoint),
            LARGEST_MESSAGE,
        )?;
        if !(1..=MOST_CONNECTIONS).contains(&self.max_connections) {
            let problem = format!("{} is out of range", self.max_connections);
            let remedy = format!("give 1 to {MOST_CONNECTIONS}");
            return Err(Error::config("max_connections", (problem, remedy)));
        }
        check_bytes("queue_bytes", self.queue_bytes, usize::MAX)?;
        for (name, value) in &self.channel_args {
            check_channel_arg(name, value)?;
        }
        Ok(endpoint)
    }

    /// The largest alert to accept from there.
    pub(crate) fn message_limit(&self, endpoint: &Endpoint) -> usize {
        self.max_message_bytes
            .unwrap_or_else(|| match endpoint.format() {
                Format::Grpc => LARGEST_MESSAGE,
                Format::JsonLine => LARGEST_LINE,
            })
    }

    fn check_transport(&self, endpoint: &Endpoint) -> Result<()> {
        let (problem, remedy) = match (endpoint, &self.tls) {
            (Endpoint::Listen { tls: true, .. }, None) => (
                "listen+https needs a certificate and its key",
                "give both, and a CA where Falco has to show a certificate as well (mtls in \
                 http_output)",
            ),
            (Endpoint::Listen { tls: false, .. }, Some(_)) => (
                "listen+http has no TLS",
                "leave it out, or write listen+https",
            ),
            (Endpoint::File(_) | Endpoint::Stdin, Some(_)) => {
                ("lines come without TLS", "leave it out")
            }
            (Endpoint::Tcp { .. }, Some(tls)) if !tls.is_mutual() => {
                ("has no CA, by which Falco is known", "give ca.crt as well")
            }
            (Endpoint::Unix(_), Some(_)) => (
                "Falco's unix socket has no TLS",
                "leave it out, or give a TCP endpoint such as localhost:5060",
            ),
            (Endpoint::Tcp { .. }, Some(_)) if self.plaintext => {
                ("given together with plaintext", "choose one of them")
            }
            (Endpoint::Tcp { .. }, None) if !self.plaintext => (
                "Falco demands mutual TLS on TCP",
                "give three files, as Falco's documentation has in /etc/falco/certs: ca.crt, \
                 client.crt and client.key (or plaintext for a tunnel or sidecar)",
            ),
            _ => return Ok(()),
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

impl Default for Config {
    /// The Falco of this machine, at [`Endpoint::DEFAULT`].
    fn default() -> Config {
        Config::new(Endpoint::DEFAULT)
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

fn check_bytes(option: &'static str, bytes: usize, most: usize) -> Result<()> {
    if (1..=most).contains(&bytes) {
        return Ok(());
    }
    let problem = format!("{bytes} bytes is out of range");
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

#[cfg(test)]
mod tests;
