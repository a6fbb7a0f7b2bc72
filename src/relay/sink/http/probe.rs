//! Checks whether a sink can be reached, without a request.

use std::error::Error as StdError;
use std::net::TcpStream;
use std::time::Instant;

use native_tls::{Certificate, HandshakeError, Identity, TlsConnector};

use super::super::target::Target as _;
use super::super::Sink;
use super::headers::Headers;
use super::{HttpSink, CONNECT_TIMEOUT};
use crate::diagnose::texts::REFUSED;
use crate::diagnose::{connect, Finding, Step};
use crate::tls::Tls;
use crate::util::deadline_stream::{DeadlineStream, TIMED_OUT};

pub(super) fn probe(
    http: &HttpSink,
    sink: &Sink,
    findings: &mut Vec<Finding>,
) -> Result<(), Finding> {
    Headers::new(sink).map_err(|error| Finding::failed(Step::Config, &error))?;
    let (host, port) = http.host();
    let stream = connect(&host, port, CONNECT_TIMEOUT, &REFUSED, findings);
    let stream = stream.map_err(|mut finding| {
        if finding.step == Step::Tcp {
            // Those of a Falco lead nowhere.
            let remedy = "see whether it runs and listens there, and no firewall is between";
            finding.remedy = Some(remedy.to_owned());
        }
        finding
    })?;
    if http.may_have_tls() {
        findings.push(handshake(stream, &host, sink.tls.as_ref())?);
    }
    Ok(())
}

fn handshake(stream: TcpStream, host: &str, tls: Option<&Tls>) -> Result<Finding, Finding> {
    let failed = |error: &dyn StdError| {
        let cause = error.source().map(|cause| format!(" ({cause})"));
        let problem = format!("TLS fails: {error}{}", cause.unwrap_or_default());
        let remedy = "see whether the server speaks TLS on this port, its certificate has this \
                      name, and its CA is trusted";
        Finding::failed(Step::Tls, (problem, remedy))
    };
    let mut connector = TlsConnector::builder();
    if let Some(tls) = tls {
        let pem = tls.load();
        let pem = pem.map_err(|error| Finding::failed(Step::Certificates, &error))?;
        if tls.has_certificate() {
            let identity = Identity::from_pkcs8(&pem.cert, &pem.key);
            connector.identity(identity.map_err(|error| failed(&error))?);
        }
        let authorities = Certificate::stack_from_pem(&pem.ca);
        for authority in authorities.map_err(|error| failed(&error))? {
            connector.disable_built_in_roots(true);
            connector.add_root_certificate(authority);
        }
    }
    let connector = connector.build().map_err(|error| failed(&error))?;
    let stream = DeadlineStream::new(stream, Instant::now() + CONNECT_TIMEOUT);
    match connector.connect(host, stream) {
        Ok(_) => Ok(Finding::ok(Step::Tls, format!("the server is {host}"))),
        Err(HandshakeError::Failure(error)) => Err(failed(&error)),
        Err(HandshakeError::WouldBlock(_)) => {
            let remedy = "see whether the server speaks TLS on this port";
            Err(Finding::failed(Step::Tls, (TIMED_OUT, remedy)))
        }
    }
}
