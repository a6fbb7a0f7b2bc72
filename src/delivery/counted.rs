//! The work whose instructions `.ci/check-counts` counts: a hand-over of 1,000 alerts.

use super::{queue, Control, Message, Outlet, Received};
use crate::config::Overflow;
use crate::endpoint::Endpoint;

const ALERTS: usize = 1000;

#[test]
fn a_thousand_alerts_are_handed_over() {
    let passes = std::env::var("FALCO_CLIENT_PASSES").map_or(1, |passes| passes.parse().unwrap());
    let control = Control::new("unix:///run/falco/falco.sock".parse::<Endpoint>().unwrap());
    let (mut outlet, mut receiver) = queue(4 << 20, Overflow::Wait, control);
    let bytes = [7; 900];
    for _ in 0..passes {
        for _ in 0..ALERTS {
            let mut buffer = outlet.buffer(bytes.len());
            buffer.extend_from_slice(&bytes);
            outlet.take(Ok(Message::grpc(buffer)));
        }
        for _ in 0..ALERTS {
            let Received::Message(message) = receiver.try_next() else {
                panic!("an alert is missing");
            };
            assert_eq!(message.bytes.len(), bytes.len());
        }
        assert!(matches!(receiver.try_next(), Received::Nothing));
    }
}
