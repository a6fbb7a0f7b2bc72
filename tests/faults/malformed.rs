//! Messages that are no messages, from the decoder's view and over the wire.

use std::path::PathBuf;
use std::thread;
use std::time::Instant;

use falco_client::server::Server;
use falco_client::{recording, Alert, Alerts, Client, Error};

use crate::common::own_process::in_own_process;
use crate::common::{recordings, LIMIT};
use crate::falco::socket;
use crate::held::resident;
use crate::{grouped, invariants, report, scale, Random};

/// Fifty, from every recording.
fn recorded() -> Vec<Vec<u8>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(recordings())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "pb"))
        .filter(|path| !path.ends_with("version_unix.pb"))
        .collect();
    files.sort();
    let read =
        |path: &PathBuf| -> Vec<_> { recording::read(path).unwrap().map(Result::unwrap).collect() };
    let files: Vec<Vec<Vec<u8>>> = files.iter().map(read).collect();
    let each = 50_usize.div_ceil(files.len());
    // Spread over each file, whose neighbours are alike.
    let spread = |file: &Vec<Vec<u8>>| -> Vec<_> {
        let step = file.len().div_ceil(each);
        file.iter().step_by(step).cloned().collect()
    };
    let mut messages: Vec<_> = files.iter().flat_map(spread).collect();
    messages.extend(
        files[0]
            .iter()
            .skip(1)
            .take(50 - messages.len().min(50))
            .cloned(),
    );
    messages.truncate(50);
    assert_eq!(messages.len(), 50);
    messages
}

/// Each message with one byte changed, in every way, and each of its beginnings.
fn broken(message: &[u8], mut each: impl FnMut(&[u8])) {
    (0..message.len()).for_each(|length| each(&message[..length]));
    let mut changed = message.to_vec();
    for place in 0..message.len() {
        for byte in (0..=u8::MAX).filter(|byte| *byte != message[place]) {
            changed[place] = byte;
            each(&changed);
        }
        changed[place] = message[place];
    }
}

/// What is no leak, in KiB.
const GROWTH: u64 = 16 * 1024;

/// All of them are millions: by default one in so many.
fn sample() -> u64 {
    scale(500, 1)
}

#[test]
fn malformed() {
    let start = Instant::now();
    let messages = recorded();
    let mut random = Random::seeded();
    let read = |messages: &[Vec<u8>], seed| {
        let (mut random, mut count) = (Random::of(seed), 0_u64);
        for message in messages {
            broken(message, |bytes| {
                if random.below(sample()) == 0 {
                    invariants::agrees(bytes);
                    count += 1;
                }
            });
        }
        count
    };
    let (one, other) = messages.split_at(messages.len() / 2);
    let seeds = [random.number(), random.number()];
    let (one, other) = thread::scope(|scope| {
        let half = scope.spawn(|| read(one, seeds[0]));
        (read(other, seeds[1]), half.join().unwrap())
    });
    report(&format!(
        "{} single-byte changes and truncations of 50 recorded messages decoded in {:.1?}, each as \
         rust-protobuf decodes it or refused",
        grouped(one + other),
        start.elapsed()
    ));
}

/// How many are on their way at a time, each with a good one.
const BATCH: usize = 200;

#[test]
fn malformed_sent() {
    in_own_process("malformed::malformed_sent", || {
        let messages = recorded();
        let mut random = Random::seeded();
        let folder = tempfile::tempdir().unwrap();
        let listen = socket(&folder);
        let server = Server::builder().listen(&listen).start().unwrap();
        let mut alerts = Client::open(&listen).unwrap().subscribe().unwrap();
        let good = Alert::builder().rule("good").build();
        let mut send = |batch: &mut Vec<Vec<u8>>| {
            for bytes in &*batch {
                server.push_bytes(bytes.clone());
                server.push(good.clone());
            }
            let sent = batch.drain(..);
            sent.for_each(|bytes| arrives(&mut alerts, &bytes, &good));
        };
        let mut batch = Vec::new();
        let (mut count, mut random_ones) = (0, 0);
        let (mut before, mut most) = (0, 0);
        for (at, message) in messages.iter().enumerate() {
            broken(message, |bytes| {
                if random.below(scale(1_000, 50)) == 0 {
                    batch.push(bytes.to_vec());
                    count += 1;
                }
                if batch.len() == BATCH {
                    send(&mut batch);
                }
            });
            for _ in 0..scale(1, 10) {
                let noise = |random: &mut Random| {
                    let length = random.below(600);
                    (0..length).map(|_| random.number() as u8).collect()
                };
                batch.extend((0..20).map(|_| noise(&mut random)));
                random_ones += 20;
                send(&mut batch);
            }
            let half = match at < messages.len() / 2 {
                true => &mut before,
                false => &mut most,
            };
            *half = resident(std::process::id()).max(*half);
        }
        assert!(most < before + GROWTH, "{before} KiB, then {most} KiB");
        report(&format!(
            "{} of them, and {} messages of random bytes, through server and client, each followed by a \
             good alert: all arrived as an alert or as an error with their bytes, and so did all \
             the good ones; memory with the server's at most {:.1} MiB in the first half, {:.1} MiB in \
             the second",
            grouped(count),
            grouped(random_ones),
            before as f64 / 1024.0,
            most as f64 / 1024.0
        ));
    });
}

/// As an alert or an error, and then the good one.
fn arrives(alerts: &mut Alerts, bytes: &[u8], good: &Alert) {
    match alerts.recv_timeout(LIMIT).unwrap() {
        Ok(alert) => {
            assert_eq!(alert.as_bytes(), bytes);
            invariants::any_bytes(bytes);
        }
        Err(Error::Undecodable { bytes: same, .. }) => assert_eq!(&*same, bytes),
        Err(error) => panic!("{error}"),
    }
    assert_eq!(alerts.recv_timeout(LIMIT).unwrap().unwrap(), *good);
}
