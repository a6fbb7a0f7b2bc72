//! What each step costs on its own: to read an alert, look at its fields, write its JSON, make one.
//!
//! ```sh
//! cargo bench --features cli --bench alert [-- NAME]
//! ```
//!
//! Each figure is for the same 500 alerts of the recordings; the rate is in alerts.

mod corpus;
mod prost_alert;

use std::path::Path;
use std::sync::LazyLock;

use divan::counter::ItemsCount;
use divan::{black_box, Bencher};
use falco_client::api::outputs::Response;
use falco_client::Alert;
use prost::Message as _;
use protobuf::Message as _;

const COUNT: usize = 500;

static MESSAGES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let recordings = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    corpus::messages(&recordings).take(COUNT).collect()
});

static ALERTS: LazyLock<Vec<Alert>> = LazyLock::new(|| {
    let read = |message: &Vec<u8>| Alert::from_bytes(message.clone()).unwrap();
    MESSAGES.iter().map(read).collect()
});

static GENERATED: LazyLock<Vec<Response>> =
    LazyLock::new(|| ALERTS.iter().map(Alert::to_message).collect());

static PROST: LazyLock<Vec<prost_alert::Alert>> = LazyLock::new(|| {
    let read = |message: &Vec<u8>| prost_alert::Alert::decode(&message[..]).unwrap();
    MESSAGES.iter().map(read).collect()
});

fn main() {
    divan::main();
}

fn each<T: Sync, R>(
    bencher: Bencher,
    items: &'static LazyLock<Vec<T>>,
    act: impl Fn(&T) -> R + Sync,
) {
    let items: &[T] = items;
    bencher.counter(ItemsCount::new(items.len())).bench(|| {
        for item in items {
            black_box(act(black_box(item)));
        }
    });
}

/// An alert keeps the bytes, and so is given a copy; the others copy what they keep out of them.
#[divan::bench_group]
mod read {
    use super::*;

    #[divan::bench]
    fn alert(bencher: Bencher) {
        each(bencher, &MESSAGES, |message| {
            Alert::from_bytes(message.clone())
        });
    }

    #[divan::bench]
    fn rust_protobuf(bencher: Bencher) {
        each(bencher, &MESSAGES, |message| {
            Response::parse_from_bytes(message)
        });
    }

    #[divan::bench]
    fn prost(bencher: Bencher) {
        each(bencher, &MESSAGES, |message| {
            prost_alert::Alert::decode(&message[..])
        });
    }
}

/// Rule, priority and two fields.
#[divan::bench_group]
mod look_up {
    use super::*;

    #[divan::bench]
    fn alert(bencher: Bencher) {
        each(bencher, &ALERTS, |alert| {
            let fields = ["proc.name", "evt.time"].map(|name| alert.field(name).map(str::len));
            (alert.rule().len(), alert.priority(), fields)
        });
    }

    #[divan::bench]
    fn rust_protobuf(bencher: Bencher) {
        each(bencher, &GENERATED, |alert| {
            let fields = ["proc.name", "evt.time"]
                .map(|name| alert.output_fields.get(name).map(String::len));
            (alert.rule.len(), alert.priority, fields)
        });
    }

    #[divan::bench]
    fn prost(bencher: Bencher) {
        each(bencher, &PROST, |alert| {
            let fields = ["proc.name", "evt.time"]
                .map(|name| alert.output_fields.get(name).map(String::len));
            (alert.rule.len(), alert.priority, fields)
        });
    }
}

#[divan::bench_group]
mod write_json {
    use super::*;

    #[divan::bench]
    fn falco(bencher: Bencher) {
        each(bencher, &ALERTS, |alert| {
            let mut line = Vec::with_capacity(4096);
            alert.falco_json().write_to(&mut line).unwrap();
            line
        });
    }

    #[divan::bench]
    fn go(bencher: Bencher) {
        each(bencher, &ALERTS, |alert| {
            let mut line = Vec::with_capacity(4096);
            alert.go_json().write_to(&mut line).unwrap();
            line
        });
    }

    #[divan::bench]
    fn proto(bencher: Bencher) {
        each(bencher, &ALERTS, |alert| {
            let mut line = Vec::with_capacity(4096);
            alert.proto_json().write_to(&mut line).unwrap();
            line
        });
    }
}

/// The message's bytes, from its parts.
#[divan::bench_group]
mod make {
    use super::*;

    #[divan::bench]
    fn alert(bencher: Bencher) {
        each(bencher, &ALERTS, |alert| {
            let mut made = Alert::builder()
                .time(alert.time())
                .priority(alert.priority())
                .rule(alert.rule())
                .output(alert.output())
                .hostname(alert.hostname())
                .source(alert.source());
            for (name, value) in alert.fields() {
                made = made.field(name, value);
            }
            for tag in alert.tags() {
                made = made.tag(tag);
            }
            made.build()
        });
    }

    #[divan::bench]
    fn rust_protobuf(bencher: Bencher) {
        each(bencher, &GENERATED, |alert| alert.clone().write_to_bytes());
    }

    #[divan::bench]
    fn prost(bencher: Bencher) {
        each(bencher, &PROST, |alert| alert.clone().encode_to_vec());
    }
}
