//! The alerts that are measured: real ones, of about 900 bytes with 10 fields in the mean.

use std::path::Path;

/// Short and long, few fields and many, native lines and formatted texts.
const RECORDINGS: [&str; 5] = [
    "dummy_json",
    "dummy_text",
    "replay_libs-sample",
    "replay_falco-cat_write",
    "replay_text_falco-cat_write",
];

/// Messages without end, one of each recording in turn.
pub fn messages(recordings: &Path) -> impl Iterator<Item = Vec<u8>> {
    let recordings: Vec<Vec<Vec<u8>>> = RECORDINGS
        .iter()
        .map(|name| delimited(&recordings.join(name).with_extension("pb")))
        .collect();
    (0..).map(move |place: usize| {
        let recording = &recordings[place % recordings.len()];
        recording[place / recordings.len() % recording.len()].clone()
    })
}

/// Messages after their lengths.
fn delimited(path: &Path) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut rest = &bytes[..];
    let mut messages = Vec::new();
    while !rest.is_empty() {
        let (mut length, mut shift) = (0, 0);
        while let [byte, after @ ..] = rest {
            rest = after;
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let (message, after) = rest.split_at(length);
        messages.push(message.to_vec());
        rest = after;
    }
    messages
}
