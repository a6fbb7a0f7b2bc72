//! How far a sink is.

use std::collections::VecDeque;
use std::sync::Arc;

/// What a sink was given, and what of that it has confirmed.
///
/// When a full spool drops its oldest alerts, a sink still delivers those that it was given before,
/// so that only the others are lost to it.
pub(super) struct Cursor {
    pub(super) name: Arc<str>,
    /// It has delivered everything up to this number.
    pub(super) confirmed: u64,
    /// As [`confirmed`](Cursor::confirmed) is stored.
    pub(super) written: u64,
    /// What it was given and has not confirmed, as ranges of numbers, in ascending order.
    in_flight: VecDeque<Range>,
    /// How many alerts have left the spool without it.
    pub(super) dropped: u64,
}

/// From the first to the last number, both included.
struct Range {
    first: u64,
    last: u64,
    /// There is nothing to deliver.
    skipped: bool,
}

impl Range {
    fn len(&self) -> u64 {
        self.len_to(self.last)
    }

    /// How many of its alerts have at most this number.
    fn len_to(&self, number: u64) -> u64 {
        match self.skipped {
            true => 0,
            false => (self.last.min(number) + 1).saturating_sub(self.first),
        }
    }
}

impl Cursor {
    pub(super) fn new(name: String, confirmed: u64) -> Cursor {
        Cursor {
            name: name.into(),
            confirmed,
            written: confirmed,
            in_flight: VecDeque::new(),
            dropped: 0,
        }
    }

    /// The last number that it was given.
    pub(super) fn given(&self) -> u64 {
        self.in_flight
            .back()
            .map_or(self.confirmed, |range| range.last)
    }

    /// Notes that it is given these numbers, which are above those before.
    pub(super) fn give(&mut self, first: u64, last: u64) {
        self.push(first, last, false);
    }

    /// Notes that there is no alert of this number, which is above those before.
    pub(super) fn skip(&mut self, number: u64) {
        self.push(number, number, true);
        self.pass_skipped();
    }

    fn push(&mut self, first: u64, last: u64, skipped: bool) {
        match self.in_flight.back_mut() {
            Some(range) if range.last + 1 == first && range.skipped == skipped => range.last = last,
            _ => self.in_flight.push_back(Range {
                first,
                last,
                skipped,
            }),
        }
    }

    /// What precedes the oldest alert in flight is as good as delivered.
    fn pass_skipped(&mut self) {
        while let Some(range) = self.in_flight.front().filter(|range| range.skipped) {
            self.confirmed = self.confirmed.max(range.last);
            self.in_flight.pop_front();
        }
    }

    /// Notes that it has delivered everything up to this number. Returns how many alerts that are.
    pub(super) fn confirm(&mut self, number: u64) -> u64 {
        let mut count = 0;
        while let Some(range) = self.in_flight.front_mut() {
            count += range.len_to(number);
            if range.last > number {
                range.first = range.first.max(number + 1);
                break;
            }
            self.in_flight.pop_front();
        }
        self.confirmed = self.confirmed.max(number);
        self.pass_skipped();
        count
    }

    pub(super) fn has_in_flight(&self) -> bool {
        !self.in_flight.is_empty()
    }

    /// How many alerts it has not confirmed, where everything up to `gone` has left the spool, and
    /// `last` is the last number.
    pub(super) fn waiting(&self, gone: u64, last: u64) -> u64 {
        let in_flight: u64 = self.in_flight.iter().map(Range::len).sum();
        in_flight + last.saturating_sub(self.given().max(gone))
    }

    /// Notes that the numbers after `gone` up to `last` have left the spool. Returns how many of
    /// them it was not given.
    pub(super) fn drop_after(&mut self, gone: u64, last: u64) -> u64 {
        let dropped = last.saturating_sub(self.given().max(gone));
        self.dropped += dropped;
        dropped
    }

    /// Notes that it delivers no more of what it was given: what has left the spool is dropped.
    pub(super) fn release(&mut self, gone: u64) {
        for range in self.in_flight.drain(..) {
            self.dropped += range.len_to(gone);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_flight_is_not_dropped_until_it_is_released() {
        let mut cursor = Cursor::new("a".to_owned(), 10);
        cursor.give(11, 14);
        cursor.give(15, 20);
        assert_eq!((cursor.given(), cursor.waiting(10, 50)), (20, 40));
        assert_eq!(cursor.drop_after(10, 30), 10);
        assert_eq!((cursor.dropped, cursor.waiting(30, 50)), (10, 30));
        cursor.give(31, 32);
        assert_eq!(cursor.confirm(15), 5);
        assert_eq!(cursor.waiting(30, 50), 25);
        // It has what is above the gap, too.
        assert_eq!(cursor.confirm(31), 6);
        assert_eq!((cursor.confirmed, cursor.waiting(30, 50)), (31, 19));
        assert_eq!(cursor.drop_after(30, 40), 8);
        cursor.release(40);
        assert_eq!((cursor.dropped, cursor.waiting(40, 50)), (19, 10));
        assert!(!cursor.has_in_flight());
    }

    #[test]
    fn what_is_skipped_needs_no_confirmation() {
        let mut cursor = Cursor::new("a".to_owned(), 0);
        cursor.skip(1);
        assert_eq!((cursor.confirmed, cursor.has_in_flight()), (1, false));
        cursor.give(2, 3);
        cursor.skip(4);
        cursor.skip(5);
        cursor.give(6, 6);
        cursor.skip(7);
        assert_eq!((cursor.confirmed, cursor.given()), (1, 7));
        assert_eq!(cursor.waiting(0, 9), 5);
        assert_eq!(cursor.confirm(3), 2);
        assert_eq!((cursor.confirmed, cursor.waiting(0, 9)), (5, 3));
        assert_eq!(cursor.confirm(6), 1);
        assert_eq!((cursor.confirmed, cursor.has_in_flight()), (7, false));
    }
}
