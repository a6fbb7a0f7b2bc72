//! Alerts as Falco's `http_output` posts them: one in each request, answered once it is taken.

use std::io;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ureq_proto::http::{Method, StatusCode};

use super::accept::{Listener, Serve, Wishes};
use super::service::{Answer, Request, Service};
use crate::error::{Error, Result};
use crate::feed::{Intake, Put, State, Wish};
use crate::json::line_message;

/// Between two words about requests that were refused.
const TELL: Duration = Duration::from_secs(5);

/// Takes what is posted, on threads of its own, until the intake's wish ends it.
pub(crate) fn start(listener: Arc<Listener>, intake: Arc<Intake>) -> Result<()> {
    let endpoint = listener.endpoint().to_string();
    let failed = |error: io::Error| Error::Server {
        endpoint: endpoint.clone(),
        problem: format!("no thread to listen there: {error}; allow more threads"),
        source: Some(error.into()),
    };
    let posts = Arc::new(Posts {
        endpoint: endpoint.clone(),
        intake: intake.clone(),
        told: Mutex::default(),
    });
    let run = move || {
        posts.intake.control().set(State::Following);
        listener.serve(&posts, &*posts);
        posts.intake.end(None);
    };
    let thread = thread::Builder::new().name("falco-listen".to_owned());
    thread.spawn(run).map(drop).map_err(failed)
}

struct Posts {
    endpoint: String,
    intake: Arc<Intake>,
    /// When somebody was told last, and how many were refused since.
    told: Mutex<(Option<Instant>, u64)>,
}

impl Wishes for Posts {
    fn bell(&self) -> Option<&UnixStream> {
        Some(self.intake.bell())
    }

    fn wish(&self) -> Serve {
        self.intake.heard();
        match self.intake.control().wished() {
            Wish::Run => Serve::Go,
            Wish::Close => Serve::Close,
            Wish::Cancel | Wish::Abandon => Serve::Stop,
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
            Ok(message) => (Ok(message), Answer::empty(StatusCode::OK)),
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
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
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
