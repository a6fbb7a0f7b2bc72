//! The way of one line through its layers.

use serde::de::IgnoredAny;

use super::kind::{Envelope, Part, Peeled};
use super::object::{self, Object};
use super::own::{self, Own};
use super::pending::{Awaited, Context, Pending};
use super::scan::{begins_like_an_alert, is_like_a_piece, Scan};
use super::{head, noise, stream, Unwrapped, Unwrapper};

/// More layers than anybody has.
const DEPTH: u8 = 6;

/// So much is kept of a text that is only told.
const TOLD: usize = 200;

/// So many alerts are looked for behind one that is damaged.
const TRIES: usize = 8;

/// So many values in one text may be no alerts before it is given up.
const VALUES: usize = 1000;

/// How Docker's json-file begins a line, which is no alert even where it has all keys of one.
const DOCKER: &[u8] = b"{\"log\":\"";

impl<P: Copy> Unwrapper<P> {
    /// A text that is whole, as far as its layers know.
    pub(super) fn text(&mut self, text: &[u8], context: Context) {
        // The way of nearly all lines.
        if text.first() == Some(&b'{') && text.len() <= self.most && self.pending.is_empty() {
            let is_envelope = self.objects || text.starts_with(DOCKER);
            if !is_envelope {
                if let Ok(message) = (self.parse)(text) {
                    return self.alert(message, context);
                }
            }
        }
        if let Some(place) = self.pending.place(context.key, false) {
            return self.go_on(text, context, place);
        }
        let clean = noise::clean(text);
        let context = match noise::has_colours(text) {
            true => Context {
                layers: context.layers.with(Envelope::Colours),
                ..context
            },
            false => context,
        };
        let body = clean.trim_ascii_start();
        if body.is_empty() {
            return;
        }
        if is_json(body) {
            return self.values(&clean, context);
        }
        match own::of(&clean) {
            Some(own) => return self.own(own, body, context),
            None if context.depth >= DEPTH => {}
            None => {
                if let Some(peeled) = head::of(body) {
                    return self.peeled(peeled, context);
                }
            }
        }
        self.other(body, context);
    }

    /// The text within a layer, with the parts before it.
    fn peeled(&mut self, peeled: Peeled, outer: Context) {
        let context = Context {
            key: stream(&[&outer.key.to_ne_bytes(), &peeled.stream.to_ne_bytes()]),
            depth: outer.depth + 1,
            part: match (outer.part, peeled.part) {
                (Part::Unknown, _) | (_, Part::Unknown) => Part::Unknown,
                _ => Part::Last,
            },
            shared: outer.shared || peeled.shared,
            layers: outer.layers.with(peeled.envelope),
        };
        let place = self.pending.place(context.key, true);
        let mut before = self.pending.take(context.key, true);
        if let Some(pending) = before.take_if(|_| begins_like_an_alert(&peeled.text)) {
            self.give_up(pending);
        }
        match (peeled.part, before) {
            (Part::More, before) => {
                let new = || Pending::new(context, Awaited::Parts, self.begin);
                let mut pending = before.unwrap_or_else(new);
                pending.add(&peeled.text, self.most);
                self.pending.keep(pending, place);
            }
            (Part::Last | Part::Unknown, None) => self.text(&peeled.text, context),
            (Part::Last | Part::Unknown, Some(mut pending)) => {
                pending.add(&peeled.text, self.most);
                self.give_up(pending);
            }
        }
    }

    /// Values of JSON, one behind another or in a list.
    fn values(&mut self, text: &[u8], context: Context) {
        let indent = text.len() - text.trim_ascii_start().len();
        let (mut rest, before) = (text, self.outcomes.len());
        loop {
            let is_between = |&&byte: &&u8| byte.is_ascii_whitespace() || b"[],".contains(&byte);
            let between = rest.iter().take_while(is_between).count();
            rest = rest.get(between..).unwrap_or_default();
            if rest.first() != Some(&b'{') {
                break;
            }
            if self.outcomes.len() - before > VALUES && !self.ends_with_an_alert() {
                return self.damaged(rest, context);
            }
            let mut scan = Scan::default();
            let Some(end) = scan.run(rest) else {
                return self.open(rest, indent, scan, context);
            };
            let (object, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            self.object(object, context);
            rest = after;
        }
        if !rest.is_empty() {
            match context.depth < DEPTH {
                true => self.text(
                    rest,
                    Context {
                        depth: context.depth + 1,
                        ..context
                    },
                ),
                false => self.other(rest, context),
            }
        }
    }

    fn ends_with_an_alert(&self) -> bool {
        matches!(self.outcomes.back(), Some((Unwrapped::Alert(_), _)))
    }

    /// An object whose end is not there.
    fn open(&mut self, text: &[u8], indent: usize, scan: Scan, context: Context) {
        if context.part != Part::Unknown && scan.is_in_string() {
            return self.damaged(text, context);
        }
        let mut pending = Pending::new(context, Awaited::End(scan), self.begin);
        pending.indent = indent;
        pending.line_ended = context.part != Part::Unknown;
        pending.add(text, self.most);
        self.pending.keep(pending, None);
    }

    /// A text that may go on with an object whose end was not there.
    fn go_on(&mut self, text: &[u8], context: Context, place: usize) {
        let Some(mut pending) = self.pending.take(context.key, false) else {
            return;
        };
        let Awaited::End(mut scan) = pending.awaited else {
            return;
        };
        let clean = noise::clean(text);
        let body = clean.trim_ascii_start();
        let is_new = body.first() == Some(&b'{')
            && (begins_like_an_alert(body) && scan.is_in_string()
                || pending.line_ended && clean.len() - body.len() <= pending.indent
                || (self.parse)(body).is_ok());
        if is_new {
            self.give_up(pending);
            return self.text(text, context);
        }
        let text = match pending.line_ended {
            true => {
                let layers = &mut pending.context.layers;
                *layers = layers.with(Envelope::SeveralLines);
                [b"\n", &*clean].concat()
            }
            false => text.to_vec(),
        };
        pending.add(&text, self.most);
        pending.line_ended = context.part != Part::Unknown;
        let end = scan.run(&text);
        pending.awaited = Awaited::End(scan);
        let is_over = end.is_some() || pending.line_ended && scan.is_in_string();
        match is_over {
            true => self.give_up(pending),
            false => self.pending.keep(pending, Some(place)),
        }
    }

    /// What nothing is added to any more: whole or not.
    pub(super) fn give_up(&mut self, pending: Pending<P>) {
        if pending.is_too_long(self.most) {
            return self.outcome(Unwrapped::TooLong(pending.length));
        }
        let Pending { text, context, .. } = pending;
        let is_whole = || Scan::default().run(&text).is_some();
        match pending.awaited {
            Awaited::Parts => self.text(&text, context),
            Awaited::End(_) if is_whole() => self.values(&text, context),
            Awaited::End(_) => self.damaged(&text, context),
        }
    }

    /// A whole object.
    fn object(&mut self, text: &[u8], context: Context) {
        if text.len() > self.most {
            return self.outcome(Unwrapped::TooLong(text.len() as u64));
        }
        let read = (!text.starts_with(DOCKER)).then(|| (self.parse)(text));
        if let Some(Ok(message)) = read {
            self.objects = false;
            return self.alert(message, context);
        }
        match object::of(text) {
            Object::Envelope(texts) if context.depth < DEPTH => {
                self.objects = true;
                for text in texts {
                    self.peeled(text, context);
                }
            }
            Object::Log => self.skipped(text),
            Object::LeftOut => {
                let problem = "journalctl leaves out what is longer than 4,096 bytes; call it \
                               with --all";
                self.found(context);
                self.outcome(Unwrapped::Damaged {
                    text: text.to_vec(),
                    problem: problem.to_owned(),
                });
            }
            Object::Envelope(_) | Object::Other => match read.unwrap_or_else(|| (self.parse)(text))
            {
                Ok(message) => self.alert(message, context),
                Err(problem) => self.no_alert(text, problem, context),
            },
        }
    }

    /// An object that is none. In valid JSON, what it has in it is its own.
    fn no_alert(&mut self, text: &[u8], problem: String, context: Context) {
        match serde_json::from_slice::<IgnoredAny>(text) {
            Err(_) => self.damaged(text, context),
            Ok(_) if context.shared && !begins_like_an_alert(text) => self.skipped(text),
            Ok(_) => self.broken(text, problem, context),
        }
    }

    fn own(&mut self, own: Own, text: &[u8], context: Context) {
        self.own = Some((context.key, own));
        match own {
            Own::Log => self.skipped(text),
            Own::Alert => {
                self.found(context);
                self.outcome(Unwrapped::Text(told(text)));
            }
        }
    }

    /// A text that is neither JSON nor Falco's, and has no head.
    fn other(&mut self, text: &[u8], context: Context) {
        let before = self.own.filter(|(key, _)| *key == context.key);
        match before {
            // Its text may have several lines.
            Some((_, Own::Alert)) => self.skipped(text),
            _ if is_like_a_piece(text) => self.damaged(text, context),
            Some((_, Own::Log)) => self.skipped(text),
            None if context.shared => self.skipped(text),
            None => self.outcome(Unwrapped::Unknown(told(text))),
        }
    }

    /// Part of an alert, or of another object. An alert may stand behind it, where a writer was
    /// ended in the midst of a line.
    fn damaged(&mut self, text: &[u8], context: Context) {
        if let Some((before, alert)) = self.alert_behind(text).filter(|_| context.depth < DEPTH) {
            self.damaged(
                before,
                Context {
                    depth: DEPTH,
                    ..context
                },
            );
            return self.values(
                alert,
                Context {
                    depth: context.depth + 1,
                    ..context
                },
            );
        }
        match context.shared && !begins_like_an_alert(text) {
            true => self.skipped(text),
            false => {
                let problem = (self.parse)(text).err().unwrap_or_default();
                self.broken(text, problem, context);
            }
        }
    }

    /// What stands before a whole alert within a text, and the rest. Within a string, a quotation
    /// mark is escaped, so that nothing there begins like an alert.
    fn alert_behind<'a>(&self, text: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let starts = text.windows(2).enumerate().skip(1);
        let mut starts = starts
            .filter(|(_, pair)| *pair == b"{\"")
            .filter_map(|(start, _)| text.split_at_checked(start))
            .filter(|(_, alert)| begins_like_an_alert(alert))
            .take(TRIES);
        starts.find(|(_, alert)| {
            let end = Scan::default().run(alert);
            let alert = end.and_then(|end| alert.get(..end));
            alert.is_some_and(|alert| (self.parse)(alert).is_ok())
        })
    }

    fn broken(&mut self, text: &[u8], problem: String, context: Context) {
        self.found(context);
        let text = text.to_vec();
        self.outcome(Unwrapped::Damaged { text, problem });
    }

    fn skipped(&mut self, text: &[u8]) {
        self.outcome(Unwrapped::Skipped(told(text)));
    }
}

/// Whether a text is an object, or a list of objects as far as it is there.
fn is_json(text: &[u8]) -> bool {
    let is_between = |&&byte: &&u8| byte.is_ascii_whitespace() || b"[],".contains(&byte);
    let between = text.iter().take_while(is_between).count();
    matches!(text.get(between), None | Some(b'{'))
}

fn told(text: &[u8]) -> Vec<u8> {
    text.get(..TOLD).unwrap_or(text).to_vec()
}
