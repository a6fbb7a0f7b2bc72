//! The TLS handshake, as C-core makes it, with the exact reason where it fails.

use std::error::Error as StdError;
use std::io::Read as _;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use native_tls::{
    HandshakeError, Identity, Protocol, TlsConnector, TlsConnectorBuilder, TlsStream,
};
use openssl::x509::X509;

use super::address::open;
use super::certificate::{Certificate, Validity};
use super::disk;
use super::names::plain;
use super::refusal::refusal;
use super::texts::{HUNG_UP, NO_TLS, SILENT, TLS_FAILED};
use super::{Finding, Step};
use crate::error::Problem;
use crate::tls::{Pem, Tls};
use crate::util::deadline_stream::{DeadlineStream, TIMED_OUT};

/// A gRPC server speaks first, and at once.
const FIRST_WORD: Duration = Duration::from_secs(2);

/// Makes the handshake on `stream`, and waits for what the server thinks of our certificate.
pub(super) fn look(
    stream: TcpStream,
    address: &SocketAddr,
    name: &str,
    tls: &Tls,
    pem: &Pem,
    until: Instant,
    found: &mut Vec<Finding>,
) -> Result<(), Finding> {
    let look = Look {
        address,
        name,
        tls,
        pem,
        until,
    };
    look.take(stream, found)
}

struct Look<'a> {
    address: &'a SocketAddr,
    name: &'a str,
    tls: &'a Tls,
    pem: &'a Pem,
    until: Instant,
}

impl Look<'_> {
    fn take(&self, stream: TcpStream, found: &mut Vec<Finding>) -> Result<(), Finding> {
        let mut connection = self
            .handshake(stream, true)
            .map_err(|error| self.diagnose(&error))?;
        let server = leaf(&connection);
        if let Some(server) = &server {
            self.compare_names(server)?;
        }
        let alpn = connection.negotiated_alpn().ok().flatten();
        if alpn.as_deref() != Some(b"h2") {
            self.describe(server.as_ref(), found);
            return Err(Finding::failed(
                Step::Alpn,
                Problem::fixed(
                    "the server does not agree on HTTP/2 (ALPN h2), as a gRPC server does",
                    "see whether this is Falco's grpc.bind_address (TCP: by default port 5060), or \
                     what stands before it passes HTTP/2 on",
                ),
            ));
        }
        self.wait_for_its_word(&mut connection)?;
        self.describe(server.as_ref(), found);
        found.push(Finding::ok(Step::Alpn, "HTTP/2 (h2)"));
        Ok(())
    }

    /// Names are compared after it, by the rules of C-core.
    fn handshake(
        &self,
        stream: TcpStream,
        verify: bool,
    ) -> Result<TlsStream<DeadlineStream>, String> {
        let stream = DeadlineStream::new(stream, self.until);
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

    /// Why the handshake failed.
    fn diagnose(&self, error: &str) -> Finding {
        let says = |texts: &[&str]| texts.iter().any(|text| error.contains(text));
        if says(&NOT_TLS) {
            return self.failed(NO_TLS);
        }
        if says(&[TIMED_OUT]) {
            return self.failed(SILENT);
        }
        if says(&["alert"]) {
            return refusal(self.pem, error);
        }
        if says(&CLOSED) {
            return self.failed(HUNG_UP);
        }
        match self.without_trust() {
            Some(server) => self.distrust(&server, error),
            None => self.failed(TLS_FAILED.because(plain(error))),
        }
    }

    /// The server's certificate, whoever signed it.
    fn without_trust(&self) -> Option<Certificate> {
        let stream = open(self.address, self.until).ok()?;
        leaf(&self.handshake(stream, false).ok()?)
    }

    /// Why OpenSSL does not take the server's certificate.
    fn distrust(&self, server: &Certificate, error: &str) -> Finding {
        let [ca, ..] = self.tls.names();
        let Certificate {
            subject, issuer, ..
        } = server;
        if let Validity::Not(why) = server.validity() {
            let problem = format!("the server's certificate ({subject}) {why}");
            let remedy = "make Falco a new one, and see whether the clocks are right";
            return self.failed((problem, remedy));
        }
        let says = |text: &str| error.contains(text);
        if says("expired") || says("not yet valid") {
            let problem = format!(
                "a certificate between the server's ({subject}, signed by {issuer}) and {ca} has \
                 expired or is not valid yet"
            );
            return self.failed((problem, "give Falco a new chain"));
        }
        let namesake = disk::read(&self.pem.ca)
            .is_ok_and(|authorities| authorities.iter().any(|it| it.subject == *issuer));
        if says("self-signed") || says("self signed") || says("unable to get") {
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
            plain(error)
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

    /// With TLS 1.3 the server looks at our certificate after our side of the handshake is over.
    fn wait_for_its_word(&self, connection: &mut TlsStream<DeadlineStream>) -> Result<(), Finding> {
        let deadline = self.until.min(Instant::now() + FIRST_WORD);
        connection.get_mut().set_deadline(deadline);
        match connection.read(&mut [0; 9]) {
            Ok(0) => Err(refusal(self.pem, "")),
            Ok(_) => Ok(()),
            Err(error) => match chain(&error) {
                // Whether it speaks gRPC is seen by the calls that follow.
                said if said.contains(TIMED_OUT) => Ok(()),
                said => Err(refusal(self.pem, &said)),
            },
        }
    }

    fn describe(&self, server: Option<&Certificate>, found: &mut Vec<Finding>) {
        let Some(server) = server else {
            found.push(Finding::ok(Step::Tls, "both sides trust each other"));
            return;
        };
        found.push(Finding::ok(
            Step::Tls,
            format!(
                "the server is {}, signed by {}, until {}; it took our certificate",
                server.names.shown(),
                server.issuer,
                server.until()
            ),
        ));
        if let Validity::Ends(when) = server.validity() {
            found.push(Finding::warning(
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

/// What OpenSSL says of bytes that are no TLS.
const NOT_TLS: [&str; 4] = [
    "wrong version number",
    "unknown protocol",
    "packet length too long",
    "http request",
];

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
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
        cause = error.source();
    }
    said
}
