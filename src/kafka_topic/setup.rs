//! Sets up librdkafka for an address.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::{ClientConfig, ClientContext};

use super::failure::TopicFailure;
use crate::diagnose::{Finding, Step};
use crate::endpoint::{authority, KafkaAddress, Sasl};
use crate::error::Problem;

/// The environment variables from which falcosidekick takes a login.
const USER: &str = "KAFKA_USERNAME";
const PASSWORD: &str = "KAFKA_PASSWORD";

/// How long brokers may take.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub connect_timeout: Duration,
    pub answer_timeout: Duration,
}

/// The properties that all clients of a topic have. Files are read anew each time, as they may be
/// renewed.
pub(crate) fn client_config(
    address: &KafkaAddress,
    options: &Options,
) -> Result<ClientConfig, TopicFailure> {
    let mut config = ClientConfig::new();
    let brokers = address.brokers.iter();
    let brokers: Vec<_> = brokers.map(|(host, port)| authority(host, *port)).collect();
    let login = login(address)?;
    let protocol = match (login.is_some(), address.tls) {
        (false, false) => "plaintext",
        (false, true) => "ssl",
        (true, false) => "sasl_plaintext",
        (true, true) => "sasl_ssl",
    };
    // What librdkafka takes.
    let connecting = options
        .connect_timeout
        .as_millis()
        .clamp(1000, i32::MAX as u128);
    config
        .set_log_level(RDKafkaLogLevel::Warning)
        .set("bootstrap.servers", brokers.join(","))
        .set("client.id", "falco-client")
        .set("security.protocol", protocol)
        .set("socket.connection.setup.timeout.ms", connecting.to_string())
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "5000")
        // A topic or a partition that is made is found soon.
        .set("topic.metadata.refresh.interval.ms", "10000");
    if let Some(ca) = &address.ca {
        readable(ca)?;
        config.set("ssl.ca.location", ca.to_string_lossy());
    }
    if let Some((cert, key)) = &address.identity {
        readable(cert)?;
        readable(key)?;
        config
            .set("ssl.certificate.location", cert.to_string_lossy())
            .set("ssl.key.location", key.to_string_lossy());
    }
    if let Some((user, password)) = login {
        let mechanism = match address.sasl {
            Sasl::Plain => "PLAIN",
            Sasl::ScramSha256 => "SCRAM-SHA-256",
            Sasl::ScramSha512 => "SCRAM-SHA-512",
        };
        config
            .set("sasl.mechanism", mechanism)
            .set("sasl.username", user)
            .set("sasl.password", password);
    }
    Ok(config)
}

/// Makes a client with these defaults, of which the address may change any.
pub(crate) fn create<C: ClientContext, T: FromClientConfigAndContext<C>>(
    address: &KafkaAddress,
    mut config: ClientConfig,
    defaults: &[(&str, &str)],
    context: C,
) -> Result<T, TopicFailure> {
    for (name, value) in defaults {
        config.set(*name, *value);
    }
    for (name, value) in &address.properties {
        config.set(name, &value.0);
    }
    let created = config.create_with_context(context);
    created.map_err(|error| TopicFailure::setup(&error))
}

/// The user and the password, of the address, of the file or of the environment.
fn login(address: &KafkaAddress) -> Result<Option<(String, String)>, TopicFailure> {
    let given = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let Some(user) = address.user.clone().or_else(|| given(USER)) else {
        return Ok(None);
    };
    if let Some(password) = &address.password {
        return Ok(Some((user, password.0.clone())));
    }
    if let Some(path) = &address.password_file {
        let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
        let password = text.trim_end_matches(['\r', '\n']).to_owned();
        return Ok(Some((user, password)));
    }
    match given(PASSWORD) {
        Some(password) => Ok(Some((user, password))),
        None => {
            let problem = Problem::fixed(
                "a user has no password",
                "write kafka://user:password@broker/topic, or password-file=PATH as an option",
            );
            Err(TopicFailure::lasting(Finding::failed(Step::Login, problem)))
        }
    }
}

fn readable(path: &Path) -> Result<(), TopicFailure> {
    match fs::File::open(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> TopicFailure {
    let problem = format!("{} cannot be read: {error}", path.display());
    let remedy = "give a file that this user may read";
    TopicFailure::lasting(Finding::failed(Step::Certificates, (problem, remedy)))
}
