//! The work whose instructions `.ci/check-counts` counts: each step on the same 500 alerts of the recordings, so many times.
//!
//! ```sh
//! FALCO_CLIENT_PASSES=3 cargo bench --features top --bench counts -- STEP
//! ```

mod corpus;

use std::hint::black_box;
use std::path::Path;

use falco_client::Alert;

const COUNT: usize = 500;

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let [step] = &arguments[..] else {
        println!("Run .ci/check-counts, which counts its instructions.");
        return;
    };
    let passes = std::env::var("FALCO_CLIENT_PASSES").map_or(1, |passes| passes.parse().unwrap());
    let recordings = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let messages: Vec<Vec<u8>> = corpus::messages(&recordings).take(COUNT).collect();
    let read = |message: &Vec<u8>| Alert::from_bytes(message.clone()).unwrap();
    let alerts: Vec<Alert> = messages.iter().map(read).collect();
    let lines = std::fs::read_to_string(recordings.join("dummy_json.jsonl")).unwrap();
    let lines: Vec<&str> = lines.lines().cycle().take(COUNT).collect();
    let mut line = Vec::with_capacity(64 << 10);
    for _ in 0..passes {
        for ((message, alert), json) in messages.iter().zip(&alerts).zip(&lines) {
            line.clear();
            match &step[..] {
                "read" => drop(black_box(read(black_box(message)))),
                "read-json" => drop(black_box(Alert::from_json(black_box(json)).unwrap())),
                "fields" => {
                    let names = ["proc.name", "evt.time", "user.name", "dummy.user"];
                    black_box(names.map(|name| alert.field(black_box(name))));
                }
                "falco-json" => alert.falco_json().write_to(&mut line).unwrap(),
                "go-json" => alert.go_json().write_to(&mut line).unwrap(),
                "proto-json" => alert.proto_json().write_to(&mut line).unwrap(),
                other => panic!("no step {other}"),
            }
            black_box(&line);
        }
    }
}
