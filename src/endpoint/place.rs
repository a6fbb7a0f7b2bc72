//! Where alerts come from or go to, for finding a relay that feeds itself.

use std::path::PathBuf;

/// Where alerts come from or go to, whatever it is called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// A file or a unix socket.
    Path(PathBuf),
    /// A port of a host.
    Port { host: String, port: u16 },
    /// A stream on a server, by its database and its key.
    Stream {
        host: String,
        port: u16,
        name: String,
    },
    /// A topic, by its brokers.
    Topic {
        brokers: Vec<(String, u16)>,
        name: String,
    },
    /// Standard input and standard output are not the same, though both are written `-`.
    Stdio,
}

impl Place {
    /// A stream of Redis.
    pub fn stream(host: &str, port: u16, database: u32, stream: &str) -> Place {
        Place::Stream {
            host: host.to_owned(),
            port,
            name: format!("{database}/{stream}"),
        }
    }
}
