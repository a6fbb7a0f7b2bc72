//! Prints the alerts that a Falco 0.44 posts, one JSON object a line.
//!
//! ```sh
//! cargo run --release --example output_http [listen+http://ADDR:PORT]
//! ```
//!
//! In falco.yaml: `json_output: true`, and `http_output: { enabled: true, url: "http://localhost:2801/" }`.

use falco_client::Client;

fn main() -> falco_client::Result<()> {
    let endpoint = std::env::args().nth(1);
    let endpoint = endpoint.unwrap_or("listen+http://127.0.0.1:2801".to_owned());
    for alert in Client::open(&endpoint)?.subscribe()? {
        match alert {
            Ok(alert) => println!("{}", alert.go_json()),
            Err(error) => eprintln!("{error}"),
        }
    }
    Ok(())
}
