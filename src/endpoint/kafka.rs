//! A topic of Kafka: its address with all that is written there, also what is secret.

use std::path::PathBuf;

use super::host::{host_and_port, Usual};
use super::log_url::{LogUrl, LogUse, Secret};
use super::Endpoint;
use crate::error::Problem;

const PLAIN: &str = "kafka://";
const TLS: &str = "kafkas://";

/// Kafka's own default.
const PORT: &str = "9092";

const USUAL: Usual = Usual {
    scheme: PLAIN,
    host: "localhost",
    port: PORT,
};

const FORM: &str = "write kafka://broker:9092/topic?group=NAME";

/// What stands before the name of a property of librdkafka.
const PROPERTY: &str = "kafka.";

/// Properties that are said otherwise, or on which it depends that nothing is lost.
const TAKEN: &[&str] = &[
    "auto.commit.enable",
    "auto.offset.reset",
    "bootstrap.servers",
    "delivery.timeout.ms",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.partition.eof",
    "group.id",
    "message.timeout.ms",
    "metadata.broker.list",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.password",
    "sasl.username",
    "security.protocol",
    "transactional.id",
];

/// Properties of which only some values keep what a sink promises: those that do, and what becomes of
/// alerts with any other.
const KEPT: &[(&str, &[&str], &str)] = &[
    ("acks", &["all", "-1"], ACKS),
    ("request.required.acks", &["all", "-1"], ACKS),
    (
        "enable.idempotence",
        &["true", "t", "1"],
        "could be lost, come twice or change their order when a broker goes or is slow",
    ),
    (
        "partitioner",
        &["consistent_random", "murmur2_random", "fnv1a_random"],
        "of one node would be out of order, or all of those without a hostname in one partition",
    ),
];

const ACKS: &str = "that one broker has confirmed would be lost with it";

/// How a password is shown to a broker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sasl {
    Plain,
    ScramSha256,
    ScramSha512,
}

/// A topic, the way to it, and how it is read or written.
#[derive(Clone, Debug)]
pub(crate) struct KafkaAddress {
    pub tls: bool,
    /// Any of them leads to the others.
    pub brokers: Vec<(String, u16)>,
    pub user: Option<String>,
    pub password: Option<Secret>,
    pub password_file: Option<PathBuf>,
    pub sasl: Sasl,
    pub ca: Option<PathBuf>,
    /// The client's certificate and key.
    pub identity: Option<(PathBuf, PathBuf)>,
    pub topic: String,
    /// The group of readers. There is one where the topic is read.
    pub group: Option<String>,
    /// Whether what the topic holds already is left out.
    pub only_new: bool,
    /// Properties of librdkafka. Any may be secret.
    pub properties: Vec<(String, Secret)>,
}

/// Whether the text has the scheme of a topic.
#[cfg(feature = "relay")]
pub(crate) fn is_kafka(text: &str) -> bool {
    text.starts_with(PLAIN) || text.starts_with(TLS)
}

impl KafkaAddress {
    /// Of `kafka://…` or `kafkas://…`.
    pub(crate) fn parse(text: &str, purpose: LogUse) -> Result<KafkaAddress, Problem> {
        let (tls, rest) = match (text.strip_prefix(PLAIN), text.strip_prefix(TLS)) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) => return Err(Problem::fixed("is no address of a topic", FORM)),
        };
        let mut url = LogUrl::parse(rest)?;
        let identity = match (url.take_path("cert"), url.take_path("key")) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            _ => return Err(Problem::fixed("has one of cert and key", "give both")),
        };
        let mut address = KafkaAddress {
            tls,
            brokers: brokers(&url.authority)?,
            user: url.user.take(),
            password: url.password.take(),
            password_file: url.take_path("password-file"),
            sasl: sasl(url.take("sasl"))?,
            ca: url.take_path("ca"),
            identity,
            topic: std::mem::take(&mut url.name),
            group: None,
            only_new: false,
            properties: properties(&mut url)?,
        };
        let known = match purpose {
            LogUse::Read => {
                address.reading(&mut url)?;
                "group, start, sasl, password-file, ca, cert, key, and kafka.NAME for properties of \
                 librdkafka"
            }
            #[cfg(feature = "relay")]
            LogUse::Write => {
                "sasl, password-file, ca, cert, key, and kafka.NAME for properties of librdkafka"
            }
        };
        if let Some((option, _)) = url.rest().first() {
            let problem = format!("has the option {option}, which has no effect here");
            return Err((problem, format!("leave it out; there are {known}")).into());
        }
        if address.topic.is_empty() {
            return Err(Problem::fixed("names no topic", FORM));
        }
        if purpose == LogUse::Read && address.group.is_none() {
            let problem = "names no group of readers, by which Kafka knows what was read";
            return Err(Problem::fixed(problem, FORM));
        }
        if !tls && (address.ca.is_some() || address.identity.is_some()) {
            let problem = "has certificates, and no TLS";
            return Err(Problem::fixed(problem, "write kafkas://"));
        }
        Ok(address)
    }

    fn reading(&mut self, url: &mut LogUrl) -> Result<(), Problem> {
        self.group = url.take("group").filter(|name| !name.is_empty());
        self.only_new = match url.take("start").as_deref() {
            None | Some("earliest") => false,
            Some("latest") => true,
            Some(other) => {
                let remedy = "write start=earliest for all that the topic holds, start=latest for \
                              what is new";
                return Err((format!("has start={other}"), remedy).into());
            }
        };
        Ok(())
    }

    /// Without what is secret, and what does not tell one topic from another.
    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::Kafka {
            tls: self.tls,
            brokers: self.brokers.clone(),
            topic: self.topic.clone(),
            group: self.group.clone(),
        }
    }
}

/// The endpoint of an address that is read.
pub(super) fn endpoint(text: &str) -> Result<Endpoint, Problem> {
    KafkaAddress::parse(text, LogUse::Read).map(|address| address.endpoint())
}

fn brokers(authority: &str) -> Result<Vec<(String, u16)>, Problem> {
    let broker = |text: &str| {
        let behind = text.rsplit(']').next().unwrap_or_default();
        match behind.contains(':') {
            true => host_and_port(text, 1, &USUAL),
            false => host_and_port(&format!("{text}:{PORT}"), 1, &USUAL),
        }
    };
    authority.split(',').map(broker).collect()
}

fn sasl(option: Option<String>) -> Result<Sasl, Problem> {
    match option.map(|name| name.to_ascii_lowercase()).as_deref() {
        None | Some("plain") => Ok(Sasl::Plain),
        Some("scram-sha-256") => Ok(Sasl::ScramSha256),
        Some("scram-sha-512") => Ok(Sasl::ScramSha512),
        Some(other) => {
            let remedy = "write plain, scram-sha-256 or scram-sha-512";
            Err((format!("has sasl={other}"), remedy).into())
        }
    }
}

fn properties(url: &mut LogUrl) -> Result<Vec<(String, Secret)>, Problem> {
    let properties = url.take_all(PROPERTY);
    for (name, Secret(value)) in &properties {
        if TAKEN.contains(&&**name) {
            let problem = format!("has the option {PROPERTY}{name}, which is not to be changed");
            let remedy = "leave it out: the rest of the address says it, or alerts could be lost";
            return Err((problem, remedy).into());
        }
        let kept = KEPT.iter().find(|(it, ..)| it == name);
        let Some((_, values, otherwise)) = kept.filter(|(_, it, _)| !it.contains(&&**value)) else {
            continue;
        };
        let problem = format!("has {PROPERTY}{name}={value}, with which alerts {otherwise}");
        let remedy = format!("leave it out, or write {PROPERTY}{name}={}", values[0]);
        return Err((problem, remedy).into());
    }
    Ok(properties)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_shown_without_its_secrets() {
        let text = "kafkas://u:hush@a.example,[::1]:9093/alerts?group=siem&sasl=SCRAM-SHA-512&\
                    start=latest&ca=/ca.crt&kafka.ssl.key.password=hush";
        let address = KafkaAddress::parse(text, LogUse::Read).unwrap();
        assert_eq!(address.password, Some(Secret("hush".to_owned())));
        assert_eq!(address.sasl, Sasl::ScramSha512);
        assert!(address.only_new && !format!("{address:?}").contains("hush"));
        let [(name, Secret(value))] = &*address.properties else {
            panic!("{address:?}");
        };
        assert_eq!((&**name, &**value), ("ssl.key.password", "hush"));
        let shown = "kafkas://a.example:9092,[::1]:9093/alerts?group=siem";
        assert_eq!(address.endpoint().to_string(), shown);
        let again: Endpoint = shown.parse().unwrap();
        assert_eq!(again, address.endpoint());
    }

    #[test]
    fn what_is_wrong_in_an_address_is_named() {
        for (text, part) in [
            ("kafka://h?group=g", "names no topic"),
            ("kafka:///t?group=g", "has no host"),
            ("kafka://h,/t?group=g", "has no host"),
            ("kafka://h:x/t?group=g", "has the port x"),
            ("kafka://h/t", "names no group"),
            ("kafka://h/t?group=g&groop=g", "has the option groop"),
            ("kafka://h/t?group=g&start=0", "has start=0"),
            ("kafka://h/t?group=g&sasl=x", "has sasl=x"),
            ("kafka://h/t?group=g&ca=/ca.crt", "write kafkas://"),
            ("kafkas://h/t?group=g&cert=/c", "give both"),
            ("kafka://h/t?group=g&kafka.acks=0", "would be lost with it"),
            ("kafka://h/t?group=g&kafka.group.id=h", "not to be changed"),
        ] {
            let problem = KafkaAddress::parse(text, LogUse::Read).unwrap_err();
            assert!(problem.to_string().contains(part), "{text}: {problem}");
        }
    }
    #[cfg(feature = "relay")]
    #[test]
    fn a_sink_keeps_what_it_promises() {
        for (option, part) in [
            (
                "enable.idempotence=false",
                "could be lost, come twice or change their order",
            ),
            (
                "acks=1",
                "would be lost with it; leave it out, or write kafka.acks=all",
            ),
            ("request.required.acks=0", "would be lost with it"),
            ("partitioner=random", "out of order"),
            ("delivery.timeout.ms=100", "not to be changed"),
            ("transactional.id=a", "not to be changed"),
        ] {
            let text = format!("kafka://h/t?kafka.{option}");
            let problem = KafkaAddress::parse(&text, LogUse::Write).unwrap_err();
            assert!(problem.to_string().contains(part), "{text}: {problem}");
        }
        let text = "kafka://h/t?kafka.acks=all&kafka.enable.idempotence=true&kafka.linger.ms=5";
        KafkaAddress::parse(text, LogUse::Write).unwrap();
    }
}
