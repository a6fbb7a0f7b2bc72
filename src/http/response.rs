//! Writing responses.

use std::io::Write as _;
use std::time::Instant;

use ureq_proto::http::{header, Response};
use ureq_proto::server::state::ProvideResponse;
use ureq_proto::server::{Reply, SendResponseResult};

use super::exchange::{ConnectionEnd, Exchange};
use super::message::HttpResponse;
use super::refusal::Refusal;
use super::service::HttpService;

impl<S: HttpService> Exchange<'_, S> {
    /// Writes a response. Whether another request may follow.
    pub(super) fn respond(
        &mut self,
        reply: Reply<ProvideResponse>,
        response: &HttpResponse,
        close: bool,
    ) -> Result<bool, ConnectionEnd> {
        const FAILED: ConnectionEnd = ConnectionEnd::Refused(Refusal::Unanswerable);
        let mut head = Response::builder()
            .status(response.status)
            .header(header::CONTENT_LENGTH, response.body.len());
        if !response.body.is_empty() {
            head = head.header(header::CONTENT_TYPE, response.content_type);
        }
        for (name, value) in &response.headers {
            head = head.header(name, *value);
        }
        if close {
            head = head.header(header::CONNECTION, "close");
        }
        let head = head.body(()).map_err(|_| FAILED)?;
        let mut reply = reply.provide(head).map_err(|_| FAILED)?;
        let mut out = vec![0; 1024];
        let written = reply.write(&mut out).map_err(|_| FAILED)?;
        out.truncate(written);
        let last = match reply.proceed() {
            SendResponseResult::SendBody(_) => {
                out.extend_from_slice(response.body.as_bytes());
                close
            }
            SendResponseResult::Cleanup(end) => end.must_close_connection() || close,
        };
        self.extend_deadline();
        self.write(&out)?;
        Ok(self.entry.answered(response.proves_peer) && !last)
    }

    /// Writes a response to what was no whole request. Nothing can follow it.
    pub(super) fn respond_last(&mut self, response: &HttpResponse) -> Result<(), ConnectionEnd> {
        let mut text = format!("HTTP/1.1 {}\r\n", response.status);
        for (name, value) in &response.headers {
            text += &format!("{name}: {value}\r\n");
        }
        text += &format!(
            "connection: close\r\ncontent-type: {}\r\ncontent-length: {}\r\n\r\n{}",
            response.content_type,
            response.body.len(),
            response.body
        );
        self.extend_deadline();
        self.write(text.as_bytes())
    }

    /// A request may have used up its own time.
    fn extend_deadline(&mut self) {
        let deadline = Instant::now() + self.limits.request_timeout;
        self.stream.set_deadline(deadline);
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), ConnectionEnd> {
        let written = self.stream.write_all(bytes);
        written.map_err(|_| Refusal::Unanswerable.into())
    }
}
