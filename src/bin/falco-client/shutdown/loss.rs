//! What is lost when a command stops reading before everything in flight has arrived.

use falco_client::{Counters, EndpointKind};

/// How much, in bytes, Falco may have written when its stream is cancelled: what C-core lets it write
/// ahead of a reader that takes nothing.
const IN_FLIGHT: u64 = 16 << 20;

/// What was in flight and may be lost. None where nothing is.
pub fn in_flight(kind: EndpointKind, counters: Counters) -> Option<String> {
    if kind.keeps_alerts() {
        return None;
    }
    Some(if kind.is_grpc() {
        match counters.bytes.checked_div(counters.alerts) {
            Some(bytes) => format!(
                "up to about {} alerts in flight from Falco may be lost",
                IN_FLIGHT.div_ceil(bytes.max(1))
            ),
            None => "alerts in flight from Falco may be lost".to_owned(),
        }
    } else if kind.is_http() {
        "alerts that were being posted may be lost, one for each connection".to_owned()
    } else {
        "lines in the pipe may be lost".to_owned()
    })
}

/// What becomes of alerts that were received and not printed.
pub fn not_printed(kind: EndpointKind) -> &'static str {
    match kind.keeps_alerts() {
        true if kind.is_log() => "they remain in the log, and come again",
        true => "they remain in the file",
        false => "they are lost",
    }
}

/// What becomes of them, and of others, where reading has failed at any point.
pub fn after_failure(kind: EndpointKind) -> &'static str {
    match kind.keeps_alerts() {
        true if kind.is_log() => "they remain in the log, and come again",
        true => "they remain in the file",
        false => "they are lost, as may be others in flight",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_endpoint_loses_what_it_has_in_flight() {
        let lost = |kind| in_flight(kind, Counters::default());
        for kind in [EndpointKind::Unix, EndpointKind::Tcp] {
            assert!(lost(kind).unwrap().contains("from Falco may be lost"));
        }
        for kind in [EndpointKind::Http, EndpointKind::Https] {
            assert!(lost(kind).unwrap().contains("being posted may be lost"));
        }
        assert_eq!(lost(EndpointKind::File), None);
        assert_eq!(not_printed(EndpointKind::Unix), "they are lost");
        assert_eq!(not_printed(EndpointKind::File), "they remain in the file");
    }
}
