//! Alerts as Falco's `http_output` posts them: one in each request, answered once it is taken.

use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ureq_proto::http::{Method, StatusCode};

use super::{Purpose, Source, StartRequest};
use crate::alert::Format;
use crate::config::Config;
use crate::delivery::{Intake, Message, Mode, Put, State};
use crate::endpoint::Endpoint;
use crate::error::{Error, Result};
use crate::http::{Answer, Listener, Request, Serve, Service, Wishes};
use crate::json::line_message;
use crate::util::lock::lock;
use crate::util::thread::spawn_named;

/// Between two words about requests that were refused.
const TELL: Duration = Duration::from_secs(5);

/// A port where Falcos post their alerts. It is listened on as long as there is a clone of its client.
pub(crate) struct Http {
    listener: Arc<Listener>,
}

impl Http {
    /// # Errors
    ///
    /// [`Error::Listen`] where nothing can listen there, [`Error::Tls`].
    pub(crate) fn bind(config: &Config, endpoint: Endpoint) -> Result<Http> {
        let listener = Arc::new(Listener::bind(config, endpoint)?);
        Ok(Http { listener })
    }
}

impl Source for Http {
    fn endpoint(&self) -> &Endpoint {
        self.listener.endpoint()
    }

    /// Takes what is posted, on threads of its own, until the mode ends it.
    fn start(self: Arc<Self>, request: StartRequest) -> Result<()> {
        match request.purpose {
            Purpose::Subscribe => {}
            Purpose::Get => {
                return Err(Error::Endpoint {
                    endpoint: self.endpoint().to_string(),
                    problem: "has nothing to get: Falco holds no alert that it posts; follow it, \
                              with subscribe or watch"
                        .to_owned(),
                })
            }
        }
        let posts = Arc::new(Posts {
            endpoint: self.endpoint().to_string(),
            intake: Intake::new(request.outlet, request.control)?,
            told: Mutex::default(),
        });
        let listener = self.listener.clone();
        let run = move || {
            posts.intake.control().set(State::Following);
            listener.serve(&posts, &*posts);
            posts.intake.end(None);
        };
        let started = spawn_named("falco-listen", run);
        started.map(drop).map_err(|error| Error::Listen {
            endpoint: self.endpoint().to_string(),
            problem: format!("no thread to listen there: {error}; allow more threads"),
            source: Some(error.into()),
        })
    }
}

struct Posts {
    endpoint: String,
    intake: Arc<Intake>,
    /// When somebody was told last, and how many were refused since.
    told: Mutex<(Option<Instant>, u64)>,
}

impl Wishes for Posts {
    fn bell(&self) -> Option<&UnixStream> {
        Some(self.intake.changed())
    }

    fn wish(&self) -> Serve {
        match self.intake.mode() {
            Mode::Run => Serve::Go,
            Mode::Close => Serve::Close,
            Mode::Cancel | Mode::Abandon => Serve::Stop,
        }
    }
}

impl Service for Posts {
    fn method(&self) -> Method {
        Method::POST
    }

    fn call(&self, request: Request) -> Option<Answer> {
        let line = request.body.trim_ascii();
        let (item, answer) = match line_message(line) {
            Ok(message) => (Ok(posted(message)), Answer::empty(StatusCode::OK)),
            Err(problem) => {
                let answer = Answer::text(StatusCode::BAD_REQUEST, format!("{problem}\n"));
                let error = Error::Line {
                    endpoint: self.endpoint.clone(),
                    line: line.into(),
                    problem,
                };
                (Err(Box::new(error)), answer)
            }
        };
        // The body is not needed while this waits for room.
        drop(request);
        match self.intake.put(item) {
            Put::Taken => Some(answer),
            Put::Refused => None,
        }
    }

    fn refused(&self, peer: SocketAddr, why: &str) {
        self.intake.control().tally.refused();
        let mut told = lock(&self.told);
        told.1 += 1;
        if told.0.is_none_or(|told| told.elapsed() >= TELL) {
            let others = std::mem::take(&mut told.1) - 1;
            told.0 = Some(Instant::now());
            drop(told);
            let more = match others {
                0 => String::new(),
                others => format!(" (and {others} others before)"),
            };
            log::warn!("{}: refused {peer}: {why}{more}", self.endpoint);
        }
    }
}

fn posted(bytes: Vec<u8>) -> Message {
    Message {
        bytes,
        format: Format::JsonLine,
        position: None,
    }
}
