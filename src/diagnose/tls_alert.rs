//! A server that refuses our certificate, by the TLS alert it sends.

use super::certificate_names::excerpt;
use super::{tls_files, Finding, Step};
use crate::tls::Pem;

/// TLS alerts in OpenSSL's words, which differ little between its versions, and what they mean.
const ALERTS: [(&str, &str); 10] = [
    ("unknown ca", ": it does not know the CA"),
    ("certificate expired", ": it considers it expired"),
    ("certificate required", ": it got none that it knows"),
    ("certificate revoked", ": it is revoked"),
    ("unsupported certificate", ": it does not support its kind"),
    ("bad certificate", ": it considers it malformed"),
    ("certificate unknown", ": it does not accept it"),
    ("access denied", ": it does not admit the name in it"),
    ("decrypt error", ": its signature does not match"),
    // OpenSSL sends it with TLS 1.2 when it got no acceptable certificate.
    ("handshake failure", " or something else in the handshake"),
];

/// Why the server refuses our certificate, by the alert in OpenSSL's words. C-core sends none: it closes
/// the connection.
pub(super) fn refusal(pem: &Pem, error: &str) -> Finding {
    let alert = error.split_once("alert ").map(|(_, it)| without_codes(it));
    let known = ALERTS.iter().find(|(text, _)| error.contains(text));
    if error.contains("unrecognized name") {
        let problem = "the server, or a proxy in front of it, does not know the name that it is \
                       called by (TLS alert: unrecognized name)";
        let remedy = "give server_name as its certificate has it";
        return Finding::failed(Step::Tls, (problem, remedy));
    }
    let why = match (alert, known) {
        (Some(alert), Some((_, reason))) => format!("{reason} (TLS alert: {alert})"),
        (Some(alert), None) => {
            let problem = format!(
                "the server ended the handshake with the TLS alert {}",
                excerpt(alert)
            );
            let remedy = "see whether this is Falco's grpc.bind_address (by default port 5060), \
                          and what its log says";
            return Finding::failed(Step::Tls, (problem, remedy));
        }
        (None, _) => ", without a reason".to_owned(),
    };
    let ours = tls_files::read(&pem.cert).ok();
    let ours = match ours.as_deref() {
        Some([ours, ..]) => format!("{}, signed by {}", ours.subject, ours.issuer),
        _ => String::new(),
    };
    // Usually both sides have the same CA.
    let hint = match tls_files::is_signed_by_our_ca(pem) {
        Ok(false) => " (the CA configured here did not sign it either)",
        _ => "",
    };
    let problem = format!("the server refused our certificate ({ours}){why}");
    let remedy = format!(
        "give one that the ca.crt of Falco (grpc.root_certs) signed{hint}, and see whether the \
         clocks are right"
    );
    Finding::failed(Step::Tls, (problem, remedy))
}

/// OpenSSL's text ends with a location in its source.
fn without_codes(alert: &str) -> &str {
    alert.split(':').next().unwrap_or(alert)
}
