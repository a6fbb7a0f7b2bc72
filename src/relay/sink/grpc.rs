//! Falco's own gRPC API as a sink, for clients of a Falco before 0.44.

use std::fmt;
use std::fs::DirBuilder;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::DirBuilderExt as _;
use std::sync::Arc;
use std::time::Duration;

use super::target::{probe_folder, spawn, RunningSink, StartSink, Target};
use super::Sink;
use crate::api::version;
use crate::diagnose::{Finding, Step};
use crate::endpoint::Place;
use crate::endpoint::{cannot_listen, Endpoint, GrpcAddress};
use crate::error::{Error, Result};
use crate::falco_api::{Ahead, ApiServer, Room, Services, Settings, StallPolicy, VersionMetadata};
use crate::relay::identity::SinkIdentity;
use crate::relay::label;
use crate::relay::loops::with_real_folder;
use crate::relay::progress::Progress;
use crate::relay::sink_queue::SinkQueue;
use crate::relay::spool::Taken;
use crate::relay::trail::HEADER;
use crate::util::rate_limited_log::RateLimitedLog;

/// How many streams of each kind are served at once, where Falco serves ten per thread.
const STREAMS: usize = 1000;

/// How far the queue of the server is ahead of its clients: alerts that are not yet written, and so
/// are still in the spool.
const AHEAD: Ahead = Ahead {
    alerts: 1024,
    bytes: 8 << 20,
};

/// How long a client may take nothing while there are alerts for it. Then its stream is ended.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the clients may take nothing before that is reported.
const STALL_NOTICE: Duration = Duration::from_secs(10);

/// How much is taken out of the spool at once.
const BATCH: usize = 256;
const BATCH_BYTES: usize = 256 << 10;

#[derive(Clone, Debug)]
pub(super) struct GrpcSink {
    pub endpoint: Endpoint,
}

impl fmt::Display for GrpcSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.endpoint.fmt(f)
    }
}

impl Target for GrpcSink {
    fn identity(&self) -> SinkIdentity {
        SinkIdentity::new(match &self.endpoint {
            Endpoint::Unix(path) => format!("unix://{}", with_real_folder(path).display()),
            other => other.to_string().to_ascii_lowercase(),
        })
    }

    fn place(&self) -> Place {
        self.endpoint.place()
    }

    fn may_have_tls(&self) -> bool {
        matches!(self.endpoint.grpc(), Some(GrpcAddress::Tcp { .. }))
    }

    fn may_fan_out(&self) -> bool {
        true
    }

    fn check(&self, sink: &Sink, findings: &mut Vec<Finding>) -> Result<(), Finding> {
        let (host, port) = match self.endpoint.grpc() {
            Some(GrpcAddress::Unix(path)) => {
                // A folder that is missing is made.
                let folder = path.parent().filter(|folder| !folder.exists());
                findings.push(probe_folder(folder.unwrap_or(path), Step::Socket)?);
                return Ok(());
            }
            Some(GrpcAddress::Tcp { host, port }) => (host, port),
            None => return Ok(()),
        };
        if let Some(tls) = &sink.tls {
            let loaded = tls.load();
            loaded.map_err(|error| Finding::failed(Step::Certificates, &error))?;
            findings.push(Finding::ok(Step::Certificates, format!("{tls:?}")));
        }
        let bound = TcpListener::bind((host, port));
        bound.map_err(|error| {
            let error = cannot_listen(&self.endpoint, error);
            Finding::failed(Step::Tcp, &error)
        })?;
        findings.push(Finding::ok(Step::Tcp, "the address can be bound"));
        Ok(())
    }

    fn start(&self, start: StartSink<'_>) -> Result<Arc<dyn RunningSink>> {
        make_folder(&self.endpoint)?;
        let (progress, fan_out) = (start.progress.clone(), start.fan_out);
        let log = RateLimitedLog::new(module_path!(), &*start.name);
        let name = start.name.clone();
        let report = move |peer: &str| {
            progress.add_cut();
            log.warn(
                "streams that were ended",
                format_args!(
                    "{name}: a client ({peer}) has taken nothing for {} s, and its stream was ended: \
                     {}",
                    STALL_TIMEOUT.as_secs(),
                    match fan_out {
                        true => "it misses the alerts that waited for it, unless it was the only one",
                        false => "what it has not taken goes to another",
                    }
                ),
            );
        };
        let trail = start.trail.cloned();
        let version_metadata =
            trail.map(|trail| -> VersionMetadata { (HEADER, Arc::new(move || trail.header())) });
        let server = Arc::new(ApiServer::start(Settings {
            endpoint: &self.endpoint,
            tls: start.tls,
            threads: 1,
            streams: STREAMS,
            fan_out: start.fan_out,
            ahead: AHEAD,
            stall: Some(StallPolicy {
                timeout: STALL_TIMEOUT,
                report: Arc::new(report),
            }),
            services: Services {
                output: false,
                outputs: true,
                version: true,
            },
            version: start.version.clone(),
            version_metadata,
        })?);
        let feed = Arc::new(Feed {
            name: start.name.clone(),
            server: server.clone(),
            queue: start.queue,
            progress: start.progress,
            labelled: start.labelled,
        });
        let fill = feed.clone();
        let spawn = |run: Box<dyn FnOnce() + Send>| spawn(start.threads, &start.name, run);
        let started = spawn(Box::new(move || fill.fill()))
            .and_then(|()| spawn(Box::new(move || feed.confirm())));
        match started {
            Ok(()) => Ok(server),
            Err(error) => {
                server.stop(Duration::ZERO);
                Err(error)
            }
        }
    }
}

/// Makes the folder of a socket, as Falco did: `/run/falco` is missing on a fresh host.
fn make_folder(endpoint: &Endpoint) -> Result<()> {
    let Some(GrpcAddress::Unix(path)) = endpoint.grpc() else {
        return Ok(());
    };
    let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    else {
        return Ok(());
    };
    match DirBuilder::new().mode(0o755).create(folder) {
        Ok(()) => {
            log::info!("{endpoint}: made the folder {}", folder.display());
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => {
            let problem = format!("its folder cannot be made: {error}");
            let remedy = "make it and let this user write to it, or listen elsewhere with \
                          unix:///path";
            Err(Error::listen(
                endpoint,
                (problem, remedy),
                Some(error.into()),
            ))
        }
    }
}

impl RunningSink for ApiServer {
    fn endpoint(&self) -> Option<&Endpoint> {
        Some(ApiServer::endpoint(self))
    }

    fn set_version(&self, version: version::Response) {
        ApiServer::set_version(self, version);
    }

    fn stop(&self, grace: Duration) {
        ApiServer::stop(self, grace);
    }
}

/// Moves alerts from the spool to the server's queue.
struct Feed {
    name: Arc<str>,
    server: Arc<ApiServer>,
    queue: SinkQueue,
    progress: Arc<Progress>,
    labelled: bool,
}

impl Feed {
    /// Keeps the queue filled, until the server or the spool ends.
    fn fill(&self) {
        let queue = self.server.queue();
        loop {
            match queue.wait_for_room(STALL_NOTICE) {
                Room::Free => self.report(None),
                Room::None { served: true } => {
                    self.report(Some("its clients take nothing"));
                    continue;
                }
                // What comes waits for a client.
                Room::None { served: false } => {
                    self.report(None);
                    continue;
                }
                Room::Ended => return,
            }
            let Taken::Alerts(entries) = self.queue.take(BATCH, BATCH_BYTES, None) else {
                return;
            };
            for entry in entries {
                let message = match self.labelled {
                    true => label::message(&entry.bytes, &entry.source),
                    false => entry.bytes.to_vec(),
                };
                queue.push_numbered(entry.number, message);
            }
        }
    }

    fn report(&self, failing: Option<&str>) {
        let failed = self.progress.set_failing(failing);
        match failing {
            Some(problem) if !failed => {
                log::warn!("{}: {problem}; alerts wait in the spool", self.name);
            }
            None if failed => log::info!("{}: alerts are taken again", self.name),
            _ => {}
        }
    }

    /// Confirms what is written to clients, until the server ends.
    fn confirm(&self) {
        let mut known = 0;
        while let Some(first) = self.server.queue().released(known) {
            known = first;
            let delivered = self.queue.confirm(first.saturating_sub(1));
            self.progress.add_delivered(delivered);
        }
    }
}
