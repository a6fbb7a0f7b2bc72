//! Prints the version of a Falco.
//!
//! ```sh
//! cargo run --release --features cli --example version [unix:///PATH]
//! ```

use falco_client::{Client, Result};

fn main() -> Result<()> {
    let endpoint = std::env::args()
        .nth(1)
        .unwrap_or("unix:///run/falco/falco.sock".into());
    let falco = Client::open(&endpoint)?.version()?;
    println!("Falco {}, engine {}", falco.version, falco.engine_version);
    Ok(())
}
