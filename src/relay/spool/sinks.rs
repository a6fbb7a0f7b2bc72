//! Matches the sinks that a spool had before with those that are named now.

use crate::relay::identity::SinkIdentity;

/// The sinks of a spool.
pub(crate) struct Sinks<'a> {
    /// Each once.
    pub named: &'a [SinkIdentity],
    /// None of those that are named.
    pub forget: &'a [SinkIdentity],
    /// The identity of the sink with an address: earlier versions stored them in other spellings.
    pub of_address: fn(&str) -> Option<SinkIdentity>,
}

/// What becomes of a sink that was there before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    /// It is the named one with this index.
    Named(usize),
    Forgotten,
    /// It is neither named nor to be forgotten.
    Missing,
}

impl<'a> Sinks<'a> {
    #[cfg(test)]
    pub(crate) fn named(named: &'a [SinkIdentity]) -> Sinks<'a> {
        Sinks {
            named,
            forget: &[],
            of_address: |_| None,
        }
    }

    /// The identity of a sink that was there before.
    pub(super) fn identify(&self, stored: &str) -> SinkIdentity {
        let exactly = SinkIdentity::from_stored(stored);
        match self.named.contains(&exactly) || exactly.has_secret() {
            true => exactly,
            false => (self.of_address)(stored).unwrap_or(exactly),
        }
    }

    /// The fates of the sinks that were there before, by their stored names.
    pub(super) fn fates(&self, stored: &[String]) -> Vec<Fate> {
        let before: Vec<_> = stored.iter().map(|name| self.identify(name)).collect();
        let fates: Vec<Fate> = before.iter().map(|sink| self.fate(sink)).collect();
        let is_missing_at = |(one, fate): (&SinkIdentity, &Fate), sink: &SinkIdentity| {
            *fate == Fate::Missing && one.has_address_of(sink)
        };
        let resolve = |(sink, fate): (&SinkIdentity, &Fate)| {
            let before = before.iter().zip(&fates);
            let alike = before.filter(|one| is_missing_at(*one, sink));
            match (fate, self.only_new(sink, &fates)) {
                // A password or token that has changed makes no other sink.
                (Fate::Missing, Some(index)) if alike.count() == 1 => Fate::Named(index),
                _ => *fate,
            }
        };
        before.iter().zip(&fates).map(resolve).collect()
    }

    fn fate(&self, sink: &SinkIdentity) -> Fate {
        if let Some(index) = self.named.iter().position(|named| named == sink) {
            return Fate::Named(index);
        }
        // Who forgets a sink may not know any more what was secret in its address.
        let is_meant =
            |one: &SinkIdentity| one == sink || !one.has_secret() && one.has_address_of(sink);
        match self.forget.iter().any(is_meant) {
            true => Fate::Forgotten,
            false => Fate::Missing,
        }
    }

    /// The index of the only named sink with this address that was not there before.
    fn only_new(&self, sink: &SinkIdentity, fates: &[Fate]) -> Option<usize> {
        let named = self.named.iter().enumerate();
        let mut new = named.filter(|(index, named)| {
            named.has_address_of(sink) && !fates.contains(&Fate::Named(*index))
        });
        match (new.next(), new.next()) {
            (Some((index, _)), None) => Some(index),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Fate::{Forgotten, Missing, Named};
    use super::*;

    fn sink(text: &str) -> SinkIdentity {
        match text.split_once('?') {
            Some((address, secret)) => SinkIdentity::with_secret(address.to_owned(), secret),
            None => SinkIdentity::new(text.to_owned()),
        }
    }

    fn fates(before: &[&str], named: &[&str], forget: &[&str]) -> Vec<Fate> {
        let sinks = |texts: &[&str]| texts.iter().map(|text| sink(text)).collect::<Vec<_>>();
        let stored = sinks(before).into_iter();
        let stored: Vec<_> = stored.map(|sink| sink.stored().to_owned()).collect();
        let sinks = Sinks {
            named: &sinks(named),
            forget: &sinks(forget),
            of_address: |text| Some(sink(&text.to_ascii_lowercase())),
        };
        sinks.fates(&stored)
    }

    #[test]
    fn a_sink_is_found_in_any_order_and_spelling() {
        let before = ["/b", "/A", "/c"];
        assert_eq!(
            fates(&before, &["/a", "/b"], &["/d"]),
            [Named(1), Named(0), Missing]
        );
        assert_eq!(
            fates(&before, &["/a"], &["/b", "/c"]),
            [Forgotten, Named(0), Forgotten]
        );
    }

    #[test]
    fn sinks_that_differ_in_a_secret_are_two_and_one_may_change() {
        let before = ["http://h/?a", "http://h/?b"];
        let named = |names: &[&str]| fates(&before, names, &[]);
        assert_eq!(named(&["http://h/?b", "http://h/?a"]), [Named(1), Named(0)]);
        assert_eq!(named(&["http://h/?c", "http://h/?a"]), [Named(1), Named(0)]);
        assert_eq!(named(&["http://h/?c", "http://h/?d"]), [Missing, Missing]);
        assert_eq!(named(&["http://h/?a"]), [Named(0), Missing]);
        let forget = fates(&before, &["http://h/?a"], &["http://h/"]);
        assert_eq!(forget, [Named(0), Forgotten]);
        let forget = fates(&before, &[], &["http://h/?b"]);
        assert_eq!(forget, [Missing, Forgotten]);
    }

    #[test]
    fn what_is_secret_is_neither_stored_nor_shown() {
        let sink = sink("http://h:80/?s3cret");
        assert_eq!(sink.to_string(), "http://h:80/");
        assert!(!sink.stored().contains("s3cret"));
        let file = SinkIdentity::new("file:///a#b".to_owned());
        assert_eq!(file.to_string(), "file:///a#b");
    }
}
