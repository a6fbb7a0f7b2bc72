//! What librdkafka says by itself: its log, and errors of connections that it goes on trying.

use std::sync::Mutex;

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::ClientContext;

use super::failure::TopicFailure;
use crate::util::lock::lock;
use crate::util::rate_limited_log::RateLimitedLog;

/// Takes it, and keeps the last error.
pub(crate) struct Heard {
    log: RateLimitedLog,
    last: Mutex<Option<TopicFailure>>,
}

impl Heard {
    pub(crate) fn new(endpoint: impl Into<String>) -> Heard {
        Heard {
            log: RateLimitedLog::new(module_path!(), endpoint),
            last: Mutex::default(),
        }
    }

    /// The last error, until there is another.
    pub(crate) fn last(&self) -> Option<TopicFailure> {
        lock(&self.last).clone()
    }

    /// What was heard is no longer true.
    pub(crate) fn forget(&self) {
        *lock(&self.last) = None;
    }
}

impl ClientContext for Heard {
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.log.log(
            log::Level::Debug,
            "librdkafka",
            format_args!("librdkafka: {facility} {text}"),
        );
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.log.log(
            log::Level::Debug,
            "errors of librdkafka",
            format_args!("librdkafka: {error}: {reason}"),
        );
        let mut last = lock(&self.last);
        // That none is left says less than why one is lost.
        let says_less = error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown);
        if last.is_none() || !says_less {
            *last = Some(TopicFailure::of(&error, reason));
        }
    }
}

impl ConsumerContext for Heard {}
