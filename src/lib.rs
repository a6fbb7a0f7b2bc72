//! Reads the security alerts of [Falco](https://falco.org): over gRPC from Falco 0.18 to 0.43, and over
//! HTTP, from files and from pipes from any Falco, including 0.44 and later.
//!
//! # Reading alerts
//!
//! A [`Client`] reads from one [`Endpoint`]. [`Client::subscribe`] returns [`Alerts`], a sequence that
//! is a blocking iterator:
//!
//! ```no_run
//! use falco_client::Client;
//!
//! # fn main() -> falco_client::Result<()> {
//! let client = Client::open("unix:///run/falco/falco.sock")?;
//! for alert in client.subscribe()? {
//!     match alert {
//!         Ok(alert) => println!("{} {}", alert.priority(), alert.rule()),
//!         Err(error) => eprintln!("{error}"),
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! and a `futures::Stream` for any executor:
//!
//! ```no_run
//! use falco_client::Client;
//! use futures::StreamExt;
//!
//! # async fn follow() -> falco_client::Result<()> {
//! let client = Client::open("unix:///run/falco/falco.sock")?;
//! let mut alerts = client.subscribe()?;
//! while let Some(alert) = alerts.next().await {
//!     println!("{}", alert?.falco_json());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The sequence reconnects by itself. An item is an [`Alert`] or an [`Error`]; after an alert that
//! cannot be decoded, the next one follows. [`Client::subscribe_with`] calls a function instead, on
//! the thread where the bytes arrive. [`Client::get`] reads the alerts that Falco holds now, and ends.
//!
//! [`Alerts::state`], [`Alerts::counters`] and [`Alerts::on_change`] inspect a sequence without
//! consuming alerts. [`Handle::close`] ends it without losing any: read on until the sequence ends.
//!
//! # Endpoints
//!
//! | endpoint | Falco |
//! | --- | --- |
//! | `unix:///path` | 0.18 to 0.43, gRPC |
//! | `host:port` | 0.18 to 0.43, gRPC with mutual TLS: see [`Config::tls`] |
//! | `listen+http://ADDR:PORT` | every version with `http_output` |
//! | `listen+https://ADDR:PORT` | the same, with TLS or mutual TLS |
//! | `file:///path` | every version, by `file_output` |
//! | `-` | every version, on standard input |
//! | `redis://host/stream`, `rediss://…` | what a relay or others put into a stream of Redis or Valkey |
//! | `kafka://broker/topic?group=NAME`, `kafkas://…` | what a relay or others put into a topic of Kafka |
//!
//! The [settings of Falco][falco] for each endpoint are part of the project's documents.
//!
//! # Features
//!
//! All features are optional and additive.
//!
//! | feature | adds |
//! | --- | --- |
//! | `relay` | `relay`: forwards alerts to gRPC, HTTP and files |
//! | `server` | `server`: an embedded Falco for tests; `recording`: reads recorded alerts |
//! | `dynamic` | [`dynamic::Descriptor`] from a `.proto` file given at run time |
//! | `falco-yaml` | `check::FalcoYaml`: checks Falco's settings |
//! | `redis` | streams of Redis and Valkey: an endpoint, and with `relay` a sink |
//! | `kafka` | topics of Kafka: an endpoint, and with `relay` a sink |
//! | `command` | the command `falco-client` without what only `cli` has; includes `falco-yaml` and `server` |
//! | `cli` | the whole command, with `relay`, completions and manual; includes all of the above but `kafka` |
//! | `vendored-openssl` | builds OpenSSL from source |
//!
//! # How it works
//!
//! gRPC's C++ core delivers messages on one thread that all clients of a process share. A driver on
//! that thread sends the requests without which Falco writes nothing, and puts the bytes of each
//! message into a bounded queue, from which the reader takes all alerts at once. When the queue is full
//! the driver stops reading, and back-pressure reaches Falco. Posted alerts and lines of a file go
//! through the same queue. An [`Alert`] keeps the message as it arrived and records where its fields
//! are. The documents describe the [internals], the [reliability tests and limits][reliability] and the
//! [performance].
//!
//! [falco]: https://github.com/falco-client/falco-client/blob/main/docs/falco.md
//! [internals]: https://github.com/falco-client/falco-client/blob/main/docs/internals.md
//! [reliability]: https://github.com/falco-client/falco-client/blob/main/docs/reliability.md
//! [performance]: https://github.com/falco-client/falco-client/blob/main/docs/performance.md

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![warn(missing_docs, missing_debug_implementations)]
// Input from peers must not panic. Only the command prints.
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::print_stdout,
        clippy::print_stderr
    )
)]

mod alert;
mod alerts;
pub mod api;
pub mod check;
mod client;
mod config;
mod delivery;
mod diagnose;
pub mod dynamic;
mod endpoint;
mod error;
#[cfg(any(feature = "server", feature = "relay"))]
mod falco_api;
mod format;
mod http;
pub mod json;
#[cfg(feature = "kafka")]
mod kafka_topic;
mod position;
mod priority;
#[cfg(feature = "server")]
pub mod recording;
#[cfg(feature = "redis")]
mod redis_stream;
#[cfg(feature = "relay")]
pub mod relay;
#[cfg(feature = "server")]
pub mod server;
mod source;
mod tls;
mod util;

pub use alert::{Alert, AlertBuilder};
pub use alerts::{Alerts, Checkpoint, Handle, IntoIter, Iter, Watch};
pub use client::Client;
pub use config::{Config, Overflow};
pub use delivery::{Counters, State};
pub use endpoint::{Endpoint, EndpointKind};
pub use error::{Error, Result, StatusCode};
pub use format::Format;
pub use position::Position;
pub use priority::Priority;
pub use tls::Tls;

/// Compiles the code blocks of the documents.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../README.md")]
    mod readme {}
    #[doc = include_str!("../docs/falco.md")]
    mod falco {}
    #[doc = include_str!("../docs/relay.md")]
    mod relay {}
    #[doc = include_str!("../docs/coming-from.md")]
    mod coming_from {}
    #[cfg(feature = "kafka")]
    #[doc = include_str!("../docs/log.md")]
    mod log {}
}
