//! The message of an alert's parts.

use super::wire;

/// What a message is made of. What is empty or 0 is left out.
pub(crate) struct Parts<'a, T> {
    pub time: Option<(i64, i32)>,
    pub priority: i32,
    pub source_number: i32,
    pub rule: &'a str,
    /// Not UTF-8 where it is such a line of Falco's.
    pub output: &'a [u8],
    pub fields: &'a [(T, T)],
    pub hostname: &'a str,
    pub tags: &'a [T],
    pub source: &'a str,
}

impl<T: AsRef<str>> Parts<'_, T> {
    /// In the order of the field numbers, as Falco writes them, and without spare capacity.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut length = Length(0);
        self.put(&mut length);
        let mut message = Vec::with_capacity(length.0);
        self.put(&mut message);
        message
    }

    fn put(&self, message: &mut impl MessageWriter) {
        if let Some((seconds, nanos)) = self.time {
            message.varint(wire::TIME.into());
            message.varint(length_of(|time| put_time(time, seconds, nanos)));
            put_time(message, seconds, nanos);
        }
        put_number(message, wire::PRIORITY, self.priority.into());
        put_number(message, wire::SOURCE_DEPRECATED, self.source_number.into());
        put_text(message, wire::RULE, self.rule.as_bytes());
        put_text(message, wire::OUTPUT, self.output);
        for (name, value) in self.fields {
            let [name, value] = [name, value].map(|text| text.as_ref().as_bytes());
            message.varint(wire::OUTPUT_FIELDS.into());
            message.varint(length_of(|entry| put_entry(entry, name, value)));
            put_entry(message, name, value);
        }
        put_text(message, wire::HOSTNAME, self.hostname.as_bytes());
        for tag in self.tags {
            put_bytes(message, wire::TAGS, tag.as_ref().as_bytes());
        }
        put_text(message, wire::SOURCE, self.source.as_bytes());
    }
}

/// The number of the deprecated enum that Falco sends with a source's name.
pub(crate) fn source_number(name: &str) -> i32 {
    match name {
        "" | "syscall" => 0,
        "k8s_audit" => 1,
        "internal" => 2,
        _ => 3,
    }
}

/// What takes a message's bytes, or only counts them.
pub(super) trait MessageWriter {
    fn byte(&mut self, byte: u8);
    fn bytes(&mut self, bytes: &[u8]);

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.byte(value as u8 | 0x80);
            value >>= 7;
        }
        self.byte(value as u8);
    }
}

impl MessageWriter for Vec<u8> {
    fn byte(&mut self, byte: u8) {
        self.push(byte);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

struct Length(usize);

impl MessageWriter for Length {
    fn byte(&mut self, _: u8) {
        self.0 += 1;
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}

fn length_of(put: impl FnOnce(&mut Length)) -> u64 {
    let mut length = Length(0);
    put(&mut length);
    length.0 as u64
}

pub(super) fn put_bytes(message: &mut impl MessageWriter, tag: u32, bytes: &[u8]) {
    message.varint(tag.into());
    message.varint(bytes.len() as u64);
    message.bytes(bytes);
}

/// Zero is what an absent field means.
fn put_number(message: &mut impl MessageWriter, tag: u32, value: i64) {
    if value != 0 {
        message.varint(tag.into());
        message.varint(value as u64);
    }
}

fn put_text(message: &mut impl MessageWriter, tag: u32, text: &[u8]) {
    if !text.is_empty() {
        put_bytes(message, tag, text);
    }
}

fn put_time(message: &mut impl MessageWriter, seconds: i64, nanos: i32) {
    put_number(message, wire::SECONDS, seconds);
    put_number(message, wire::NANOS, nanos.into());
}

fn put_entry(message: &mut impl MessageWriter, name: &[u8], value: &[u8]) {
    put_bytes(message, wire::KEY, name);
    put_bytes(message, wire::VALUE, value);
}
