//! Texts that are not whole yet, with a bound on what they take in memory.

use super::kind::{Layers, Part};
use super::scan::Scan;

/// More streams than are interleaved anywhere.
const MOST: usize = 64;

/// What comes between two parts of one text is less.
const PATIENCE: u64 = 1000;

/// Where a text comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Context {
    /// The stream, through all layers.
    pub key: u64,
    pub depth: u8,
    pub part: Part,
    pub shared: bool,
    pub layers: Layers,
}

/// What is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Awaited {
    /// More parts of the line.
    Parts,
    /// The end of a JSON object.
    End(Scan),
}

/// A text that is not whole yet.
pub(super) struct Pending<P> {
    pub context: Context,
    pub awaited: Awaited,
    /// Nothing, once it is too long.
    pub text: Vec<u8>,
    pub length: u64,
    /// How far its first line is indented.
    pub indent: usize,
    /// Whether what was added last ends with its line.
    pub line_ended: bool,
    /// Before its first line.
    pub begin: P,
    /// The number of the last line that was added.
    touched: u64,
}

impl<P> Pending<P> {
    pub(super) fn new(context: Context, awaited: Awaited, begin: P) -> Pending<P> {
        Pending {
            context,
            awaited,
            text: Vec::new(),
            length: 0,
            indent: 0,
            line_ended: false,
            begin,
            touched: 0,
        }
    }

    /// Adds to the text, of which at most `most` bytes are kept.
    pub(super) fn add(&mut self, text: &[u8], most: usize) {
        self.length += text.len() as u64;
        match self.is_too_long(most) {
            true => self.text = Vec::new(),
            false => self.text.extend_from_slice(text),
        }
    }

    pub(super) fn is_too_long(&self, most: usize) -> bool {
        self.length > most as u64
    }
}

/// Those of all streams, the oldest first.
pub(super) struct AllPending<P> {
    all: Vec<Pending<P>>,
    most: usize,
    line: u64,
}

impl<P> AllPending<P> {
    /// At most `most` bytes of each, and twice that of all.
    pub(super) fn new(most: usize) -> AllPending<P> {
        AllPending {
            all: Vec::new(),
            most,
            line: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.all.iter().map(|pending| pending.text.len()).sum()
    }

    /// The oldest.
    pub(super) fn first(&self) -> Option<&Pending<P>> {
        self.all.first()
    }

    /// Takes out what waits for parts in this stream, or for an object's end.
    pub(super) fn take(&mut self, key: u64, parts: bool) -> Option<Pending<P>> {
        let is_it = |pending: &Pending<P>| {
            let waits_for_parts = match pending.awaited {
                Awaited::Parts => true,
                Awaited::End(_) => false,
            };
            pending.context.key == key && waits_for_parts == parts
        };
        let place = self.all.iter().position(is_it)?;
        Some(self.all.remove(place))
    }

    /// Keeps one. Those keep their order that begin where others did.
    pub(super) fn keep(&mut self, mut pending: Pending<P>, place: Option<usize>) {
        pending.touched = self.line;
        let place = place.unwrap_or(self.all.len()).min(self.all.len());
        self.all.insert(place, pending);
    }

    /// Where in the order that one is.
    pub(super) fn place(&self, key: u64, parts: bool) -> Option<usize> {
        self.all.iter().position(|pending| {
            pending.context.key == key && matches!(pending.awaited, Awaited::Parts) == parts
        })
    }

    pub(super) fn next_line(&mut self) {
        self.line += 1;
    }

    /// Takes out one that has waited too long, or that is too much.
    pub(super) fn take_excess(&mut self) -> Option<Pending<P>> {
        let first = self.all.first()?;
        let bytes: usize = self.all.iter().map(|pending| pending.text.len()).sum();
        let is_old = self.line.saturating_sub(first.touched) > PATIENCE;
        let is_too_much = self.all.len() > MOST || bytes / 2 > self.most;
        (is_old || is_too_much).then(|| self.all.remove(0))
    }

    pub(super) fn take_first(&mut self) -> Option<Pending<P>> {
        (!self.all.is_empty()).then(|| self.all.remove(0))
    }
}
