//! Follows several Falcos at once, in one loop.
//!
//! ```sh
//! cargo run --release --features cli --example fan_in unix:///run/a.sock unix:///run/b.sock
//! ```

use falco_client::{Client, Result};
use futures::executor::block_on_stream;
use futures::stream::select_all;
use futures::StreamExt;

fn main() -> Result<()> {
    let mut falcos = Vec::new();
    for endpoint in std::env::args().skip(1) {
        let alerts = Client::open(&endpoint)?.subscribe()?;
        falcos.push(alerts.map(move |alert| (endpoint.clone(), alert)));
    }
    for (endpoint, alert) in block_on_stream(select_all(falcos)) {
        match alert {
            Ok(alert) => println!("{endpoint} {} {}", alert.priority(), alert.rule()),
            Err(error) => eprintln!("{error}"),
        }
    }
    Ok(())
}
