//! Prints the alerts that Falco holds, over its unix socket, as JSON.
//!
//! ```sh
//! cargo run --release --features cli --example output_unix_socket [unix:///PATH]
//! ```

use falco_client::{Client, Result};

fn main() -> Result<()> {
    let endpoint = std::env::args()
        .nth(1)
        .unwrap_or("unix:///run/falco/falco.sock".into());
    for alert in Client::open(&endpoint)?.get()? {
        match alert {
            Ok(alert) => println!("{}", alert.go_json()),
            // An alert that is no protobuf, and the next one follows, or the end.
            Err(error) => eprintln!("{error}"),
        }
    }
    Ok(())
}
