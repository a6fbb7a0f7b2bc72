//! Follows Falco as a stream, on the executor of the crate futures.
//!
//! ```sh
//! cargo run --release --features cli --example async_executor [unix:///PATH]
//! ```

use falco_client::{Client, Result};
use futures::executor::block_on;
use futures::StreamExt;

fn main() -> Result<()> {
    let endpoint = std::env::args()
        .nth(1)
        .unwrap_or("unix:///run/falco/falco.sock".into());
    block_on(async {
        let mut alerts = Client::open(&endpoint)?.subscribe()?;
        while let Some(alert) = alerts.next().await {
            match alert {
                Ok(alert) => println!("{} {}", alert.priority(), alert.rule()),
                // An alert that is no protobuf, and the next one follows, or the end.
                Err(error) => eprintln!("{error}"),
            }
        }
        Ok(())
    })
}
