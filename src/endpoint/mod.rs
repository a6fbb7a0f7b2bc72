//! Where alerts come from. Each endpoint is a variant here, with what is true of it; all else is derived.

mod grpc;
mod host;
#[cfg(feature = "kafka")]
mod kafka;
mod kind;
mod listen;
#[cfg(any(feature = "kafka", feature = "redis"))]
mod log_url;
mod parse;
#[cfg(feature = "relay")]
mod place;
#[cfg(feature = "redis")]
mod redis;

use std::fmt;
use std::path::PathBuf;

#[cfg(not(all(feature = "kafka", feature = "redis")))]
use crate::error::Problem;
use crate::util::url::{percent, query};
use kind::{Facts, Syntax};
use parse::{FILE, HTTP, HTTPS, STDIN};

pub(crate) use grpc::GrpcAddress;
pub(crate) use host::{authority, is_ipv6, is_name};
#[cfg(all(feature = "kafka", feature = "relay"))]
pub(crate) use kafka::is_kafka;
#[cfg(feature = "kafka")]
pub(crate) use kafka::{KafkaAddress, Sasl};
pub(crate) use kind::{Family, TlsUse};
pub(crate) use listen::cannot_listen;
#[cfg(any(feature = "kafka", feature = "redis"))]
pub(crate) use log_url::LogUse;
#[cfg(feature = "relay")]
pub(crate) use place::Place;
#[cfg(all(feature = "redis", feature = "relay"))]
pub(crate) use redis::is_redis;
#[cfg(feature = "redis")]
pub(crate) use redis::RedisAddress;

/// Where alerts come from: Falco's gRPC API, an address of this machine to which Falco posts them, or a
/// file or pipe to which it writes them.
///
/// It is parsed from, and displayed as, one of these forms:
///
/// | endpoint | Falco | setting in `falco.yaml` |
/// | --- | --- | --- |
/// | `unix:///path` | 0.18 to 0.43 | `grpc.bind_address`, the same text |
/// | `host:port`, `[::1]:5060` | 0.18 to 0.43 | `grpc.bind_address`, with mutual TLS |
/// | `listen+http://ADDR:PORT` | every version with `http_output` | `http_output.url: http://…` |
/// | `listen+https://ADDR:PORT` | the same | `http_output.url: https://…` |
/// | `file:///path` | every version | `file_output.filename` |
/// | `-` (standard input) | every version | `stdout_output`, or `program_output.program` |
/// | `redis://host:port/stream?group=NAME` | by way of a relay | its sink `redis://host:port/stream` |
/// | `kafka://broker:port/topic?group=NAME` | by way of a relay | its sink `kafka://broker:port/topic` |
///
/// All except the first two need `json_output: true` in `falco.yaml`.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Endpoint {
    /// A unix socket, at an absolute path. It is not encrypted, and protected only by the permissions
    /// of the socket file.
    Unix(PathBuf),
    /// A TCP port, where Falco requires mutual TLS.
    Tcp {
        /// A DNS name or an IP address, IPv6 without brackets.
        host: String,
        /// The port. Falco's default is 5060.
        port: u16,
    },
    /// An address of this machine on which to listen for Falco's `http_output`, which sends a POST
    /// request for each alert. Its path is ignored.
    Listen {
        /// Whether to use TLS: `listen+https`. Client certificates are required where
        /// [`Tls`](crate::Tls) has a CA.
        tls: bool,
        /// A DNS name or an IP address, IPv6 without brackets; `0.0.0.0` or `::` for all interfaces.
        host: String,
        /// The port; 0 for any free one, which [`Client::endpoint`](crate::Client::endpoint) returns.
        port: u16,
    },
    /// A file of Falco's JSON lines, at an absolute path. It is followed as it grows, and when it is
    /// rotated or truncated. It may be created later.
    File(PathBuf),
    /// Falco's JSON lines on standard input.
    Stdin,
    /// A stream of Redis or Valkey, into which a [relay](crate#features) or another program puts
    /// alerts in Falco's JSON. Feature `redis`.
    ///
    /// As text it may have more, which is never shown: `redis://user:password@host:port/stream` with
    /// options after a question mark. `group` reads a share of the stream, so that several readers
    /// divide it; without it every reader reads all. `consumer` is the reader's name in the group
    /// (default: that of the machine), `start` is `0` for what the stream holds (default) or `$` for what
    /// is new, `claim` the seconds after which a reader that shows no sign of life loses what it was
    /// given (default: 60), `db` the database. `password-file`, `ca`, `cert` and `key` are paths of
    /// files; the environment variable `REDISCLI_AUTH` may have the password.
    Redis {
        /// Whether to use TLS: `rediss`.
        tls: bool,
        /// A DNS name or an IP address, IPv6 without brackets.
        host: String,
        /// The port. Redis's default is 6379.
        port: u16,
        /// The number of the database.
        database: u32,
        /// The key of the stream.
        stream: String,
        /// The group whose share is read.
        group: Option<String>,
    },
    /// A topic of Kafka, into which a [relay](crate#features), falcosidekick or another program puts alerts in
    /// Falco's JSON. Feature `kafka`.
    ///
    /// As text it may have more, which is never shown:
    /// `kafka://user:password@broker:port,broker:port/topic` with options after a question mark. `group`
    /// names the readers that share the topic, `start` is `earliest` for what the topic holds when the group
    /// is new (default) or `latest` for what is new, `sasl` is `plain` (default), `scram-sha-256` or
    /// `scram-sha-512`. `password-file`, `ca`, `cert` and `key` are paths of files; the environment
    /// variables `KAFKA_USERNAME` and `KAFKA_PASSWORD` may have the login. `kafka.NAME` is a property of
    /// librdkafka.
    Kafka {
        /// Whether to use TLS: `kafkas`.
        tls: bool,
        /// DNS names or IP addresses, IPv6 without brackets, and ports, of which Kafka's default is 9092.
        /// Any of them leads to the others.
        brokers: Vec<(String, u16)>,
        /// The name of the topic.
        topic: String,
        /// The group whose share is read.
        group: Option<String>,
    },
}

/// Declares the kinds, and lists them: those of this build, and every one.
macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $kind:ident $(if $feature:literal)?,)*) => {
        /// A kind of [`Endpoint`]: what a program that offers endpoints has to know about each.
        ///
        /// ```
        /// # use falco_client::EndpointKind;
        /// for kind in EndpointKind::ALL {
        ///     println!("{:<25} {}", kind.form(), kind.reads());
        /// }
        /// ```
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum EndpointKind {
            $($(#[doc = $doc])* $kind,)*
        }

        impl EndpointKind {
            /// All kinds that can be read with the features of this build.
            pub const ALL: &[EndpointKind] = &[
                $($(#[cfg(feature = $feature)])? EndpointKind::$kind,)*
            ];

            /// All kinds.
            const EVERY: &[EndpointKind] = &[$(EndpointKind::$kind,)*];
        }
    };
}

kinds! {
    /// [`Endpoint::Unix`].
    Unix,
    /// [`Endpoint::Tcp`].
    Tcp,
    /// [`Endpoint::Listen`] without TLS.
    Http,
    /// [`Endpoint::Listen`] with TLS.
    Https,
    /// [`Endpoint::File`].
    File,
    /// [`Endpoint::Stdin`].
    Stdin,
    /// [`Endpoint::Redis`].
    Redis if "redis",
    /// [`Endpoint::Kafka`].
    Kafka if "kafka",
}

impl EndpointKind {
    /// The kind of this endpoint.
    pub fn of(endpoint: &Endpoint) -> EndpointKind {
        match endpoint {
            Endpoint::Unix(_) => EndpointKind::Unix,
            Endpoint::Tcp { .. } => EndpointKind::Tcp,
            Endpoint::Listen { tls: false, .. } => EndpointKind::Http,
            Endpoint::Listen { tls: true, .. } => EndpointKind::Https,
            Endpoint::File(_) => EndpointKind::File,
            Endpoint::Stdin => EndpointKind::Stdin,
            Endpoint::Redis { .. } => EndpointKind::Redis,
            Endpoint::Kafka { .. } => EndpointKind::Kafka,
        }
    }

    /// All that is true of endpoints of this kind.
    fn facts(self) -> Facts {
        match self {
            EndpointKind::Unix => Facts {
                form: "unix:///path",
                reads: "gRPC API of Falco 0.18 to 0.43",
                family: Family::Grpc,
                tls: TlsUse::None {
                    problem: "Falco's unix socket has no TLS",
                    remedy: "leave it out, or give a TCP endpoint such as localhost:5060",
                },
                syntax: Syntax::Scheme(&["unix:"], parse::unix),
            },
            EndpointKind::Tcp => Facts {
                form: "host:port",
                reads: "the same over TCP, with mutual TLS",
                family: Family::Grpc,
                tls: TlsUse::Mutual,
                syntax: Syntax::Bare,
            },
            EndpointKind::Http => Facts {
                form: "listen+http://ADDR:PORT",
                reads: "http_output of any Falco",
                family: Family::Http,
                tls: TlsUse::None {
                    problem: "listen+http has no TLS",
                    remedy: "leave it out, or write listen+https",
                },
                syntax: Syntax::Scheme(&[HTTP], |text| parse::listen(HTTP, text)),
            },
            EndpointKind::Https => Facts {
                form: "listen+https://ADDR:PORT",
                reads: "the same, with TLS",
                family: Family::Http,
                tls: TlsUse::Server,
                syntax: Syntax::Scheme(&[HTTPS], |text| parse::listen(HTTPS, text)),
            },
            EndpointKind::File => Facts {
                form: "file:///path",
                reads: "file_output of any Falco",
                family: Family::File,
                tls: TlsUse::OF_LINES,
                syntax: Syntax::Scheme(&[FILE], parse::file),
            },
            EndpointKind::Stdin => Facts {
                form: STDIN,
                reads: "standard input (stdout_output, program_output)",
                family: Family::Stdin,
                tls: TlsUse::OF_LINES,
                syntax: Syntax::Bare,
            },
            EndpointKind::Redis => Facts {
                form: "redis://HOST/STREAM",
                reads: "a stream of Redis or Valkey",
                family: Family::Log,
                tls: TlsUse::None {
                    problem: TlsUse::IN_ADDRESS,
                    remedy: "write rediss://host/stream?ca=FILE, where needed with cert=FILE and key=FILE",
                },
                #[cfg(feature = "redis")]
                syntax: Syntax::Scheme(&["redis://", "rediss://"], redis::endpoint),
                #[cfg(not(feature = "redis"))]
                syntax: Syntax::Scheme(&["redis://", "rediss://"], |_| Err(lacks("redis"))),
            },
            EndpointKind::Kafka => Facts {
                form: "kafka://BROKER/TOPIC",
                reads: "a topic of Kafka, with ?group=NAME",
                family: Family::Log,
                tls: TlsUse::None {
                    problem: TlsUse::IN_ADDRESS,
                    remedy: "write kafkas://broker/topic?ca=FILE, where needed with cert=FILE and key=FILE",
                },
                #[cfg(feature = "kafka")]
                syntax: Syntax::Scheme(&["kafka://", "kafkas://"], kafka::endpoint),
                #[cfg(not(feature = "kafka"))]
                syntax: Syntax::Scheme(&["kafka://", "kafkas://"], |_| Err(lacks("kafka"))),
            },
        }
    }
}

impl Endpoint {
    /// Falco's default since 0.33. Before, it was `unix:///var/run/falco.sock`.
    pub const DEFAULT: &str = "unix:///run/falco/falco.sock";

    /// The address of Falco's gRPC API, if the endpoint is one.
    pub(crate) fn grpc(&self) -> Option<GrpcAddress<'_>> {
        match self {
            Endpoint::Unix(path) => Some(GrpcAddress::Unix(path)),
            Endpoint::Tcp { host, port } => Some(GrpcAddress::Tcp { host, port: *port }),
            Endpoint::Listen { .. }
            | Endpoint::File(_)
            | Endpoint::Stdin
            | Endpoint::Kafka { .. }
            | Endpoint::Redis { .. } => None,
        }
    }

    /// Where alerts come from, whatever it is called.
    #[cfg(feature = "relay")]
    pub(crate) fn place(&self) -> Place {
        match self {
            Endpoint::Unix(path) | Endpoint::File(path) => Place::Path(path.clone()),
            Endpoint::Tcp { host, port } | Endpoint::Listen { host, port, .. } => Place::Port {
                host: host.clone(),
                port: *port,
            },
            Endpoint::Stdin => Place::Stdio,
            Endpoint::Redis {
                host,
                port,
                database,
                stream,
                ..
            } => Place::stream(host, *port, *database, stream),
            Endpoint::Kafka { brokers, topic, .. } => Place::Topic {
                brokers: brokers.clone(),
                name: topic.clone(),
            },
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Unix(path) => write!(f, "unix://{}", path.display()),
            Endpoint::Tcp { host, port } => f.write_str(&authority(host, *port)),
            Endpoint::Listen { tls, host, port } => {
                let scheme = if *tls { HTTPS } else { HTTP };
                write!(f, "{scheme}{}", authority(host, *port))
            }
            Endpoint::File(path) => write!(f, "{FILE}{}", path.display()),
            Endpoint::Stdin => f.write_str(STDIN),
            Endpoint::Redis {
                tls,
                host,
                port,
                database,
                stream,
                group,
            } => {
                let scheme = if *tls { "rediss" } else { "redis" };
                let database = (*database != 0).then(|| database.to_string());
                let options = query(&[("group", group.clone()), ("db", database)]);
                let (host, stream) = (authority(host, *port), percent(stream.as_bytes()));
                write!(f, "{scheme}://{host}/{stream}{options}")
            }
            Endpoint::Kafka {
                tls,
                brokers,
                topic,
                group,
            } => {
                let scheme = if *tls { "kafkas" } else { "kafka" };
                let brokers = brokers.iter().map(|(host, port)| authority(host, *port));
                let brokers = brokers.collect::<Vec<_>>().join(",");
                let topic = percent(topic.as_bytes());
                let options = query(&[("group", group.clone())]);
                write!(f, "{scheme}://{brokers}/{topic}{options}")
            }
        }
    }
}

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> String {
        endpoint.to_string()
    }
}

/// The problem of an endpoint that is read only with a feature that this build does not have.
#[cfg(not(all(feature = "kafka", feature = "redis")))]
pub(crate) fn lacks(feature: &str) -> Problem {
    let problem = format!("needs the feature {feature}, without which this program was built");
    (problem, format!("build it with --features {feature}")).into()
}

#[cfg(test)]
mod tests;
