//! From a config to a C-core channel, and the thread that all channels share.

use std::ffi::CString;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use grpcio::{Channel, ChannelBuilder, ChannelCredentialsBuilder, Client, EnvBuilder, Environment};

use crate::api::ChannelArg;
use crate::config::{Checked, Config};
use crate::endpoint::Endpoint;
use crate::error::Result;
use crate::tls::Pem;
use crate::util::core_log;
use crate::util::lock::lock;
use crate::util::thread::deliver_here;

/// One thread for the whole process, made with the first client, never ended: it serves any number
/// of channels. C-core lets whichever thread polls take what arrives, so that a second one would
/// mostly hand its finds over to the first.
fn environment() -> Arc<Environment> {
    static SHARED: OnceLock<Arc<Environment>> = OnceLock::new();
    let shared = SHARED.get_or_init(|| {
        let environment = EnvBuilder::new()
            .cq_count(1)
            .name_prefix("falco-client")
            .after_start(deliver_here)
            .build();
        Arc::new(environment)
    });
    shared.clone()
}

/// How soon a connection that failed is tried again, at first and in the long run. C-core adds
/// jitter, and doubles it little by little.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(5);
/// To find nobody at a unix socket costs next to nothing.
const LAST_RETRY_UNIX: Duration = Duration::from_millis(750);

fn millis(time: Duration) -> i32 {
    i32::try_from(time.as_millis()).unwrap_or(i32::MAX)
}

/// The connection to one Falco, which all clones of a client share. It is made when it is first used.
pub(crate) struct Connection {
    config: Config,
    endpoint: Endpoint,
    current: Mutex<Current>,
}

/// One of the channels that a connection has had.
#[derive(Clone)]
pub(crate) struct Current {
    pub(crate) client: Client,
    number: u64,
    pem: Option<Arc<Pem>>,
    older: Arc<AtomicBool>,
}

impl Current {
    fn new(config: &Config, endpoint: &Endpoint, pem: Option<Arc<Pem>>, number: u64) -> Current {
        Current {
            client: Client::new(open(config, endpoint, pem.as_deref())),
            number,
            pem,
            older: Arc::default(),
        }
    }

    /// What Falco was found to have, for as long as this connection lasts.
    pub(crate) fn generation(&self) -> Generation {
        match self.older.load(Ordering::Relaxed) {
            false => Generation::Outputs,
            true => Generation::Output,
        }
    }

    pub(crate) fn set_generation(&self, generation: Generation) {
        self.older
            .store(generation == Generation::Output, Ordering::Relaxed);
    }
}

/// The services that a Falco has for alerts. Which it is, UNIMPLEMENTED tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Generation {
    /// Falco 0.24 to 0.43.
    Outputs,
    /// Falco 0.18 to 0.23, which have one call for both purposes.
    Output,
}

impl Generation {
    pub(crate) fn other(self) -> Generation {
        match self {
            Generation::Outputs => Generation::Output,
            Generation::Output => Generation::Outputs,
        }
    }
}

impl Connection {
    pub(crate) fn new(config: Config) -> Result<Connection> {
        let Checked { endpoint, pem } = config.check()?;
        let current = Current::new(&config, &endpoint, pem.map(Arc::new), 0);
        Ok(Connection {
            config,
            endpoint,
            current: Mutex::new(current),
        })
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// Where it goes, with the certificates that it has now.
    pub(crate) fn checked(&self) -> Checked {
        Checked {
            endpoint: self.endpoint.clone(),
            pem: self.current().pem.as_deref().cloned(),
        }
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn current(&self) -> Current {
        lock(&self.current).clone()
    }

    /// Gives up a channel on which nothing comes back: C-core would go on using it until TCP
    /// gives up. Whoever uses it notices for himself.
    pub(crate) fn renew(&self, dead: &Current) {
        self.replace(dead, dead.pem.clone());
    }

    /// Gives up a channel that has failed, where the files of its certificates are others by now:
    /// who follows for months outlives them. Such as cannot be used are left for the next time.
    pub(crate) fn renew_certificates(&self, failed: &Current) {
        let (Some(tls), Some(before)) = (&self.config.tls, &failed.pem) else {
            return;
        };
        match tls.load() {
            Ok(now) if now != **before => self.replace(failed, Some(Arc::new(now))),
            Ok(_) => {}
            Err(error) => log::debug!("{}: {error}", self.endpoint),
        }
    }

    fn replace(&self, old: &Current, pem: Option<Arc<Pem>>) {
        let mut current = lock(&self.current);
        if current.number == old.number {
            *current = Current::new(&self.config, &self.endpoint, pem, old.number + 1);
        }
    }
}

fn last_retry(endpoint: &Endpoint) -> Duration {
    match endpoint {
        Endpoint::Unix(_) => LAST_RETRY_UNIX,
        _ => LAST_RETRY,
    }
}

fn open(config: &Config, endpoint: &Endpoint, pem: Option<&Pem>) -> Channel {
    let environment = environment();
    core_log::redirect();
    let attempt = config.connect_timeout;
    let mut builder = ChannelBuilder::new(environment)
        .primary_user_agent(concat!("falco-client/", env!("CARGO_PKG_VERSION")))
        // Clients share nothing, so that one's back-off never delays another.
        .use_local_subchannel_pool(true)
        // The environment's proxy is for the web. It is grpc.http_proxy where one is wanted.
        .enable_http_proxy(false)
        // Until an answer comes, C-core keeps every request for a retry, in half a kilobyte each:
        // of a Falco that is silent for a day, 170 MB. What is to be tried again is tried anew.
        .raw_cfg_int(c"grpc.enable_retries".into(), 0)
        .max_receive_message_len(i32::try_from(config.message_limit(endpoint)).unwrap_or(i32::MAX))
        // What C-core allows one attempt to connect is the smallest back-off, or the next one
        // where that is longer.
        .raw_cfg_int(c"grpc.min_reconnect_backoff_ms".into(), millis(attempt))
        // Without it C-core would tell the server after every 32 KiB how much more may come, and a
        // server that is stopping closes right behind its last alerts: to write to it then fails,
        // and C-core drops what it has not read.
        .raw_cfg_int(c"grpc.http2.bdp_probe".into(), 1)
        .initial_reconnect_backoff(FIRST_RETRY.min(attempt))
        .max_reconnect_backoff(last_retry(endpoint).min(attempt));
    if let Some(name) = &config.server_name {
        builder = builder.override_ssl_target(name.as_str());
    }
    for (name, value) in &config.channel_args {
        let Ok(name) = CString::new(name.as_str()) else {
            continue;
        };
        builder = match value {
            ChannelArg::Int(value) => builder.raw_cfg_int(name, *value),
            ChannelArg::Text(value) => match CString::new(value.as_str()) {
                Ok(value) => builder.raw_cfg_string(name, value),
                Err(_) => continue,
            },
        };
    }
    if let Some(pem) = pem {
        let credentials = ChannelCredentialsBuilder::new()
            .root_cert(pem.ca.clone())
            .cert(pem.cert.clone(), pem.key.clone())
            .build();
        builder = builder.set_credentials(credentials);
    }
    builder.connect(&endpoint.target())
}
