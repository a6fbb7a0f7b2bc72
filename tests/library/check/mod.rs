//! What a check finds, and that the errors of a client say the same.

mod broken_off;
mod certificates;
mod falco_yaml;
mod http_and_files;
mod posted;
mod sockets;

use falco_client::check::{Check, Report};
use falco_client::Config;

fn check(config: &Config) -> Report {
    Check::new(config.clone()).run().unwrap()
}
