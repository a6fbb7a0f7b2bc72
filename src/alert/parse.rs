//! The positions of the fields in an alert's bytes.

use std::collections::hash_map::{Entry, HashMap};

use super::wire::{self, Level, Malformed, Value, WireReader, WireResult};
use crate::format::Format;

/// Longer messages are refused: offsets, those into the repaired texts included, stay below 2^32.
pub(crate) const LONGEST: usize = (1 << 30) - 1;
pub(crate) const TOO_LONG: &str = "messages of 1 GiB and more are not read";

/// The position of a text in the message's bytes followed by the repaired texts.
#[derive(Clone, Copy, Default)]
pub(super) struct TextSpan {
    start: u32,
    length: u32,
}

/// Everything of a message but its bytes.
#[derive(Clone, Default)]
pub(super) struct Index {
    /// Copies of the texts that were not UTF-8; there if any was, even one that was replaced by a
    /// later field. Boxed twice, as few alerts have any and each has this pointer.
    pub(super) repaired: Option<Box<Box<str>>>,
    /// Key and value of each field, then the tags.
    spans: Box<[TextSpan]>,
    fields: u32,
    pub(super) rule: TextSpan,
    pub(super) output: TextSpan,
    pub(super) hostname: TextSpan,
    pub(super) source: TextSpan,
    pub(super) seconds: i64,
    pub(super) nanos: i32,
    pub(super) priority: i32,
    pub(super) source_number: i32,
    pub(super) has_time: bool,
    pub(super) has_unknown: bool,
    /// The format in which the alert was received: here, because it fits into the padding.
    pub(super) format: Format,
}

/// The bytes of a text.
pub(super) fn slice<'a>(bytes: &'a [u8], repaired: Option<&'a str>, span: TextSpan) -> &'a [u8] {
    let start = span.start as usize;
    let (all, start) = match start.checked_sub(bytes.len()) {
        None => (bytes, start),
        Some(start) => (repaired.unwrap_or_default().as_bytes(), start),
    };
    all.get(start..start + span.length as usize)
        .unwrap_or_default()
}

impl Index {
    pub(super) fn read(bytes: &[u8]) -> WireResult<Index> {
        // Counted first, so that each list is allocated once and has no slack.
        let (mut fields, mut tags) = (0, 0);
        let mut reader = WireReader::new(0, bytes);
        while let Some((tag, _)) = reader.response_field()? {
            match tag {
                wire::OUTPUT_FIELDS => fields += 1,
                wire::TAGS => tags += 1,
                _ => {}
            }
        }

        let mut texts = Texts {
            length: bytes.len(),
            repaired: None,
        };
        let mut index = Index::default();
        let mut spans = vec![TextSpan::default(); 2 * fields + tags];
        let (pairs, tags) = spans.split_at_mut(2 * fields);
        let (mut pairs, mut tags) = (pairs.chunks_exact_mut(2), tags.iter_mut());
        let mut reader = WireReader::new(0, bytes);
        while let Some((tag, value)) = reader.response_field()? {
            match (tag, value) {
                (wire::TIME, Value::Bytes(start, time)) => {
                    // The last one replaces the one before, it is not merged with it.
                    (index.seconds, index.nanos) = read_time(start, time)?;
                    index.has_time = true;
                }
                (wire::PRIORITY, Value::Varint(value)) => {
                    index.priority = number(value, ENUM, &reader)?
                }
                (wire::SOURCE_DEPRECATED, Value::Varint(value)) => {
                    index.source_number = number(value, ENUM, &reader)?;
                }
                (wire::RULE, Value::Bytes(start, text)) => index.rule = texts.span(start, text),
                (wire::OUTPUT, Value::Bytes(start, text)) => index.output = texts.span(start, text),
                (wire::OUTPUT_FIELDS, Value::Bytes(start, entry)) => {
                    let entry = read_entry(&mut texts, start, entry)?;
                    if let Some([key, value]) = pairs.next() {
                        (*key, *value) = entry;
                    }
                }
                (wire::HOSTNAME, Value::Bytes(start, text)) => {
                    index.hostname = texts.span(start, text);
                }
                (wire::TAGS, Value::Bytes(start, text)) => {
                    if let Some(tag) = tags.next() {
                        *tag = texts.span(start, text);
                    }
                }
                (wire::SOURCE, Value::Bytes(start, text)) => index.source = texts.span(start, text),
                (_, Value::Group) => {}
                _ => index.has_unknown = true,
            }
        }
        let repaired = texts.repaired;
        let fields = last_wins(&mut spans, fields, |span| {
            slice(bytes, repaired.as_deref(), span)
        });
        index.repaired = repaired.map(|texts| Box::new(texts.into_boxed_str()));
        index.spans = spans.into_boxed_slice();
        // Fewer than bytes.
        index.fields = fields as u32;
        Ok(index)
    }

    fn split(&self) -> (&[TextSpan], &[TextSpan]) {
        self.spans
            .split_at_checked(2 * self.fields as usize)
            .unwrap_or_default()
    }

    pub(super) fn fields(&self) -> impl ExactSizeIterator<Item = (TextSpan, TextSpan)> + '_ {
        self.split().0.chunks_exact(2).map(pair)
    }

    pub(super) fn tags(&self) -> impl ExactSizeIterator<Item = TextSpan> + '_ {
        self.split().1.iter().copied()
    }
}

fn pair(spans: &[TextSpan]) -> (TextSpan, TextSpan) {
    match spans {
        [key, value] => (*key, *value),
        _ => Default::default(),
    }
}

const ENUM: &str = "an enum's number has more than 32 bits";
const NANOS: &str = "the nanos of a time have more than 32 bits";

fn number(value: u64, problem: &'static str, reader: &WireReader<'_>) -> WireResult<i32> {
    i32::try_from(value as i64).map_err(|_| Malformed::new(problem, reader.position()))
}

fn read_time(start: usize, time: &[u8]) -> WireResult<(i64, i32)> {
    let (mut seconds, mut nanos) = (0, 0);
    let mut reader = WireReader::new(start, time);
    while let Some(tag) = reader.tag()? {
        match tag {
            wire::SECONDS => seconds = reader.varint64()? as i64,
            wire::NANOS => {
                let value = reader.varint64()?;
                nanos = number(value, NANOS, &reader)?;
            }
            tag => {
                reader.value(tag, Level::Time)?;
            }
        }
    }
    Ok((seconds, nanos))
}

fn read_entry(texts: &mut Texts, start: usize, entry: &[u8]) -> WireResult<(TextSpan, TextSpan)> {
    let (mut key, mut value) = (TextSpan::default(), TextSpan::default());
    let mut reader = WireReader::new(start, entry);
    while let Some(tag) = reader.tag()? {
        match tag {
            wire::KEY => {
                let (start, text) = reader.bytes()?;
                key = texts.span(start, text);
            }
            wire::VALUE => {
                let (start, text) = reader.bytes()?;
                value = texts.span(start, text);
            }
            tag => {
                reader.value(tag, Level::Entry)?;
            }
        }
    }
    Ok((key, value))
}

struct Texts {
    /// That of the message's bytes, behind which the repaired texts lie.
    length: usize,
    repaired: Option<String>,
}

impl Texts {
    // No number is truncated here: a text is at most thrice as long when repaired, see LONGEST.
    #[inline]
    fn span(&mut self, start: usize, text: &[u8]) -> TextSpan {
        // Most texts are ASCII and short, and this is the faster check for these.
        if text.is_ascii() || std::str::from_utf8(text).is_ok() {
            return TextSpan {
                start: start as u32,
                length: text.len() as u32,
            };
        }
        let repaired = self.repaired.get_or_insert_default();
        let before = repaired.len();
        repaired.push_str(&String::from_utf8_lossy(text));
        let length = repaired.len() - before;
        TextSpan {
            start: (self.length + before) as u32,
            length: length as u32,
        }
    }
}

/// Gives a key that occurs twice its last value, at its first place. Of `fields` fields at the start
/// of `spans`, returns how many are left.
fn last_wins<'a>(
    spans: &mut Vec<TextSpan>,
    fields: usize,
    text: impl Fn(TextSpan) -> &'a [u8],
) -> usize {
    let (pairs, tags) = spans.split_at_checked(2 * fields).unwrap_or_default();
    if !may_repeat(pairs, &text) {
        return fields;
    }
    let mut places = HashMap::new();
    let mut kept: Vec<TextSpan> = Vec::with_capacity(spans.len());
    for (key, value) in pairs.chunks_exact(2).map(pair) {
        match places.entry(text(key)) {
            Entry::Vacant(place) => {
                kept.push(key);
                place.insert(kept.len());
                kept.push(value);
            }
            Entry::Occupied(place) => {
                if let Some(last) = kept.get_mut(*place.get()) {
                    *last = value;
                }
            }
        }
    }
    if places.len() < fields {
        kept.extend_from_slice(tags);
        *spans = kept;
    }
    places.len()
}

/// Whether a key may occur twice. Falco never sends one, so this is what has to be fast: up to 64
/// short keys are compared, and only where a fingerprint of eight bits is the same. The rest is left
/// to the hash map, whose time no sender can make more than linear.
fn may_repeat<'a>(pairs: &[TextSpan], text: impl Fn(TextSpan) -> &'a [u8]) -> bool {
    let keys = pairs.iter().step_by(2).map(|&key| text(key));
    if keys.len() > 64 {
        return true;
    }
    let mut seen = [false; 256];
    for (place, key) in keys.clone().enumerate() {
        let byte = |at: usize| usize::from(key.get(at).copied().unwrap_or_default());
        let fingerprint =
            key.len() * 31 + byte(key.len() / 2) * 13 + byte(key.len().saturating_sub(1)) * 7;
        let same = || keys.clone().take(place).any(|other| other == key);
        if std::mem::replace(&mut seen[fingerprint % 256], true) && (key.len() > 256 || same()) {
            return true;
        }
    }
    false
}
