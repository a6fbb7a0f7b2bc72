//! Follows Falco and prints every alert as JSON, with a callback that runs where the bytes arrive.
//!
//! ```sh
//! cargo run --release --features cli --example output_bidi [unix:///PATH]
//! ```

use std::ops::ControlFlow;

use falco_client::{Client, Result};

fn main() -> Result<()> {
    let endpoint = std::env::args()
        .nth(1)
        .unwrap_or("unix:///run/falco/falco.sock".into());
    let watch = Client::open(&endpoint)?.subscribe_with(|alert| {
        match alert {
            Ok(alert) => println!("{}", alert.go_json()),
            Err(error) => eprintln!("{error}"),
        }
        ControlFlow::Continue(())
    })?;
    watch.wait()
}
