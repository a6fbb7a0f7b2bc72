//! The options of a client.

mod applies;
mod check;
mod connections;
mod overflow;
mod setting;
mod token;

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::api::ChannelArg;
use crate::endpoint::Endpoint;
use crate::position::Position;
use crate::tls::Tls;
use crate::util::url::without_secrets;
use connections::default_connections;
use setting::Setting;

pub(crate) use check::Checked;
pub use overflow::Overflow;
pub(crate) use token::Token;

/// Where alerts come from, and how to read them.
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
/// [`Client::new`](crate::Client::new) checks all of it. An option that has no effect on the kind of
/// endpoint is an [`Error::Config`](crate::Error::Config) there. Each applies to these (the columns
/// are `unix:///path`, `host:port`, `listen+http://…`, `listen+https://…`, `file:///path`, `-`, and a
/// log, `redis://host/stream` or `kafka://broker/topic`):
///
/// | option | unix | TCP | HTTP | HTTPS | file | stdin | log |
/// | --- | --- | --- | --- | --- | --- | --- | --- |
/// | [`tls`](Config::tls) | | yes | | yes | | | |
/// | [`plaintext`](Config::plaintext) | | yes | | | | | |
/// | [`server_name`](Config::server_name) | | yes | | | | | |
/// | [`connect_timeout`](Config::connect_timeout) | yes | yes | | | | | yes |
/// | [`call_timeout`](Config::call_timeout) | yes | yes | yes | yes | | | yes |
/// | [`max_message_bytes`](Config::max_message_bytes) | yes | yes | yes | yes | yes | yes | yes |
/// | [`max_connections`](Config::max_connections) | | | yes | yes | | | |
/// | [`token`](Config::token) | | | yes | yes | | | |
/// | [`allow_origin`](Config::allow_origin) | | | yes | yes | | | |
/// | [`resume`](Config::resume) | | | | | yes | | |
/// | [`queue_bytes`](Config::queue_bytes) | yes | yes | yes | yes | yes | yes | yes |
/// | [`overflow`](Config::overflow) | yes | yes | yes | yes | yes | yes | yes |
/// | [`keep_trying`](Config::keep_trying) | yes | yes | | | | | yes |
/// | [`request_interval`](Config::request_interval) | yes | yes | | | yes | | |
/// | [`closing_silence`](Config::closing_silence) | yes | yes | | | | yes | |
/// | [`stall_timeout`](Config::stall_timeout) | yes | yes | | | | | |
/// | [`channel_arg`](Config::channel_arg) | yes | yes | | | | | |
///
/// The `bool` options are without effect, and allowed, everywhere when they are false.
#[derive(Clone)]
pub struct Config {
    pub(crate) endpoint: String,
    pub(crate) tls: Option<Tls>,
    pub(crate) plaintext: bool,
    pub(crate) server_name: Option<String>,
    pub(crate) connect_timeout: Setting<Duration>,
    pub(crate) call_timeout: Setting<Duration>,
    pub(crate) max_message_bytes: Option<usize>,
    pub(crate) max_connections: Setting<usize>,
    pub(crate) token: Option<Token>,
    pub(crate) allowed_origins: Vec<String>,
    pub(crate) resume: Option<Position>,
    pub(crate) queue_bytes: Setting<usize>,
    pub(crate) overflow: Setting<Overflow>,
    pub(crate) keep_trying: bool,
    pub(crate) request_interval: Setting<RangeInclusive<Duration>>,
    pub(crate) closing_silence: Setting<Duration>,
    pub(crate) stall_timeout: Setting<Duration>,
    pub(crate) channel_args: Vec<(String, ChannelArg)>,
}

impl Config {
    /// The default options for the Falco at `endpoint`, in one of the forms of [`Endpoint`].
    ///
    /// For Falco 0.18 to 0.43, `grpc.bind_address` in `falco.yaml` says which: `unix:///path` for a
    /// unix socket, which is [`Endpoint::DEFAULT`] by default and was `unix:///var/run/falco.sock`
    /// before Falco 0.33; `host:port` or `[::1]:5060` for TCP, by default port 5060, which needs
    /// [`tls`](Config::tls).
    pub fn new(endpoint: impl Into<String>) -> Config {
        let (shortest, longest) = (Duration::from_millis(10), Duration::from_millis(250));
        Config {
            endpoint: endpoint.into(),
            tls: None,
            plaintext: false,
            server_name: None,
            connect_timeout: Setting::default_of(Duration::from_secs(10)),
            call_timeout: Setting::default_of(Duration::from_secs(10)),
            max_message_bytes: None,
            max_connections: Setting::default_of(default_connections()),
            token: None,
            allowed_origins: Vec::new(),
            resume: None,
            queue_bytes: Setting::default_of(4 << 20),
            overflow: Setting::default_of(Overflow::Wait),
            keep_trying: false,
            request_interval: Setting::default_of(shortest..=longest),
            closing_silence: Setting::default_of(Duration::from_millis(200)),
            stall_timeout: Setting::default_of(Duration::from_secs(60)),
            channel_args: Vec::new(),
        }
    }

    /// The certificates and the key for TLS. Default: none.
    ///
    /// Falco requires client certificates on TCP. Its documentation keeps the files of a client as
    /// `/etc/falco/certs/{ca.crt,client.crt,client.key}`. `listen+https` needs a server's certificate
    /// and key, and requires client certificates where there is a CA.
    pub fn tls(mut self, tls: Tls) -> Config {
        self.tls = Some(tls);
        self
    }

    /// Whether to use TCP without TLS. Default: false.
    ///
    /// Falco itself never serves this. It is for a tunnel, a service mesh's sidecar or another
    /// proxy that adds TLS, or forwards Falco's unix socket: alerts are readable on the way there.
    pub fn plaintext(mut self, plaintext: bool) -> Config {
        self.plaintext = plaintext;
        self
    }

    /// The name that the server's certificate must have. Default: the host of the endpoint.
    ///
    /// For a Falco that is reached by an address, or through a tunnel, that its certificate does
    /// not name: the certificates of Falco's documentation name `localhost` wherever they are used.
    pub fn server_name(mut self, name: impl Into<String>) -> Config {
        self.server_name = Some(name.into());
        self
    }

    /// How long one attempt to connect may take, including name resolution and TLS. Default: 10 s,
    /// from 1 ms to 24 days.
    ///
    /// Longer for a distant or loaded host, shorter to try again sooner when packets are lost.
    pub fn connect_timeout(mut self, timeout: Duration) -> Config {
        self.connect_timeout.give(timeout);
        self
    }

    /// How long [`version`](crate::Client::version) may take; where alerts are posted, how long a
    /// peer may take for the TLS handshake, and for one request. Default: 10 s, from 1 ms to 24 days.
    ///
    /// Shorter for a health check. `get` and `subscribe` have no time-out: they may take for ever.
    pub fn call_timeout(mut self, timeout: Duration) -> Config {
        self.call_timeout.give(timeout);
        self
    }

    /// The largest alert to accept, in bytes. Default over gRPC, and the maximum: 1 GiB - 1. Default
    /// for a posted alert or a line: 16 MiB.
    ///
    /// Smaller to bound the memory that a hostile server can take. A larger alert is lost, with an
    /// [`Error::TooLarge`](crate::Error::TooLarge); a real one has been 42 MB long. Where alerts are
    /// posted, a larger one is answered with 413, and of posted alerts above 64 KiB four of the
    /// largest size may be in flight at once.
    pub fn max_message_bytes(mut self, bytes: usize) -> Config {
        self.max_message_bytes = Some(bytes);
        self
    }

    /// How many connections may be open where alerts are posted. Default: half of the process's limit
    /// of open files (`ulimit -n`), at most 4,096; from 1 to 65,536.
    ///
    /// Each Falco keeps one, which costs a thread and about 60 KiB. Beyond this number, a new one
    /// replaces one that has posted no alert yet. One that has is never cut for it: where all have, the
    /// new one is answered 503 with `Retry-After`, and counted in
    /// [`Counters::refused`](crate::Counters::refused). A number above the limit of open files is of
    /// no use.
    pub fn max_connections(mut self, connections: usize) -> Config {
        self.max_connections.give(connections);
        self
    }

    /// A shared secret without which no alert can be posted. Default: none is needed.
    ///
    /// A request has it as the password of basic authentication, as Falco sends it of the address
    /// `http://falco:TOKEN@host:2801/` in `http_output.url`, or as `Authorization: Bearer TOKEN`. Others
    /// are answered 401, logged and counted in [`Counters::unauthorized`](crate::Counters::unauthorized).
    /// Probes need none. Without TLS, it can be read on the network, and so can the alerts.
    pub fn token(mut self, token: impl AsRef<str>) -> Config {
        self.token = Some(Token::new(token.as_ref()));
        self
    }

    /// A value of the header `Origin` that requests may have, such as `https://tools.example`. Default:
    /// none, as only browsers send this header, on behalf of a web page. May be called for each.
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Config {
        self.allowed_origins.push(origin.into());
        self
    }

    /// Where reading a file begins. Default: at its start.
    ///
    /// After an alert that was handled, this is its [position](crate::Alert::position), and at the end
    /// of the file [`Position::end_of`]. The file is read on there also if it was renamed, copied and
    /// truncated, or compressed with gzip in the meantime, and then its successors. What cannot be
    /// found is logged, with its time span, and counted in [`Counters::gaps`](crate::Counters::gaps).
    ///
    /// ```no_run
    /// use falco_client::{Client, Config, Position};
    ///
    /// # fn handle(_: &falco_client::Alert) {}
    /// # fn main() -> falco_client::Result<()> {
    /// let mut config = Config::new("file:///var/log/falco.jsonl");
    /// if let Some(position) = Position::load("falco.position")? {
    ///     config = config.resume(position);
    /// }
    /// for alert in Client::new(config)?.subscribe()? {
    ///     let alert = alert?;
    ///     handle(&alert);
    ///     // Or less often: what came since comes again after a crash.
    ///     if let Some(position) = alert.position() {
    ///         position.save("falco.position")?;
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn resume(mut self, position: Position) -> Config {
        self.resume = Some(position);
        self
    }

    /// How many bytes of alerts may wait in the queue for their reader. Default: 4 MiB.
    ///
    /// When the queue is full no more are received, so that they stay in Falco's memory. The reader
    /// takes out everything at once, and may hold as much again. Larger to take bursts off Falco
    /// while the reader is busy; smaller where memory is short, or to lose less when this program is
    /// killed.
    pub fn queue_bytes(mut self, bytes: usize) -> Config {
        self.queue_bytes.give(bytes);
        self
    }

    /// What happens to an alert that arrives while the queue is full. Default: [`Overflow::Wait`],
    /// which loses nothing.
    pub fn overflow(mut self, overflow: Overflow) -> Config {
        self.overflow.give(overflow);
        self
    }

    /// Whether a subscription also continues after a failure that does not pass by itself: a
    /// certificate that does not verify, a client that is not admitted, a server without Falco's
    /// services. Default: false, such a failure ends it.
    ///
    /// With true the failure is an item of the sequence, once, and the subscription is retried every
    /// 5 s until somebody has repaired the cause. A `get` ends with any failure.
    pub fn keep_trying(mut self, keep_trying: bool) -> Config {
        self.keep_trying = keep_trying;
        self
    }

    /// The shortest and the longest wait between a subscription's requests, or between two polls of a
    /// file. Default: 10 ms to 250 ms. From 1 ms to 24 days; equal bounds make a fixed interval.
    ///
    /// Falco answers a request with the alerts that it has and then waits for the next one. That is
    /// sent after an eighth of the silence so far, within these bounds. The longest is how late an
    /// alert after a quiet time may be; the shortest is what a busy stream costs both sides. With more
    /// than 60 subscriptions in a process the waits grow with their number.
    pub fn request_interval(mut self, interval: RangeInclusive<Duration>) -> Config {
        self.request_interval.give(interval);
        self
    }

    /// How long a sequence that is being [closed](crate::Handle::close) must be silent before
    /// it is taken to have nothing in flight. Default: 200 ms, from 1 ms to 24 days.
    ///
    /// Nothing marks the end of Falco's answer. With 0.2 s a Falco 0.43 lost none of 20,000 alerts.
    pub fn closing_silence(mut self, silence: Duration) -> Config {
        self.closing_silence.give(silence);
        self
    }

    /// How long Falco may show no sign of life before its connection is given up. Default: 60 s,
    /// from 1 ms to 24 days.
    ///
    /// Silence is normal, so Falco is asked for its version after a quarter of this time without an
    /// alert, and once more where that is not answered. It does not allow the HTTP/2 pings that
    /// others use for this. A subscription continues over a new connection, a `get` ends with
    /// [`Error::Timeout`](crate::Error::Timeout).
    pub fn stall_timeout(mut self, timeout: Duration) -> Config {
        self.stall_timeout.give(timeout);
        self
    }

    /// A further channel argument of gRPC's C-core, as in its `grpc_types.h`. Default: none.
    ///
    /// For what has no option here, such as `grpc.http_proxy`. May be called for each argument;
    /// the last value for a name wins. What an argument does may change with the version of gRPC:
    /// see [`api`](crate::api).
    pub fn channel_arg(mut self, name: impl Into<String>, value: impl Into<ChannelArg>) -> Config {
        self.channel_args.push((name.into(), value.into()));
        self
    }
}

impl Default for Config {
    /// The Falco of this machine, at [`Endpoint::DEFAULT`].
    fn default() -> Config {
        Config::new(Endpoint::DEFAULT)
    }
}

/// Without private keys, and without the user and password of an address.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Config {
            endpoint,
            tls,
            plaintext,
            server_name,
            connect_timeout,
            call_timeout,
            max_message_bytes,
            max_connections,
            token,
            allowed_origins,
            resume,
            queue_bytes,
            overflow,
            keep_trying,
            request_interval,
            closing_silence,
            stall_timeout,
            channel_args,
        } = self;
        f.debug_struct("Config")
            .field("endpoint", &without_secrets(endpoint))
            .field("tls", tls)
            .field("plaintext", plaintext)
            .field("server_name", server_name)
            .field("connect_timeout", connect_timeout)
            .field("call_timeout", call_timeout)
            .field("max_message_bytes", max_message_bytes)
            .field("max_connections", max_connections)
            .field("token", token)
            .field("allowed_origins", allowed_origins)
            .field("resume", resume)
            .field("queue_bytes", queue_bytes)
            .field("overflow", overflow)
            .field("keep_trying", keep_trying)
            .field("request_interval", request_interval)
            .field("closing_silence", closing_silence)
            .field("stall_timeout", stall_timeout)
            .field("channel_args", channel_args)
            .finish()
    }
}

#[cfg(test)]
mod tests;
