//! Why Kafka does not do what it was asked, and what to do about it.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::diagnose::{Finding, Step};
use crate::error::Error;
use crate::util::text::one_line;

/// How much of a text of librdkafka is shown.
const SHOWN: usize = 300;

/// A failed step.
#[derive(Clone, Debug)]
pub(crate) struct TopicFailure {
    pub finding: Finding,
    /// Whether it may pass by itself.
    pub passes: bool,
}

impl TopicFailure {
    pub(super) fn lasting(finding: Finding) -> TopicFailure {
        TopicFailure {
            finding,
            passes: false,
        }
    }

    /// By what librdkafka says, with the reason that it gives.
    pub(crate) fn of(error: &KafkaError, reason: &str) -> TopicFailure {
        let code = error.rdkafka_error_code();
        let is = |part: &str| reason.contains(part);
        let mut passes = true;
        let mut step = Step::Log;
        let mut is_unknown = false;
        let (what, remedy) = match code {
            Some(Code::BrokerTransportFailure | Code::AllBrokersDown | Code::Resolve) => {
                step = Step::Tcp;
                (
                    "no broker can be reached",
                    "see whether one is running on this address, and whether it has TLS (kafkas://) \
                     or asks for a login",
                )
            }
            Some(Code::SSL) => {
                step = Step::Tls;
                passes = !is("certificate") && !is("wrong version");
                (
                    "the TLS handshake failed",
                    "give ca=FILE with the CA that signed the brokers' certificates, and cert=FILE \
                     and key=FILE if they ask for one",
                )
            }
            Some(Code::Authentication | Code::SaslAuthenticationFailed) => {
                (step, passes) = (Step::Login, false);
                (
                    "the broker does not take the user or the password",
                    "write kafka://user:password@broker/topic, or password-file=PATH, with \
                     sasl=plain, scram-sha-256 or scram-sha-512",
                )
            }
            Some(Code::OperationTimedOut | Code::MessageTimedOut | Code::RequestTimedOut) => {
                ("the brokers do not answer in time", "see their log")
            }
            Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition) => (
                "there is no such topic",
                "create it: kafka-topics.sh --create",
            ),
            Some(Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed) => {
                passes = false;
                (
                    "this user has no right to the topic",
                    "allow it: kafka-acls.sh --add --topic",
                )
            }
            Some(Code::GroupAuthorizationFailed) => {
                passes = false;
                (
                    "this user has no right to the group",
                    "allow it: kafka-acls.sh --add --group",
                )
            }
            Some(Code::NotEnoughReplicas | Code::NotEnoughReplicasAfterAppend) => (
                "too few replicas are in sync",
                "see whether all brokers run (min.insync.replicas of the topic)",
            ),
            Some(Code::NotImplemented | Code::BadCompression) => {
                passes = false;
                (
                    "messages are compressed in a way that this program cannot read",
                    "let who writes them set compression.type to lz4, snappy or none",
                )
            }
            Some(Code::BadMessage | Code::InvalidMessage) => {
                passes = false;
                (
                    "a message is damaged",
                    "see the broker's log, and have the group go on behind it: \
                     kafka-consumer-groups.sh --reset-offsets",
                )
            }
            Some(Code::MessageSizeTooLarge | Code::InvalidMessageSize) => (
                "the message is too large",
                "raise max.message.bytes of the topic, and kafka.message.max.bytes here",
            ),
            _ => {
                is_unknown = true;
                ("the brokers refuse it", "see their log")
            }
        };
        let said = match (error, code) {
            _ if !reason.is_empty() => Some(without_repetition(reason)),
            (_, Some(code)) if is_unknown => Some(code.to_string()),
            // It says it again.
            (_, Some(_)) => None,
            // Not the value, which may be secret.
            (KafkaError::ClientConfig(_, text, key, _), None) => Some(format!("{key}: {text}")),
            (error, None) => Some(error.to_string()),
        };
        let what = match said {
            Some(said) => format!("{what} ({})", one_line(format_args!("{said}"), SHOWN)),
            None => what.to_owned(),
        };
        let problem = (what, remedy);
        TopicFailure {
            finding: Finding::failed(step, problem),
            passes,
        }
    }

    /// What was said when librdkafka was set up.
    pub(super) fn setup(error: &KafkaError) -> TopicFailure {
        let text = match error {
            KafkaError::ClientConfig(_, text, key, _) => format!("kafka.{key} is refused: {text}"),
            error => error.to_string(),
        };
        let text = one_line(format_args!("{text}"), SHOWN);
        let remedy = "see the names and values in CONFIGURATION.md of librdkafka";
        TopicFailure::lasting(Finding::failed(Step::Config, (text, remedy)))
    }

    /// Nothing was heard in time.
    #[cfg(feature = "relay")]
    pub(crate) fn silent() -> TopicFailure {
        let problem = (
            "the brokers do not answer in time",
            "see their log, and whether as many replicas are in sync as min.insync.replicas says",
        );
        TopicFailure {
            finding: Finding::failed(Step::Log, problem),
            passes: true,
        }
    }

    pub(crate) fn error(&self, endpoint: impl std::fmt::Display) -> Error {
        let problem = self.finding.clone().into_problem();
        match (self.passes, self.finding.step) {
            (true, _) => Error::unavailable(endpoint, problem, None),
            (false, Step::Tls) => Error::untrusted(endpoint, problem, None),
            (false, _) => Error::endpoint(endpoint, problem),
        }
    }
}

/// What librdkafka says, without what stands beside it anyway.
///
/// `127.0.0.1:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state
/// CONNECT)` becomes `127.0.0.1:1: Connection refused`.
fn without_repetition(reason: &str) -> String {
    let reason = reason.rsplit_once(" (after ").map_or(reason, |it| it.0);
    match reason.split_once(": Connect to ") {
        Some((_, rest)) => {
            let rest = rest.split_once('#').map_or(rest, |it| it.1);
            rest.replacen(" failed: ", ": ", 1)
        }
        None => reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_that_is_away_is_said_once() {
        let of = |reason: &str| {
            let error = KafkaError::Global(Code::BrokerTransportFailure);
            TopicFailure::of(&error, reason).finding.found
        };
        let reason =
            "h:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after \
                      0ms in state CONNECT, 1 identical error(s) suppressed)";
        let found = "no broker can be reached (127.0.0.1:1: Connection refused)";
        assert_eq!(of(reason), found);
        assert_eq!(of(""), "no broker can be reached");
        let reason = "h:1/1: Disconnected (after 3ms in state UP)";
        let found = "no broker can be reached (h:1/1: Disconnected)";
        assert_eq!(of(reason), found);
        let other = TopicFailure::of(&KafkaError::Global(Code::InvalidTimestamp), "");
        assert!(other.finding.found.contains("timestamp"), "{other:?}");
    }

    #[test]
    fn a_failure_says_what_to_do_and_whether_it_may_pass() {
        let of = |code| TopicFailure::of(&KafkaError::Global(code), "host: why");
        let login = of(Code::Authentication);
        assert!(!login.passes && login.finding.step == Step::Login);
        let found = &of(Code::AllBrokersDown).finding.found;
        assert_eq!(found, "no broker can be reached (host: why)");
        assert!(of(Code::UnknownTopicOrPartition).passes);
        let gzip = KafkaError::MessageConsumption(Code::NotImplemented);
        let gzip = TopicFailure::of(&gzip, "");
        assert!(!gzip.passes && gzip.finding.found.contains("compressed"));
    }
}
