//! Provoking failures, and reading what they say.

use falco_client::server::Server;
use falco_client::{Client, Config, Error, Tls};

use crate::common::certificates::Certificates;

pub fn tls([ca, cert, key]: [std::path::PathBuf; 3]) -> Tls {
    Tls::from_files(ca, cert, key)
}

pub fn serve(certificates: &Certificates) -> Server {
    Server::builder()
        .listen("localhost:0")
        .tls(tls(certificates.server_files()))
        .start()
        .unwrap()
}

/// The same failure must come out of a unary call and out of a sequence.
pub fn failure(config: Config) -> Error {
    let limit = std::time::Duration::from_secs(60);
    let config = config.connect_timeout(limit).call_timeout(limit);
    let client = Client::new(config).unwrap();
    let mut alerts = client.get().unwrap();
    let of_alerts = alerts.recv().unwrap().unwrap_err();
    assert!(alerts.recv().is_err(), "an error is the last item");
    let of_version = client.version().unwrap_err();
    for error in [&of_alerts, &of_version] {
        assert!(
            error.to_string().contains(&client.endpoint().to_string()),
            "{error}"
        );
    }
    assert_eq!(
        std::mem::discriminant(&of_alerts),
        std::mem::discriminant(&of_version),
        "{of_alerts} / {of_version}"
    );
    of_alerts
}

pub fn assert_says(error: &Error, parts: &[&str]) {
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in: {text}");
    }
    assert!(!text.contains('\n'), "{text}");
}
