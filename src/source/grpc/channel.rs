//! From a config to a C-core channel, and the thread that all channels share.

use std::ffi::CString;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use grpcio::{Channel, ChannelBuilder, ChannelCredentialsBuilder, Client, EnvBuilder, Environment};

use super::alarms::Alarms;
use super::rpc::Generation;
use super::subscription::RequestBudget;
use crate::api::ChannelArg;
use crate::config::{Checked, Config};
use crate::endpoint::{Endpoint, GrpcAddress};
use crate::error::Result;
use crate::tls::Pem;
use crate::util::core_log;
use crate::util::lock::lock;
use crate::util::thread::deliver_here;

/// One thread for the whole process, started with the first client and never ended. It serves any
/// number of channels. C-core lets any thread that polls take what arrives, so that a second one
/// would mostly hand messages over to the first.
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

/// What that thread can send.
pub(super) fn request_budget() -> Arc<RequestBudget> {
    static SHARED: OnceLock<Arc<RequestBudget>> = OnceLock::new();
    SHARED
        .get_or_init(|| RequestBudget::new(Instant::now()))
        .clone()
}

/// Of all that runs on that thread.
pub(super) fn alarms() -> Arc<Alarms> {
    static SHARED: OnceLock<Arc<Alarms>> = OnceLock::new();
    let shared = SHARED.get_or_init(|| {
        let (alarms, clock) = Alarms::new();
        // A task belongs to a channel. This one connects to nothing, as no call is made on it.
        let channel = ChannelBuilder::new(environment()).connect("unix:/");
        Client::new(channel).spawn(clock);
        alarms
    });
    shared.clone()
}

/// How soon C-core tries a failed connection again, at first and at the latest. It increases the
/// pause with each attempt, and adds jitter.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(1);
/// An attempt to connect to a unix socket costs next to nothing.
const LAST_RETRY_UNIX: Duration = Duration::from_millis(500);

fn millis(time: Duration) -> i32 {
    i32::try_from(time.as_millis()).unwrap_or(i32::MAX)
}

/// The connection to one Falco, which all clones of a client share. It is made on first use.
pub(crate) struct Connection {
    config: Config,
    endpoint: Endpoint,
    current: Mutex<CurrentChannel>,
}

/// One of the channels that a connection has had.
#[derive(Clone)]
pub(crate) struct CurrentChannel {
    pub(crate) client: Client,
    number: u64,
    pem: Option<Arc<Pem>>,
    older: Arc<AtomicBool>,
}

impl CurrentChannel {
    fn new(
        config: &Config,
        endpoint: &Endpoint,
        pem: Option<Arc<Pem>>,
        number: u64,
    ) -> CurrentChannel {
        CurrentChannel {
            client: Client::new(open(config, endpoint, pem.as_deref())),
            number,
            pem,
            older: Arc::default(),
        }
    }

    /// Which services Falco has, as far as is known. Forgotten when a call has ended.
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

impl Connection {
    pub(crate) fn new(config: Config) -> Result<Connection> {
        let Checked { endpoint, pem } = config.check()?;
        let current = CurrentChannel::new(&config, &endpoint, pem.map(Arc::new), 0);
        Ok(Connection {
            config,
            endpoint,
            current: Mutex::new(current),
        })
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// The endpoint, with the certificates of the current channel.
    pub(crate) fn checked(&self) -> Checked {
        Checked {
            endpoint: self.endpoint.clone(),
            pem: self.current().pem.as_deref().cloned(),
        }
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn current(&self) -> CurrentChannel {
        lock(&self.current).clone()
    }

    /// Replaces a channel on which nothing arrives: C-core would go on using it until TCP gives up.
    /// Other users of the channel notice for themselves.
    pub(crate) fn renew(&self, dead: &CurrentChannel) {
        self.replace(dead, dead.pem.clone());
    }

    /// Replaces a channel that has failed, if the files of its certificates have changed: a long
    /// subscription outlives them. Files that cannot be used are tried again next time.
    pub(crate) fn renew_certificates(&self, failed: &CurrentChannel) {
        let (Some(tls), Some(before)) = (&self.config.tls, &failed.pem) else {
            return;
        };
        match tls.load() {
            Ok(now) if now != **before => self.replace(failed, Some(Arc::new(now))),
            Ok(_) => {}
            Err(error) => log::debug!("{}: {error}", self.endpoint),
        }
    }

    fn replace(&self, old: &CurrentChannel, pem: Option<Arc<Pem>>) {
        let mut current = lock(&self.current);
        if current.number == old.number {
            *current = CurrentChannel::new(&self.config, &self.endpoint, pem, old.number + 1);
        }
    }
}

fn last_retry(endpoint: &Endpoint) -> Duration {
    match endpoint.grpc() {
        Some(GrpcAddress::Unix(_)) => LAST_RETRY_UNIX,
        Some(GrpcAddress::Tcp { .. }) | None => LAST_RETRY,
    }
}

fn open(config: &Config, endpoint: &Endpoint, pem: Option<&Pem>) -> Channel {
    let environment = environment();
    core_log::redirect();
    let attempt = *config.connect_timeout;
    let mut builder = ChannelBuilder::new(environment)
        .primary_user_agent(concat!("falco-client/", env!("CARGO_PKG_VERSION")))
        // Clients share no connection, so that the back-off of one never delays another.
        .use_local_subchannel_pool(true)
        // The proxy of the environment is for the web. For Falco there is grpc.http_proxy.
        .enable_http_proxy(false)
        // Until an answer comes, C-core keeps every request for a retry, in half a kilobyte each:
        // of a Falco that is silent for a day, 170 MB. A new call is made instead.
        .raw_cfg_int(c"grpc.enable_retries".into(), 0)
        .max_receive_message_len(i32::try_from(config.message_limit(endpoint)).unwrap_or(i32::MAX))
        // C-core allows one attempt to connect the smallest back-off, or the next one where that is
        // longer.
        .raw_cfg_int(c"grpc.min_reconnect_backoff_ms".into(), millis(attempt))
        // Without it C-core would send a window update for every 32 KiB, and a server that is
        // stopping closes right behind its last alerts: the write then fails, and C-core drops what
        // it has not read.
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
