//! A gRPC server that serves Falco's API from a queue of alerts.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use grpcio::{ChannelBuilder, EnvBuilder, ServerBuilder};

use super::listen::listen;
use super::queue::{Ahead, Queue};
use super::service::{output_service, outputs_service, version_service};
use super::stall::StallPolicy;
use super::state::{ServerState, VersionMetadata};
use crate::api::version;
use crate::endpoint::Endpoint;
use crate::error::{Error, Result};
use crate::tls::Tls;
use crate::util::core_log;
use crate::util::lock::lock;
use crate::util::wait::wait_until;

/// Calls that C-core may hand over at once, per thread. Further ones wait.
const CALLS_AT_ONCE: usize = 64;

/// Shutting down is quick once all calls are cancelled, unless something is broken.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// Stands for a grace period beyond the clock's range.
const FOREVER: Duration = Duration::from_secs(u32::MAX as u64);

/// What is served, and where.
pub(crate) struct Settings<'a> {
    pub endpoint: &'a Endpoint,
    pub tls: Option<&'a Tls>,
    pub threads: usize,
    /// How many streams of each kind are served at once.
    pub streams: usize,
    /// Whether each `sub` has a queue of its own, so that all of them get every alert. No Falco does
    /// that.
    pub fan_out: bool,
    /// How far the queue may be ahead of its clients, where that is asked for.
    pub ahead: Ahead,
    /// What becomes of clients that take nothing. Default: nothing, as with Falco.
    pub stall: Option<StallPolicy>,
    pub services: Services,
    /// What `version` answers.
    pub version: version::Response,
    /// And what it tells beside that. No Falco does.
    pub version_metadata: Option<VersionMetadata>,
}

/// Which of Falco's services are served.
#[derive(Clone, Copy)]
pub(crate) struct Services {
    /// `falco.output.service`, of Falco 0.18 to 0.23.
    pub output: bool,
    /// `falco.outputs.service`, of Falco 0.24 to 0.43.
    pub outputs: bool,
    /// `falco.version.service`, of Falco 0.20 to 0.43.
    pub version: bool,
}

/// A running server. Dropping it cancels its calls.
///
/// When it has ended, its threads and its socket file are gone.
pub(crate) struct ApiServer {
    endpoint: Endpoint,
    state: Arc<ServerState>,
    core: Mutex<Option<grpcio::Server>>,
}

impl ApiServer {
    pub(crate) fn start(settings: Settings<'_>) -> Result<ApiServer> {
        let state = Arc::new(ServerState::new(
            settings.streams,
            (settings.fan_out, settings.ahead),
            settings.stall,
            settings.version,
            settings.version_metadata,
        ));
        let (starting, ending) = (state.clone(), state.clone());
        let env = Arc::new(
            EnvBuilder::new()
                .cq_count(settings.threads)
                .name_prefix("falco-server")
                .after_start(move || starting.thread_started())
                .before_stop(move || ending.thread_ended())
                .build(),
        );
        core_log::redirect();
        // Otherwise a second server on the same port would silently take a part of the clients.
        let arguments = ChannelBuilder::new(env.clone())
            .reuse_port(false)
            .build_args();
        let mut builder = ServerBuilder::new(env)
            .channel_args(arguments)
            .requests_slot_per_cq(CALLS_AT_ONCE);
        if settings.services.output {
            builder = builder.register_service(output_service(&state));
        }
        if settings.services.outputs {
            builder = builder.register_service(outputs_service(&state));
        }
        if settings.services.version {
            builder = builder.register_service(version_service(&state));
        }
        let mut core = builder.build().map_err(|error| {
            let problem = ("gRPC makes no server", "see its log, which says why");
            Error::listen(settings.endpoint, problem, Some(error.into()))
        })?;
        let listening = listen(&mut core, settings.endpoint, settings.tls);
        if listening.is_ok() {
            core.start();
        }
        // From here on its threads end when it is dropped, also where it cannot listen.
        let mut server = ApiServer {
            endpoint: settings.endpoint.clone(),
            state,
            core: Mutex::new(Some(core)),
        };
        server.endpoint = listening?;
        Ok(server)
    }

    /// Where it listens, with the real port.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn queue(&self) -> &Queue {
        &self.state.queue
    }

    #[cfg(feature = "server")]
    pub(crate) fn state(&self) -> &Arc<ServerState> {
        &self.state
    }

    /// Changes what `version` answers.
    #[cfg(feature = "relay")]
    pub(crate) fn set_version(&self, answer: version::Response) {
        self.state.set_version(answer);
    }

    /// Ends the server: streams end by themselves within `grace`, where their clients let them, and
    /// the others are cancelled then.
    pub(crate) fn stop(&self, grace: Duration) {
        let core = lock(&self.core).take();
        if let Some(core) = core {
            shut_down(&self.endpoint, &self.state, core, grace);
            #[cfg(feature = "relay")]
            self.state.queue.end();
        }
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.stop(Duration::ZERO);
    }
}

/// Ends a server and waits for its threads, which grpcio does not.
fn shut_down(endpoint: &Endpoint, state: &ServerState, mut core: grpcio::Server, grace: Duration) {
    state.stop();
    let mut shutdown = core.shutdown();
    let now = Instant::now();
    let until = now.checked_add(grace).unwrap_or(now + FOREVER);
    let ended = !grace.is_zero() && wait_until(&mut shutdown, until).is_some();
    if !ended {
        core.cancel_all_calls();
        let until = Instant::now() + SHUTDOWN_TIMEOUT;
        if wait_until(&mut shutdown, until).is_none() {
            log::error!("{endpoint}: the server does not end; its threads and memory are leaked");
            // C-core aborts the process when a server is destroyed before it has shut down.
            std::mem::forget(core);
            return;
        }
    }
    drop(core);
    if !state.wait_for_threads(Instant::now() + SHUTDOWN_TIMEOUT) {
        log::error!("{endpoint}: threads of the server do not end; they are leaked");
    }
}
