//! Follows Falco on smol, beside a timer: says so when a minute was quiet.
//!
//! ```sh
//! cargo run --release --features cli --example async_smol [unix:///PATH]
//! ```

use std::time::Duration;

use falco_client::{Client, Result};
use futures::future::{select, Either};
use futures::StreamExt;
use smol::Timer;

fn main() -> Result<()> {
    let endpoint = std::env::args()
        .nth(1)
        .unwrap_or("unix:///run/falco/falco.sock".into());
    smol::block_on(async {
        let mut alerts = Client::open(&endpoint)?.subscribe()?;
        loop {
            match select(alerts.next(), Timer::after(Duration::from_secs(60))).await {
                Either::Left((Some(Ok(alert)), _)) => {
                    println!("{} {}", alert.priority(), alert.rule());
                }
                Either::Left((Some(Err(error)), _)) => eprintln!("{error}"),
                Either::Left((None, _)) => return Ok(()),
                Either::Right(_) => println!("all quiet"),
            }
        }
    })
}
