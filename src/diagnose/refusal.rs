//! A server that does not take our certificate.

use super::names::plain;
use super::{disk, Finding, Step};
use crate::tls::Pem;

/// TLS alerts in OpenSSL's words, which differ little between its versions.
const ALERTS: [(&str, &str); 9] = [
    ("unknown ca", ": it does not know the CA"),
    ("certificate expired", ": it takes it for expired"),
    ("certificate required", ": it was shown none that it knows"),
    ("certificate revoked", ": it is revoked"),
    (
        "unsupported certificate",
        ": it is of a kind that it does not take",
    ),
    ("bad certificate", ": it finds it bad"),
    ("certificate unknown", ": it does not take it"),
    ("decrypt error", ": its signature does not fit"),
    // What OpenSSL sends with TLS 1.2 where none was shown that it takes.
    ("handshake failure", " or something else in the handshake"),
];

/// What the server holds against our certificate, by the alert in OpenSSL's words. C-core sends none:
/// it closes the connection.
pub(super) fn refusal(pem: &Pem, error: &str) -> Finding {
    let alert = error.split_once("alert ").map(|(_, it)| without_codes(it));
    let known = ALERTS.iter().find(|(text, _)| error.contains(text));
    let why = match (alert, known) {
        (Some(alert), Some((_, reason))) => format!("{reason} (TLS alert: {alert})"),
        (Some(alert), None) => {
            let problem = format!(
                "the server ended the handshake with the TLS alert {}",
                plain(alert)
            );
            let remedy = "see whether this is Falco's grpc.bind_address (by default port 5060), \
                          and what its log says";
            return Finding::failed(Step::Tls, (problem, remedy));
        }
        (None, _) => ", and does not say why".to_owned(),
    };
    let ours = disk::read(&pem.cert).ok();
    let ours = match ours.as_deref() {
        Some([ours, ..]) => format!("{}, signed by {}", ours.subject, ours.issuer),
        _ => String::new(),
    };
    // Usually both sides have the same CA.
    let hint = match disk::vouched_for(pem) {
        Ok(false) => " (the CA here did not sign it either)",
        _ => "",
    };
    let problem = format!("the server refused our certificate ({ours}){why}");
    let remedy = format!(
        "give one that the ca.crt of Falco (grpc.root_certs) signed{hint}, and see whether the \
         clocks are right"
    );
    Finding::failed(Step::Tls, (problem, remedy))
}

/// OpenSSL's text ends with the place in its source.
fn without_codes(alert: &str) -> &str {
    alert.split(':').next().unwrap_or(alert)
}
