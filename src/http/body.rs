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
    /// Reads a body that may have announced its length.
    pub(super) fn read_body(
        &mut self,
        mut reply: Reply<RecvBody>,
        announced: Option<u64>,
        share: &mut Share<'_>,
        deadline: Instant,
    ) -> Result<(Reply<ProvideResponse>, Body), ConnectionEnd> {
        let limit = self.limits.max_body;
        let announced = announced.and_then(|length| usize::try_from(length).ok());
        let most = announced.map_or(limit, |length| length.min(limit));
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
                    if !grow(&mut body, more.len(), most, 0, share, deadline) {
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

/// Reserves room for more of a body of at most `most` bytes, beside `held` bytes. It doubles, so that who
/// only announces a large body takes nothing of the budget. Whether that allows it.
fn grow(
    body: &mut Vec<u8>,
    more: usize,
    most: usize,
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
        _ => needed.saturating_mul(2),
    };
    let capacity = capacity.min(most.max(needed));
    if !share.cover(capacity.saturating_add(held), until) {
        return false;
    }
    body.reserve_exact(capacity - body.len());
    true
}

#[cfg(test)]
mod tests {
    use super::super::budget::Budget;
    use super::*;

    /// Room for a body of `length` bytes that arrives in pieces of 8 KiB, where at most `most` may come.
    fn room(length: usize, most: usize, budget: &Budget) -> Option<usize> {
        let (mut share, mut body) = (budget.share(), Vec::new());
        while body.len() < length {
            let more = (length - body.len()).min(8 * 1024);
            if !grow(&mut body, more, most, 0, &mut share, Instant::now()) {
                return None;
            }
            body.resize(body.len() + more, 0);
        }
        Some(body.capacity())
    }

    #[test]
    fn a_body_takes_no_more_room_than_it_announced() {
        let budget = Budget::new(1 << 20);
        assert_eq!(room(100_000, 100_000, &budget), Some(100_000));
        assert_eq!(room(9_000, 9_000, &budget), Some(9_000));
        assert_eq!(room(3_000_000, 3_000_000, &budget), Some(3_000_000));
        // One that only announces much takes little.
        assert_eq!(room(8_192, 1 << 20, &budget), Some(8_192));
        assert!(room(FREE + 8_192, 1 << 20, &budget).unwrap() <= 2 * (FREE + 8_192));
        assert_eq!(room(5 << 20, 5 << 20, &budget), None);
    }
}
