//! Prints the alerts that Falco holds, over mutual TLS, as JSON.
//!
//! Run it with Falco's certificates in /tmp (script/certificates makes them):
//!
//! ```sh
//! cargo run --release --features cli --example output [HOST:PORT]
//! ```

use falco_client::{Client, Config, Result, Tls};

fn main() -> Result<()> {
    let endpoint = std::env::args().nth(1).unwrap_or("localhost:5060".into());
    let tls = Tls::from_files("/tmp/ca.crt", "/tmp/client.crt", "/tmp/client.key");
    let client = Client::new(Config::new(endpoint).tls(tls))?;
    for alert in client.get()? {
        match alert {
            Ok(alert) => println!("{}", alert.go_json()),
            // An alert that is no protobuf, and the next one follows, or the end.
            Err(error) => eprintln!("{error}"),
        }
    }
    Ok(())
}
