//! Tests a consumer of alerts without a Falco: the embedded one stands in for it.
//!
//! ```sh
//! cargo run --release --features cli --example embedded_falco
//! cargo test --release --features cli --example embedded_falco
//! ```

use falco_client::server::Server;
use falco_client::{Alert, Client, Priority, Result};

/// What is to be tested: it counts the urgent alerts that a Falco holds.
fn urgent(client: &Client) -> Result<usize> {
    let mut urgent = 0;
    for alert in client.get()? {
        if alert?.priority() >= Priority::Error {
            urgent += 1;
        }
    }
    Ok(urgent)
}

fn main() -> Result<()> {
    println!("{} of 2 alerts are urgent", run()?);
    Ok(())
}

fn run() -> Result<usize> {
    let socket = std::env::temp_dir().join(format!("falco-{}.sock", std::process::id()));
    let falco = Server::builder()
        .listen(format!("unix://{}", socket.display()))
        .start()?;
    for priority in [Priority::Critical, Priority::Notice] {
        let alert = Alert::builder()
            .rule("Terminal shell in container")
            .priority(priority);
        falco.push(alert.field("proc.cmdline", "bash").build());
    }
    urgent(&Client::open(&falco.endpoint().to_string())?)
}

#[test]
fn the_critical_alert_is_urgent() {
    assert_eq!(run().unwrap(), 1);
}
