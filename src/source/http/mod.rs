//! Alerts as Falco's `http_output` and others post them, answered once all of a request are delivered.

mod admission;
mod held;
mod posts;
mod probes;
mod split;

use std::sync::{Arc, Mutex};

use admission::PostAdmission;
pub(crate) use admission::PostGuard;
use held::HeldPosts;
use posts::Posts;

use super::text_alerts::TextAlerts;
use super::{Purpose, Source, StartRequest};
use crate::config::Config;
use crate::delivery::{Intake, State};
use crate::endpoint::{cannot_listen, Endpoint};
use crate::error::{Error, Result};
use crate::http::{ListenOptions, Listener};
use crate::tls::ReloadingAcceptor;
use crate::util::lock::lock;
use crate::util::rate_limited_log::RateLimitedLog;
use crate::util::thread::spawn_named;

/// A port where Falcos post their alerts. It stays open as long as there is a clone of its client.
pub(crate) struct Http {
    endpoint: Endpoint,
    admission: Arc<PostAdmission>,
    listener: Arc<Listener>,
}

impl Http {
    /// # Errors
    ///
    /// [`Error::Listen`] where nothing can listen there, [`Error::Tls`].
    pub(crate) fn bind(config: &Config, tls: bool, host: &str, port: u16) -> Result<Http> {
        let endpoint = |port| Endpoint::Listen {
            tls,
            host: host.to_owned(),
            port,
        };
        let options = ListenOptions {
            host: host.to_owned(),
            port,
            tls: config
                .tls
                .as_ref()
                .map(ReloadingAcceptor::new)
                .transpose()?,
            max_body: config.message_limit(&endpoint(port)),
            request_timeout: *config.call_timeout,
            max_connections: *config.max_connections,
        };
        let listener = Listener::bind(options);
        let listener = listener.map_err(|error| cannot_listen(&endpoint(port), error))?;
        Ok(Http {
            endpoint: endpoint(listener.port()),
            admission: Arc::new(PostAdmission::of(config)),
            listener: Arc::new(listener),
        })
    }
}

impl Source for Http {
    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Takes what is posted, on threads of its own, until the mode ends it.
    fn start(self: Arc<Self>, request: StartRequest) -> Result<()> {
        match request.purpose {
            Purpose::Subscribe => {}
            Purpose::Get => {
                let problem = "has nothing to get: Falco holds no alert that it posts";
                let remedy = "follow it, with subscribe or watch";
                return Err(Error::endpoint(self.endpoint(), (problem, remedy)));
            }
        }
        let posts = Arc::new(Posts {
            endpoint: self.endpoint().to_string(),
            admission: self.admission.clone(),
            guard: request.post_guard,
            held: HeldPosts::new(request.control.clone()),
            intake: Intake::new(request.outlet, request.control)?,
            log: RateLimitedLog::new(module_path!(), self.endpoint.to_string()),
            texts: Mutex::new(TextAlerts::new(self.endpoint.to_string())),
        });
        let no_thread = |error| Error::no_thread(self.endpoint(), "to listen there", error);
        let watched = posts.clone();
        let watch = spawn_named("falco-held", move || watched.held.watch()).map_err(no_thread)?;
        let ends = posts.clone();
        let listener = self.listener.clone();
        let run = move || {
            posts.intake.control().set(State::Following);
            listener.serve(&posts, &*posts);
            posts.held.end();
            // A panic was reported by the thread itself.
            let _ = watch.join();
            posts.log.flush();
            lock(&posts.texts).flush();
            posts.intake.end(None);
        };
        let started = spawn_named("falco-listen", run);
        started.map(drop).map_err(|error| {
            ends.held.end();
            no_thread(error)
        })
    }
}
