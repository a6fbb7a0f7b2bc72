//! Crates that read and write JSON, on Falco's alerts and lines: nanoseconds for each.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use prost::Message;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::machine::Machine;
use crate::prost_alert::Alert;
use crate::{corpus, json};

const ROUNDS: usize = 15;
const ALERTS: usize = 2_000;

/// What is needed of a line that Falco wrote. `V` is a value of an output field.
#[derive(Deserialize)]
struct Line<'a, V> {
    #[serde(borrow)]
    hostname: Text<'a>,
    #[serde(borrow)]
    output: Text<'a>,
    output_fields: BTreeMap<String, V>,
    #[serde(borrow)]
    priority: Text<'a>,
    #[serde(borrow)]
    rule: Text<'a>,
    #[serde(borrow)]
    source: Text<'a>,
    #[serde(borrow)]
    tags: Vec<Text<'a>>,
    #[serde(borrow)]
    time: Text<'a>,
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<V> Line<'_, V> {
    /// What each reader must find.
    fn length(&self) -> usize {
        let texts = [
            &self.hostname,
            &self.output,
            &self.priority,
            &self.rule,
            &self.source,
            &self.time,
        ];
        let names = self.output_fields.keys().map(String::len);
        let texts = texts.into_iter().chain(&self.tags);
        texts.map(|text| text.0.len()).chain(names).sum()
    }
}

/// A crate's name, and what it does with all alerts: the number is the same for each crate.
type Step<'a> = (&'static str, Box<dyn FnMut() -> usize + 'a>);

pub fn compare(recordings: &Path) {
    println!("{}\n", Machine::look().text());
    println!("| | ns for an alert | least to most | × serde_json |");
    println!("| --- | --- | --- | --- |");
    let alerts: Vec<Alert> = corpus::messages(recordings)
        .take(ALERTS)
        .map(|message| Alert::decode(&message[..]).unwrap())
        .collect();
    let writer = |put: fn(&json::Line<'_>, &mut Vec<u8>)| {
        let (mut out, alerts) = (Vec::new(), &alerts);
        move || {
            let write = |alert| {
                out.clear();
                put(&json::Line::of(alert), &mut out);
                black_box(&out).len()
            };
            alerts.iter().map(write).sum()
        }
    };
    let serde_json = writer(|line, out| serde_json::to_writer(out, line).unwrap());
    let sonic = writer(|line, out| sonic_rs::to_writer(out, line).unwrap());
    let simd = writer(|line, out| simd_json::to_writer(out, line).unwrap());
    measure(vec![
        ("serde_json writes", Box::new(serde_json)),
        ("sonic-rs writes", Box::new(sonic)),
        ("simd-json writes", Box::new(simd)),
    ]);

    let text = std::fs::read_to_string(recordings.join("dummy_json.jsonl")).unwrap();
    let lines: Vec<&str> = text.lines().cycle().take(ALERTS).collect();
    let reader = |read: fn(&str, &mut Vec<u8>) -> usize| {
        let (mut buffer, lines) = (Vec::new(), &lines);
        move || lines.iter().map(|line| read(line, &mut buffer)).sum()
    };
    let serde_json = reader(|line, _| {
        let line: Line<'_, &RawValue> = serde_json::from_str(line).unwrap();
        black_box(&line).length()
    });
    let sonic = reader(|line, _| {
        let line: Line<'_, sonic_rs::LazyValue<'_>> = sonic_rs::from_str(line).unwrap();
        black_box(&line).length()
    });
    // It writes into what it reads, which has to be kept, and has no value with the digits of a number.
    let simd = reader(|line, buffer| {
        buffer.clear();
        buffer.extend_from_slice(line.as_bytes());
        let line: Line<'_, simd_json::BorrowedValue<'_>> = simd_json::from_slice(buffer).unwrap();
        black_box(&line).length()
    });
    measure(vec![
        ("serde_json reads", Box::new(serde_json)),
        ("sonic-rs reads", Box::new(sonic)),
        ("simd-json reads", Box::new(simd)),
    ]);
}

/// In turn, so that a machine whose speed changes is the same for all.
fn measure(mut steps: Vec<Step<'_>>) {
    let mut times = vec![Vec::new(); steps.len()];
    let expected = steps[0].1();
    for _ in 0..ROUNDS {
        for ((name, step), times) in steps.iter_mut().zip(&mut times) {
            let begin = Instant::now();
            assert_eq!(step(), expected, "{name}");
            times.push(begin.elapsed().as_nanos() as f64 / ALERTS as f64);
        }
    }
    let mut base = None;
    for ((name, _), times) in steps.iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        let median = times[ROUNDS / 2];
        let base = base.get_or_insert(median);
        let (least, most) = (times[0], times[ROUNDS - 1]);
        let ratio = median / *base;
        println!("| {name} | {median:.0} | {least:.0} to {most:.0} | {ratio:.2} |");
    }
}
