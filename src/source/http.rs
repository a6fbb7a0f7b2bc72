//! Alerts as Falco's `http_output` posts them: one in each request, answered once it is delivered.

use std::fmt;
use std::net::SocketAddr;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::Arc;

use ureq_proto::http::{Method, StatusCode};

use super::{Purpose, Source, StartRequest};
use crate::config::Config;
use crate::delivery::{Intake, Message, Mode, State};
use crate::endpoint::{cannot_listen, Endpoint};
use crate::error::{Error, Result};
use crate::format::Format;
use crate::http::{
    HttpRequest, HttpResponse, HttpService, ListenOptions, Listener, Refusal, Rejection,
    RequestHead, Shutdown, ShutdownSignal,
};
use crate::json::line_message;
use crate::tls::ReloadingAcceptor;
use crate::util::rate_limited_log::RateLimitedLog;
use crate::util::thread::{deliver_here, spawn_named};

/// A port where Falcos post their alerts. It stays open as long as there is a clone of its client.
pub(crate) struct Http {
    endpoint: Endpoint,
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
            intake: Intake::new(request.outlet, request.control)?,
            log: RateLimitedLog::new(module_path!(), self.endpoint.to_string()),
        });
        let listener = self.listener.clone();
        let run = move || {
            posts.intake.control().set(State::Following);
            listener.serve(&posts, &*posts);
            posts.log.flush();
            posts.intake.end(None);
        };
        let started = spawn_named("falco-listen", run);
        started
            .map(drop)
            .map_err(|error| Error::no_thread(self.endpoint(), "to listen there", error))
    }
}

struct Posts {
    endpoint: String,
    intake: Arc<Intake>,
    log: RateLimitedLog,
}

impl ShutdownSignal for Posts {
    fn readable(&self) -> BorrowedFd<'_> {
        self.intake.changed().as_fd()
    }

    fn requested(&self) -> Shutdown {
        match self.intake.mode() {
            Mode::Run => Shutdown::No,
            Mode::Close => Shutdown::Graceful,
            Mode::Cancel | Mode::Abandon => Shutdown::Immediate,
        }
    }
}

impl HttpService for Posts {
    fn check(&self, head: &RequestHead) -> std::result::Result<(), Rejection> {
        match head.method {
            Method::POST => Ok(()),
            _ => Err(Rejection::method(head, "POST")),
        }
    }

    fn call(&self, request: HttpRequest) -> Option<HttpResponse> {
        // A callback may run on this thread.
        deliver_here();
        let line = request.body.trim_ascii();
        let (message, response) = match line_message(line) {
            Ok(message) => (Ok(posted(message)), HttpResponse::empty(StatusCode::OK)),
            Err(problem) => {
                let status = StatusCode::BAD_REQUEST;
                let response = HttpResponse::text(status, format!("{problem}\n"));
                let error = Error::not_json(&self.endpoint, line.into(), problem);
                (Err(Box::new(error)), response)
            }
        };
        // The body is not needed while the intake waits for room.
        drop(request);
        self.intake.put(message).ok().map(|()| response)
    }

    fn refused(&self, peer: SocketAddr, refusal: &Refusal) {
        self.intake.control().counters.refused();
        let message = format_args!("{}: refused {peer}: {refusal}", self.endpoint);
        self.log.warn(refusal.kind(), message);
    }

    fn failed(&self, problem: fmt::Arguments<'_>) {
        let message = format_args!("{}: {problem}", self.endpoint);
        self.log.warn("failures of the system", message);
    }
}

fn posted(bytes: Vec<u8>) -> Message {
    Message {
        bytes,
        format: Format::JsonLine,
        position: None,
    }
}
