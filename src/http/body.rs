//! Reading the body of a request, within its limits.

use std::time::Instant;

use ureq_proto::server::state::{ProvideResponse, RecvBody};
use ureq_proto::server::Reply;

use super::budget::{Share, FREE};
use super::encoding::{Encoding, Unpackable};
use super::exchange::{Body, ConnectionEnd, Exchange};
use super::refusal::Refusal;
use super::service::HttpService;

/// How much of a body that is too large is read and discarded, so that its sender reads the response
/// and the connection goes on.
const DISCARDED: u64 = 64 << 20;

impl<S: HttpService> Exchange<'_, S> {
    pub(super) fn read_body(
        &mut self,
        mut reply: Reply<RecvBody>,
        share: &mut Share<'_>,
        deadline: Instant,
    ) -> Result<(Reply<ProvideResponse>, Body), ConnectionEnd> {
        let limit = self.limits.max_body;
        let mut body: Vec<u8> = Vec::new();
        let mut discarded = None;
        let mut chunk = [0; 8 * 1024];
        while !reply.is_ended() {
            let (used, written) = reply
                .read(self.buffer.unused(), &mut chunk)
                .map_err(|_| Refusal::BodyNotHttp)?;
            self.buffer.consume(used);
            match (&mut discarded, chunk.get(..written)) {
                (Some(discarded), _) => {
                    *discarded += written as u64;
                    if *discarded > DISCARDED {
                        return Err(Refusal::BodyFarTooLarge.into());
                    }
                }
                (None, _) if body.len() + written > limit => {
                    discarded = Some(body.len() as u64);
                    body = Vec::new();
                }
                (None, Some(more)) => {
                    if !grow(&mut body, more.len(), limit, 0, share, deadline) {
                        return Err(ConnectionEnd::Refused(Refusal::TooManyLargeBodies));
                    }
                    body.extend_from_slice(more);
                }
                (None, None) => {}
            }
            if used == 0 && written == 0 && !reply.is_ended() {
                self.read_more()?;
            }
        }
        let reply = reply.proceed().map_err(|_| Refusal::Broken)?;
        match discarded {
            Some(_) => Ok((reply, Body::TooLarge)),
            None => Ok((reply, Body::Whole(body))),
        }
    }

    /// Unpacks a body that was read whole.
    pub(super) fn unpack(
        &self,
        encoding: Encoding,
        packed: &[u8],
        share: &mut Share<'_>,
        deadline: Instant,
    ) -> Result<Body, ConnectionEnd> {
        let limit = self.limits.max_body;
        let reserve = |body: &mut Vec<u8>, more, held: usize| {
            grow(body, more, limit, packed.len() + held, share, deadline)
        };
        match encoding.unpack(packed, limit, reserve) {
            Ok(body) => Ok(Body::Whole(body)),
            Err(Unpackable::TooLarge) => Ok(Body::TooLarge),
            Err(Unpackable::Damaged(problem)) => Ok(Body::Damaged(problem)),
            Err(Unpackable::NoRoom) => Err(ConnectionEnd::Refused(Refusal::TooManyLargeBodies)),
        }
    }
}

/// Reserves room for more of a body, doubling up to the limit, beside `held` bytes. Whether the budget
/// allows it.
fn grow(
    body: &mut Vec<u8>,
    more: usize,
    limit: usize,
    held: usize,
    share: &mut Share<'_>,
    until: Instant,
) -> bool {
    let needed = body.len() + more;
    if needed <= body.capacity() {
        return true;
    }
    let capacity = match needed {
        ..=FREE => needed.next_power_of_two().min(FREE),
        _ => needed.saturating_mul(2).min(limit),
    };
    if !share.cover(capacity.saturating_add(held), until) {
        return false;
    }
    body.reserve_exact(capacity - body.len());
    true
}
