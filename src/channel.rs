//! From a config to a C-core channel, and the thread that all channels share.

use std::cell::Cell;
use std::ffi::CString;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use grpcio::{Channel, ChannelBuilder, ChannelCredentialsBuilder, Client, EnvBuilder, Environment};

use crate::config::{ChannelArg, Checked, Config};
use crate::core_log;
use crate::endpoint::Endpoint;
use crate::error::Result;

thread_local! {
    static DELIVERS: Cell<bool> = const { Cell::new(false) };
}

/// Whether this is the thread on which bytes arrive. Who blocks it waits for himself.
pub(crate) fn on_delivery_thread() -> bool {
    DELIVERS.get()
}

/// One thread for the whole process, made with the first client, never ended: it serves any number
/// of channels. C-core lets whichever thread polls take what arrives, so that a second one would
/// mostly hand its finds over to the first.
fn environment() -> Arc<Environment> {
    static SHARED: OnceLock<Arc<Environment>> = OnceLock::new();
    let shared = SHARED.get_or_init(|| {
        let environment = EnvBuilder::new()
            .cq_count(1)
            .name_prefix("falco-client")
            .after_start(|| DELIVERS.set(true))
            .build();
        Arc::new(environment)
    });
    shared.clone()
}

/// How soon a connection that failed is tried again, at first and in the long run. C-core adds
/// jitter, and doubles it little by little.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(5);

fn millis(time: Duration) -> i32 {
    i32::try_from(time.as_millis()).unwrap_or(i32::MAX)
}

/// The connection to one Falco, which all clones of a client share. It is made when it is first used.
pub(crate) struct Connection {
    config: Config,
    checked: Checked,
    current: Mutex<Current>,
}

/// One of the channels that a connection has had.
#[derive(Clone)]
pub(crate) struct Current {
    pub(crate) client: Client,
    number: u64,
}

impl Connection {
    pub(crate) fn new(config: Config) -> Result<Connection> {
        let checked = config.check()?;
        let client = Client::new(open(&config, &checked));
        let current = Mutex::new(Current { client, number: 0 });
        Ok(Connection {
            config,
            checked,
            current,
        })
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.checked.endpoint
    }

    pub(crate) fn current(&self) -> Current {
        self.current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Gives up a channel on which nothing comes back: C-core would go on using it until TCP
    /// gives up. Whoever uses it notices for himself.
    pub(crate) fn renew(&self, dead: &Current) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.number == dead.number {
            current.number += 1;
            current.client = Client::new(open(&self.config, &self.checked));
        }
    }
}

fn open(config: &Config, checked: &Checked) -> Channel {
    let environment = environment();
    core_log::redirect();
    let attempt = config.connect_deadline;
    let mut builder = ChannelBuilder::new(environment)
        .primary_user_agent(concat!("falco-client/", env!("CARGO_PKG_VERSION")))
        // Clients share nothing, so that one's back-off never delays another.
        .use_local_subchannel_pool(true)
        // The environment's proxy is for the web. It is grpc.http_proxy where one is wanted.
        .enable_http_proxy(false)
        .max_receive_message_len(i32::try_from(config.max_message_bytes).unwrap_or(i32::MAX))
        // What C-core allows one attempt to connect is the smallest back-off, or the next one
        // where that is longer.
        .raw_cfg_int(c"grpc.min_reconnect_backoff_ms".into(), millis(attempt))
        .initial_reconnect_backoff(FIRST_RETRY.min(attempt))
        .max_reconnect_backoff(LAST_RETRY.min(attempt));
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
    if let Some(pem) = &checked.pem {
        let credentials = ChannelCredentialsBuilder::new()
            .root_cert(pem.ca.clone())
            .cert(pem.cert.clone(), pem.key.clone())
            .build();
        builder = builder.set_credentials(credentials);
    }
    builder.connect(&checked.endpoint.target())
}
