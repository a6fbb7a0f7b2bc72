//! From a config to a C-core channel, and the thread that all channels share.

use std::cell::Cell;
use std::ffi::CString;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use grpcio::{Channel, ChannelBuilder, ChannelCredentialsBuilder, EnvBuilder, Environment};

use crate::config::{ChannelArg, Checked, Config};
use crate::core_log;

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

/// A channel that connects when it is first used.
pub(crate) fn open(config: &Config, checked: Checked) -> Channel {
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
    if let Some(pem) = checked.pem {
        let credentials = ChannelCredentialsBuilder::new()
            .root_cert(pem.ca)
            .cert(pem.cert, pem.key)
            .build();
        builder = builder.set_credentials(credentials);
    }
    builder.connect(&checked.endpoint.target())
}
