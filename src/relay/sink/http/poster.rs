//! Posts alerts to a sink.

use std::time::Duration;

use ureq::http::HeaderMap;
use ureq::Agent;

use super::headers::Headers;
use crate::relay::deliver::{Deliver, Delivery, Failure, Reason, RefusedAlert};
use crate::relay::json_line::json_line;
use crate::relay::spool::Entry;

/// How much of an answer's text is kept.
const EXCERPT: usize = 200;

pub(super) struct Poster {
    pub headers: Headers,
    pub agent: Agent,
    pub url: String,
    pub labelled: bool,
}

impl Deliver for Poster {
    fn batch_size(&self) -> usize {
        1
    }

    fn deliver(&mut self, batch: &[Entry]) -> Result<Delivery, Failure> {
        let mut refused = Vec::new();
        let batch = batch.get(..1).unwrap_or(batch);
        for entry in batch {
            let reason = match json_line(entry, self.labelled) {
                Ok(line) => match self.post(&line) {
                    Ok(reason) => reason,
                    Err(failure) => {
                        self.headers.refresh();
                        return Err(failure);
                    }
                },
                Err(error) => Some(Reason::NoAlert(error)),
            };
            let number = entry.number;
            refused.extend(reason.map(|reason| RefusedAlert { number, reason }));
        }
        Ok(Delivery::all_except(batch, refused))
    }
}

impl Poster {
    /// Posts an alert. Returns why it is refused, if it is.
    fn post(&self, line: &str) -> Result<Option<Reason>, Failure> {
        let send = || {
            let mut request = self.agent.post(&self.url).content_type("application/json");
            for (name, value) in self.headers.iter() {
                request = request.header(name, value);
            }
            request.send(line.as_bytes())
        };
        let answer = match send() {
            // A kept connection may have been closed meanwhile, which is no failure yet.
            Err(ureq::Error::Io(_)) => send(),
            answer => answer,
        };
        let mut answer = answer.map_err(|error| Failure::new(error.to_string()))?;
        let status = answer.status();
        let retry_after = retry_after(answer.headers());
        // A connection can be used again only when the text has been read.
        let body = answer.body_mut().with_config().limit(64 * 1024);
        let text = body.read_to_string().unwrap_or_default();
        match status.as_u16() {
            200..=299 => Ok(None),
            // What is wrong is the alert, if the sink takes others.
            400 | 413 | 415 | 422 => Ok(Some(Reason::Answer {
                status: status.to_string(),
                excerpt: text.trim().chars().take(EXCERPT).collect(),
            })),
            _ => Err(Failure {
                problem: format!("it answers {status}"),
                retry_after,
            }),
        }
    }
}

/// How long the sink asks to wait, where it says so in seconds (RFC 9110, 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get("retry-after")?.to_str().ok()?.trim().parse();
    Some(Duration::from_secs(seconds.ok()?))
}
