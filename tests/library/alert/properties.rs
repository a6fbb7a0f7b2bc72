//! Generated messages and bytes, against rust-protobuf's parser.

use falco_client::api::outputs::Response;
use falco_client::Alert;
use proptest::collection::{hash_map, vec};
use proptest::prelude::*;
use protobuf::{EnumOrUnknown, Message};

use crate::invariants;

fn response() -> impl Strategy<Value = Response> {
    // Also what is no printable character.
    let text = || prop_oneof![4 => ".{0,20}", 1 => any::<String>()];
    let unknown = prop_oneof![
        any::<u64>().prop_map(protobuf::UnknownValue::Varint),
        any::<u64>().prop_map(protobuf::UnknownValue::Fixed64),
        any::<u32>().prop_map(protobuf::UnknownValue::Fixed32),
        vec(any::<u8>(), 0..20).prop_map(protobuf::UnknownValue::LengthDelimited),
    ];
    let unknown = vec((10_u32..0x2000_0000, unknown), 0..4);
    let numbers = || prop_oneof![0..10_i32, any::<i32>()];
    let time = proptest::option::of((any::<i64>(), any::<i32>()));
    (
        (time, numbers(), numbers(), text(), text()),
        (
            hash_map(text(), text(), 0..40),
            text(),
            vec(text(), 0..5),
            text(),
            unknown,
        ),
    )
        .prop_map(|((time, priority, source_number, rule, output), rest)| {
            let (output_fields, hostname, tags, source, unknown) = rest;
            let mut message = Response::new();
            if let Some((seconds, nanos)) = time {
                let time = message.time.mut_or_insert_default();
                (time.seconds, time.nanos) = (seconds, nanos);
            }
            message.priority = EnumOrUnknown::from_i32(priority);
            message.source_deprecated = EnumOrUnknown::from_i32(source_number);
            (message.rule, message.output, message.source) = (rule, output, source);
            (message.output_fields, message.hostname, message.tags) =
                (output_fields, hostname, tags);
            for (number, value) in unknown {
                message
                    .special_fields
                    .mut_unknown_fields()
                    .add_value(number, value);
            }
            message
        })
}

/// Bytes that look like a message more often than random ones.
fn nearly_a_message() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        4 => (0..80_u8, vec(any::<u8>(), 0..4)).prop_map(|(tag, rest)| [vec![tag], rest].concat()),
        2 => (0..11_u8, 0..128_u8).prop_map(|(number, value)| vec![number << 3, value]),
        2 => (1..11_u8, vec(any::<u8>(), 0..9)).prop_map(|(number, bytes)| {
            [vec![number << 3 | 2, bytes.len() as u8], bytes].concat()
        }),
        1 => Just(vec![0x5b]),
        1 => Just(vec![0x5c]),
    ];
    leaf.prop_recursive(3, 40, 5, |part| {
        (1..11_u8, vec(part, 0..5), 0..3_u8).prop_map(|(number, parts, beyond)| {
            let inside = parts.concat();
            // Sometimes the length is not that of what follows.
            let length = (inside.len() % 128) as u8;
            [
                vec![number << 3 | 2, length.saturating_add(beyond / 2)],
                inside,
            ]
            .concat()
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_generated_message_comes_through(message in response()) {
        let bytes = message.write_to_bytes().unwrap();
        invariants::any_bytes(&bytes);
        let alert = Alert::from(&message);
        invariants::same(&alert, &message);
        prop_assert_eq!(alert.to_message(), message);
    }

    #[test]
    fn any_bytes_are_read_as_rust_protobuf_reads_them(bytes in vec(any::<u8>(), 0..60)) {
        invariants::any_bytes(&bytes);
    }

    #[test]
    fn so_are_those_that_are_nearly_a_message(parts in vec(nearly_a_message(), 0..6)) {
        invariants::any_bytes(&parts.concat());
    }
}
