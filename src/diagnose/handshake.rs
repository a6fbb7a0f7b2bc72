//! Probes the TLS handshake, as C-core does it, for the exact reason of a failure.

use std::error::Error as StdError;
use std::io::Read as _;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use native_tls::{
    HandshakeError, Identity, Protocol, TlsConnector, TlsConnectorBuilder, TlsStream,
};
use openssl::x509::X509;

use super::certificate::{Certificate, Validity};
use super::certificate_names::excerpt;
use super::tcp::open;
use super::texts::{HUNG_UP, NO_TLS, SILENT, TLS_FAILED};
use super::tls_alert::refusal;
use super::{tls_files, Finding, Step};
use crate::error::Problem;
use crate::tls::{Pem, Tls};
use crate::util::deadline_stream::{DeadlineStream, TIMED_OUT};

/// How long to wait for the first bytes of a gRPC server, which sends them at once.
const FIRST_BYTES: Duration = Duration::from_secs(2);

pub(super) struct Handshake<'a> {
    pub address: &'a SocketAddr,
    /// The name that the server's certificate must have.
    pub name: &'a str,
    pub tls: &'a Tls,
    pub pem: &'a Pem,
    pub deadline: Instant,
}

impl Handshake<'_> {
    /// Does the handshake on `stream`, and waits for the server's verdict on our certificate.
    pub(super) fn probe(
        &self,
        stream: TcpStream,
        findings: &mut Vec<Finding>,
    ) -> Result<(), Finding> {
        let mut connection = self
            .handshake(stream, true)
            .map_err(|error| self.diagnose(&error))?;
        let server = leaf(&connection);
        if let Some(server) = &server {
            self.compare_names(server)?;
        }
        let alpn = connection.negotiated_alpn().ok().flatten();
        if alpn.as_deref() != Some(b"h2") {
            self.describe(server.as_ref(), findings);
            return Err(Finding::failed(
                Step::Alpn,
                Problem::fixed(
                    "the server does not agree on HTTP/2 (ALPN h2), as a gRPC server does",
                    "see whether this is Falco's grpc.bind_address (TCP: by default port 5060), and \
                     whether a proxy in front of it forwards HTTP/2",
                ),
            ));
        }
        self.wait_for_verdict(&mut connection)?;
        self.describe(server.as_ref(), findings);
        findings.push(Finding::ok(Step::Alpn, "HTTP/2 (h2)"));
        Ok(())
    }

    /// Names are compared afterwards, by the rules of C-core.
    fn handshake(
        &self,
        stream: TcpStream,
        verify: bool,
    ) -> Result<TlsStream<DeadlineStream>, String> {
        let stream = DeadlineStream::new(stream, self.deadline);
        let connector = self.connector(verify).map_err(|error| chain(&error))?;
        match connector.connect(self.name, stream) {
            Ok(connection) => Ok(connection),
            Err(HandshakeError::Failure(error)) => Err(chain(&error)),
            Err(HandshakeError::WouldBlock(_)) => Err(TIMED_OUT.to_owned()),
        }
    }

    fn connector(&self, verify: bool) -> native_tls::Result<TlsConnector> {
        let mut builder: TlsConnectorBuilder = TlsConnector::builder();
        builder
            .identity(Identity::from_pkcs8(&self.pem.cert, &self.pem.key)?)
            .disable_built_in_roots(true)
            .min_protocol_version(Some(Protocol::Tlsv12))
            .request_alpns(&["h2"])
            .danger_accept_invalid_hostnames(true)
            .danger_accept_invalid_certs(!verify);
        for authority in native_tls::Certificate::stack_from_pem(&self.pem.ca)? {
            builder.add_root_certificate(authority);
        }
        builder.build()
    }

    /// The reason why the handshake failed.
    fn diagnose(&self, error: &str) -> Finding {
        let contains = |texts: &[&str]| texts.iter().any(|text| error.contains(text));
        if contains(&NOT_TLS) {
            return self.failed(NO_TLS);
        }
        if contains(&[TIMED_OUT]) {
            return self.failed(SILENT);
        }
        if contains(&["alert"]) {
            return refusal(self.pem, error);
        }
        if contains(&CLOSED) {
            return self.failed(HUNG_UP);
        }
        match self.untrusted_certificate() {
            Some(server) => self.reason_of_distrust(&server, error),
            None => self.failed(TLS_FAILED.because(excerpt(error))),
        }
    }

    /// The server's certificate, whoever signed it.
    fn untrusted_certificate(&self) -> Option<Certificate> {
        let stream = open(self.address, self.deadline).ok()?;
        leaf(&self.handshake(stream, false).ok()?)
    }

    /// The reason why OpenSSL does not trust the server's certificate.
    fn reason_of_distrust(&self, server: &Certificate, error: &str) -> Finding {
        let [ca, ..] = self.tls.names();
        let Certificate {
            subject, issuer, ..
        } = server;
        if let Validity::Invalid(why) = server.validity() {
            let problem = format!("the server's certificate ({subject}) {why}");
            let remedy = "make Falco a new one, and see whether the clocks are right";
            return self.failed((problem, remedy));
        }
        let contains = |text: &str| error.contains(text);
        if contains("expired") || contains("not yet valid") {
            let problem = format!(
                "a certificate between the server's ({subject}, signed by {issuer}) and {ca} has \
                 expired or is not valid yet"
            );
            return self.failed((problem, "give Falco a new chain"));
        }
        let namesake = tls_files::read(&self.pem.ca)
            .is_ok_and(|authorities| authorities.iter().any(|it| it.subject == *issuer));
        if contains("self-signed") || contains("self signed") || contains("unable to get") {
            let by = match subject == issuer {
                true => "by itself".to_owned(),
                false => format!("by {issuer}"),
            };
            let problem = format!(
                "the server's certificate ({subject}) is signed {by}, not by any certificate in {ca}"
            );
            let remedy = "give the ca.crt that signed it, or Falco the whole chain";
            return self.failed((problem, remedy));
        }
        if namesake {
            let problem = format!(
                "the server's certificate ({subject}) was not signed by the {issuer} in {ca}, but \
                 by another of the same name"
            );
            return self.failed((problem, "give the ca.crt that signed it"));
        }
        let problem = format!(
            "the server's certificate ({subject}, signed by {issuer}) is refused: {}",
            excerpt(error)
        );
        self.failed((problem, "make Falco a new one"))
    }

    fn compare_names(&self, server: &Certificate) -> Result<(), Finding> {
        if server.names.include(self.name) {
            return Ok(());
        }
        let remedy = match server.names.one() {
            Some(name) => format!("give server_name {name}, if this is the server that is meant"),
            None => "make Falco one with this name".to_owned(),
        };
        let problem = format!(
            "the server's certificate is for {}, not for {}",
            server.names.shown(),
            self.name
        );
        Err(self.failed((problem, remedy)))
    }

    /// With TLS 1.3 the server verifies our certificate after our side of the handshake is complete.
    fn wait_for_verdict(&self, connection: &mut TlsStream<DeadlineStream>) -> Result<(), Finding> {
        let deadline = self.deadline.min(Instant::now() + FIRST_BYTES);
        connection.get_mut().set_deadline(deadline);
        match connection.read(&mut [0; 9]) {
            Ok(0) => Err(refusal(self.pem, "")),
            Ok(_) => Ok(()),
            Err(error) => match chain(&error) {
                // The calls that follow find out whether it speaks gRPC.
                text if text.contains(TIMED_OUT) => Ok(()),
                text => Err(refusal(self.pem, &text)),
            },
        }
    }

    fn describe(&self, server: Option<&Certificate>, findings: &mut Vec<Finding>) {
        let Some(server) = server else {
            findings.push(Finding::ok(
                Step::Tls,
                "both sides accepted each other's certificate",
            ));
            return;
        };
        findings.push(Finding::ok(
            Step::Tls,
            format!(
                "the server is {}, signed by {}, valid until {}; it accepted our certificate",
                server.names.shown(),
                server.issuer,
                server.until()
            ),
        ));
        if let Validity::EndsSoon(when) = server.validity() {
            findings.push(Finding::warning(
                Step::Tls,
                (
                    format!("the server's certificate {when}"),
                    "make Falco a new one until then",
                ),
            ));
        }
    }

    fn failed(&self, problem: impl Into<Problem>) -> Finding {
        Finding::failed(Step::Tls, problem)
    }
}

/// OpenSSL's errors for bytes that are not TLS.
const NOT_TLS: [&str; 4] = [
    "wrong version number",
    "unknown protocol",
    "packet length too long",
    "http request",
];

/// Errors of a connection that the server closed.
const CLOSED: [&str; 4] = [
    "unexpected EOF",
    "unexpected eof",
    "Connection reset",
    "Broken pipe",
];

fn leaf(connection: &TlsStream<DeadlineStream>) -> Option<Certificate> {
    let der = connection.peer_certificate().ok()??.to_der().ok()?;
    let x509 = X509::from_der(&der).ok()?;
    Some(Certificate::of(&x509))
}

/// An error with its causes in one text.
fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut chain = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !chain.contains(&text) {
            chain = format!("{chain}: {text}");
        }
        cause = error.source();
    }
    chain
}
