//! What a check finds, and that the errors of a client say the same.

#[path = "../common/mod.rs"]
mod common;

mod certificates;
mod falco_yaml;
mod native;
mod places;

use falco_client::check::{Check, Report};
use falco_client::Config;

fn check(config: &Config) -> Report {
    Check::new(config.clone()).run().unwrap()
}
