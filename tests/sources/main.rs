//! Each source of alerts: gRPC, posts over HTTP, lines of files and of standard input.

#[path = "../common/mod.rs"]
mod common;

mod grpc;
mod http;
#[cfg(feature = "kafka")]
mod kafka;
mod lines;
mod redis;
mod wrapped;

use falco_client::{Alerts, Client};

/// No alert.
const NONE: [usize; 0] = [];

fn read(endpoint: &str) -> Alerts {
    Client::open(endpoint).unwrap().subscribe().unwrap()
}

/// What is left once it is closed.
fn close(alerts: Alerts) -> Vec<usize> {
    alerts.handle().close();
    common::numbers(alerts)
}
