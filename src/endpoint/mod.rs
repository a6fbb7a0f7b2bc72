//! Where alerts come from.

mod host;
#[cfg(feature = "kafka")]
mod kafka;
mod kind;
mod listen;
#[cfg(any(feature = "kafka", feature = "redis"))]
mod log_url;
#[cfg(feature = "relay")]
mod place;
#[cfg(feature = "redis")]
mod redis;

use std::fmt::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::error::{Error, Problem, Result};
use crate::util::url::without_secrets;
use host::{host_and_port, Usual};

pub(crate) use host::{authority, is_ipv6, is_name};
#[cfg(all(feature = "kafka", feature = "relay"))]
pub(crate) use kafka::is_kafka;
#[cfg(feature = "kafka")]
pub(crate) use kafka::{KafkaAddress, Sasl};
pub use kind::EndpointKind;
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

/// An address of Falco's gRPC API.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum GrpcAddress<'a> {
    Unix(&'a Path),
    Tcp { host: &'a str, port: u16 },
}

impl Endpoint {
    /// Falco's default since 0.33. Before, it was `unix:///var/run/falco.sock`.
    pub const DEFAULT: &str = "unix:///run/falco/falco.sock";

    /// Like [`FromStr`], for a server: port 0 is any free port.
    #[cfg(any(feature = "server", feature = "relay"))]
    pub(crate) fn for_listening(text: &str) -> Result<Endpoint> {
        parse(text, 0)
    }

    /// The endpoint in C-core's form, for a channel or a server.
    pub(crate) fn target(&self) -> String {
        match self {
            // C-core decodes the path as that of a URI.
            Endpoint::Unix(path) => format!("unix:{}", percent(path.as_os_str().as_bytes())),
            // With a scheme, because a host named `unix` or `xds` would be read as one.
            Endpoint::Tcp { .. }
            | Endpoint::Listen { .. }
            | Endpoint::File(_)
            | Endpoint::Stdin
            | Endpoint::Kafka { .. }
            | Endpoint::Redis { .. } => format!("dns:///{}", percent(self.to_string().as_bytes())),
        }
    }

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
                let stream = percent(stream.as_bytes());
                write!(f, "{scheme}://{}/{stream}", authority(host, *port))?;
                let group = group.as_ref();
                let group = group.map(|group| format!("group={}", percent(group.as_bytes())));
                let database = (*database != 0).then(|| format!("db={database}"));
                let options: Vec<_> = group.into_iter().chain(database).collect();
                match options.is_empty() {
                    true => Ok(()),
                    false => write!(f, "?{}", options.join("&")),
                }
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
                write!(f, "{scheme}://{brokers}/{}", percent(topic.as_bytes()))?;
                match group {
                    Some(group) => write!(f, "?group={}", percent(group.as_bytes())),
                    None => Ok(()),
                }
            }
        }
    }
}

const HTTP: &str = "listen+http://";
const HTTPS: &str = "listen+https://";
const FILE: &str = "file://";
const STDIN: &str = "-";

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> String {
        endpoint.to_string()
    }
}

impl FromStr for Endpoint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Endpoint> {
        parse(text, 1)
    }
}

/// What a remedy names.
const FORMS: &str = "write unix:///run/falco/falco.sock or host:port, as in localhost:5060; for a \
                     Falco without gRPC listen+http://ADDR:PORT, listen+https://ADDR:PORT, \
                     file:///path or - for standard input";

/// What the address of a unix socket holds, without its closing NUL.
const LONGEST_PATH: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// Reads an endpoint whose port, if it connects to one, is at least this.
fn parse(text: &str, lowest_port: u16) -> Result<Endpoint> {
    let endpoint = if text.trim().is_empty() {
        Err(Problem::fixed("is empty", FORMS))
    } else if text.contains(char::is_control) {
        let problem = "contains a NUL, a line break or another control character";
        Err(Problem::fixed(problem, FORMS))
    } else if text == STDIN {
        Ok(Endpoint::Stdin)
    } else if let Some(path) = text.strip_prefix("unix:") {
        unix(path)
    } else if let Some(path) = text.strip_prefix(FILE) {
        file(path)
    } else if let Some(address) = text.strip_prefix(HTTP) {
        listen(false, address)
    } else if let Some(address) = text.strip_prefix(HTTPS) {
        listen(true, address)
    } else if let Some(endpoint) = log(text) {
        endpoint
    } else if let Some((scheme @ ("http" | "https"), rest)) = text.split_once("://") {
        let rest = match rest.starts_with(':') {
            true => format!("0.0.0.0{rest}"),
            false => without_secrets(rest),
        };
        let remedy = format!("to listen for Falco's http_output, write listen+{scheme}://{rest}");
        Err(("is an address to send to", remedy).into())
    } else if let Some((scheme, _)) = text.split_once("://") {
        let problem = format!("has the scheme {scheme}, which Falco does not serve");
        Err((problem, FORMS).into())
    } else if text.starts_with('/') {
        Err((
            "is a path without a scheme",
            format!("write {}", with_scheme(text)),
        )
            .into())
    } else if let Some(path) = text.strip_prefix("file:").filter(|it| it.starts_with('/')) {
        Err(("lacks two slashes", format!("write {FILE}{path}")).into())
    } else if text.contains('/') {
        let problem = "is neither an absolute path nor a host and port";
        Err(Problem::fixed(problem, FORMS))
    } else {
        tcp(text, lowest_port)
    };
    endpoint.map_err(|problem| {
        // An address of another scheme may have a password in it.
        let ours = ["unix:", FILE, HTTP, HTTPS]
            .iter()
            .any(|it| text.starts_with(it));
        match text.contains("://") && !ours {
            true => Error::endpoint(without_secrets(text), problem),
            false => Error::endpoint(text, problem),
        }
    })
}

/// A log, by its scheme.
fn log(text: &str) -> Option<Result<Endpoint, Problem>> {
    match text.split_once("://")?.0 {
        #[cfg(feature = "redis")]
        "redis" | "rediss" => {
            let address = RedisAddress::parse(text, LogUse::Read);
            Some(address.map(|address| address.endpoint()))
        }
        #[cfg(not(feature = "redis"))]
        "redis" | "rediss" => {
            let problem = "needs the feature redis, without which this program was built";
            let remedy = "build it with the feature redis, which cli has as well";
            Some(Err(Problem::fixed(problem, remedy)))
        }
        #[cfg(feature = "kafka")]
        "kafka" | "kafkas" => {
            let address = KafkaAddress::parse(text, LogUse::Read);
            Some(address.map(|address| address.endpoint()))
        }
        #[cfg(not(feature = "kafka"))]
        "kafka" | "kafkas" => {
            let problem = "needs the feature kafka, without which this program was built";
            let remedy = "build it with --features kafka";
            Some(Err(Problem::fixed(problem, remedy)))
        }
        _ => None,
    }
}

fn unix(rest: &str) -> Result<Endpoint, Problem> {
    let Some(path) = rest.strip_prefix("//") else {
        return Err(match rest.starts_with('/') {
            true => ("lacks two slashes", format!("write unix://{rest}")).into(),
            false => Problem::fixed("has no absolute path", FORMS),
        });
    };
    if path.is_empty() {
        return Err(("has no path", format!("write {}", Endpoint::DEFAULT)).into());
    }
    if !path.starts_with('/') {
        let problem = format!("has the relative path {path}");
        let remedy = format!(
            "write an absolute one after unix://, as in {}",
            Endpoint::DEFAULT
        );
        return Err((problem, remedy).into());
    }
    // More slashes are one to the system, but not to C-core.
    let path = &*format!("/{}", path.trim_start_matches('/'));
    if path.contains(',') {
        // C-core reads commas as separators of several addresses.
        return Err(Problem::fixed(
            "has a comma in its path, which gRPC cannot take",
            "use a symbolic link",
        ));
    }
    if path.len() > LONGEST_PATH {
        let problem = format!(
            "has a path of {} bytes, and a socket's address holds {LONGEST_PATH}",
            path.len()
        );
        let remedy = "use a shorter path, or a symbolic link to its folder";
        return Err((problem, remedy).into());
    }
    Ok(Endpoint::Unix(path.into()))
}

/// A path as the endpoint that it probably is, by its name.
fn with_scheme(path: &str) -> String {
    match Path::new(path).extension() {
        Some(extension) if extension != "sock" && extension != "socket" => format!("{FILE}{path}"),
        _ => format!("unix://{path}"),
    }
}

fn file(path: &str) -> Result<Endpoint, Problem> {
    match path.strip_prefix('/') {
        Some("") | None => {
            let remedy = format!("write the file's after file://, as in {FILE}/var/log/falco.log");
            Err(("has no absolute path", remedy).into())
        }
        Some(_) => Ok(Endpoint::File(path.into())),
    }
}

fn listen(tls: bool, rest: &str) -> Result<Endpoint, Problem> {
    let address = rest.strip_suffix('/').unwrap_or(rest);
    if address.contains('/') {
        let problem = "has a path, and Falco may send to any";
        return Err(Problem::fixed(problem, "leave it out"));
    }
    let usual = Usual {
        scheme: if tls { HTTPS } else { HTTP },
        host: "0.0.0.0",
        port: "2801",
    };
    let (host, port) = host_and_port(address, 0, &usual)?;
    Ok(Endpoint::Listen { tls, host, port })
}

fn tcp(text: &str, lowest_port: u16) -> Result<Endpoint, Problem> {
    let usual = Usual {
        scheme: "",
        host: "localhost",
        port: "5060",
    };
    let (host, port) = host_and_port(text, lowest_port, &usual)?;
    Ok(Endpoint::Tcp { host, port })
}

/// Encodes what has a meaning in a URI's path, or none at all.
fn percent(bytes: &[u8]) -> String {
    let mut encoded = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"/-._~:[]".contains(&byte) {
            encoded.push(byte.into());
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests;
