//! The settings of a server.

use std::thread;

use super::release::Release;
use super::Server;
use crate::api::version;
use crate::endpoint::Endpoint;
use crate::error::{Error, Result};
use crate::falco_api::{Ahead, ApiServer, Settings};
use crate::tls::Tls;

/// More threads than anyone has a use for: it keeps a typing error from exhausting the machine.
const MOST_THREADS: usize = 256;

/// Sets up a [`Server`]. Made by [`Server::builder`].
#[derive(Clone, Debug)]
#[must_use = "nothing listens before start()"]
pub struct ServerBuilder {
    listen: String,
    tls: Option<Tls>,
    threadiness: usize,
    falco: String,
    version: Option<version::Response>,
}

impl Server {
    /// Sets up a server.
    pub fn builder() -> ServerBuilder {
        ServerBuilder {
            listen: String::new(),
            tls: None,
            threadiness: 1,
            falco: Release::DEFAULT.to_owned(),
            version: None,
        }
    }
}

impl ServerBuilder {
    /// Where to listen: `unix:///path`, or `host:port`, where port 0 is any free one,
    /// which [`Server::endpoint`] returns. There is no default.
    pub fn listen(mut self, endpoint: impl Into<String>) -> Self {
        self.listen = endpoint.into();
        self
    }

    /// Certificate and key of the server, and the CA that clients' certificates must be signed
    /// by. Demanded for TCP, where Falco speaks mutual TLS only, and refused for a unix socket.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// How many threads serve, as `grpc.threadiness` in `falco.yaml`; ten times as many streams of
    /// each kind are served at the same time. 0 is the number of CPUs, as in Falco; more than 256
    /// are refused. Default: 1.
    pub fn threadiness(mut self, threads: usize) -> Self {
        self.threadiness = threads;
        self
    }

    /// Which Falco it is, from 0.18 on, as in `0.22.1` or `0.36.0-rc2`: this decides which
    /// [services](super#each-generation) it has, and what `version` answers. Default: `0.43.1`.
    pub fn falco(mut self, version: impl Into<String>) -> Self {
        self.falco = version.into();
        self
    }

    /// What `version` answers, where this Falco has it. Default: what [`falco`](Self::falco)
    /// says of itself, for 0.43.1 as it was recorded.
    pub fn version(mut self, answer: version::Response) -> Self {
        self.version = Some(answer);
        self
    }

    /// Starts to listen and serve.
    ///
    /// A socket file that a dead process has left behind is replaced.
    ///
    /// # Errors
    ///
    /// - [`Error::Endpoint`]: the text given to [`listen`](Self::listen) is no endpoint.
    /// - [`Error::Config`]: [`tls`](Self::tls) is missing for TCP or given for a unix socket,
    ///   [`threadiness`](Self::threadiness) is above 256, or [`falco`](Self::falco) is no version,
    ///   or one before 0.18.
    /// - [`Error::Tls`]: the certificates cannot be used.
    /// - [`Error::Listen`]: something listens there already, a file lies there that is no
    ///   socket, or the folder is missing or not writable.
    pub fn start(self) -> Result<Server> {
        let endpoint = Endpoint::for_listening(&self.listen)?;
        let release = Release::parse(&self.falco)?;
        let threads = match self.threadiness {
            0 => thread::available_parallelism()
                .map_or(1, |cpus| cpus.get())
                .min(MOST_THREADS),
            threads if threads <= MOST_THREADS => threads,
            threads => {
                let problem = format!("{threads} is more than {MOST_THREADS}");
                let problem = (problem, "give less, or 0 for one a CPU");
                return Err(Error::config("threadiness", problem));
            }
        };
        let api = ApiServer::start(Settings {
            endpoint: &endpoint,
            tls: self.tls.as_ref(),
            threads,
            // Falco has ten contexts per thread for each kind of stream.
            streams: threads.saturating_mul(10),
            fan_out: false,
            ahead: Ahead::default(),
            stall: None,
            services: release.services(),
            version: self.version.unwrap_or(release.answer),
            version_metadata: None,
        })?;
        Ok(Server { api })
    }
}
