//! A TLS handshake inside this process, of a client like Falco's libcurl and our listener.

use std::os::unix::net::UnixStream;
use std::time::Duration;

use openssl::error::ErrorStack;
use openssl::ssl::{Ssl, SslContext, SslMethod, SslStream, SslVerifyMode};
use openssl::x509::store::X509Store;

use super::sender_files::ClientCertificate;
use crate::diagnose::certificate_names::excerpt;
use crate::tls::{ReloadingAcceptor, Tls};
use crate::util::thread::spawn_named;

/// Both ends are in this process: only a fault would take so long.
const TIMEOUT: Duration = Duration::from_secs(10);

pub(super) struct Trial<'a> {
    pub ours: &'a Tls,
    /// None where Falco verifies nothing.
    pub authorities: Option<X509Store>,
    pub client: Option<ClientCertificate>,
    pub host: &'a str,
}

impl Trial<'_> {
    /// # Errors
    ///
    /// What OpenSSL says, of the side that refused the other.
    pub fn run(self) -> Result<(), String> {
        let text = |error: &dyn std::fmt::Display| excerpt(&error.to_string());
        let (near, far) = UnixStream::pair().map_err(|error| text(&error))?;
        for stream in [&near, &far] {
            let timeouts = stream
                .set_read_timeout(Some(TIMEOUT))
                .and_then(|()| stream.set_write_timeout(Some(TIMEOUT)));
            timeouts.map_err(|error| text(&error))?;
        }
        let acceptor = ReloadingAcceptor::new(self.ours)
            .map_err(|error| text(&error))?
            .current();
        let server = spawn_named("falco-trial", move || {
            let accepted = acceptor.accept(far);
            accepted
                .map(drop)
                .map_err(|error| excerpt(&error.to_string()))
        });
        let server = server.map_err(|error| text(&error))?;
        let connected = self.connect(near);
        let accepted = server
            .join()
            .unwrap_or_else(|_| Err("the listener's side failed".to_owned()));
        // The side that refuses knows why; the other has the TLS alert at most.
        match (connected, accepted) {
            (Ok(_open), Ok(())) => Ok(()),
            (Err(client), _) if client.contains("verify failed") => {
                Err(format!("libcurl refuses our certificate ({client})"))
            }
            (_, Err(server)) => Err(format!("our listener refuses it ({server})")),
            (Err(client), Ok(())) => Err(client),
        }
    }

    /// The stream has to stay open until the server has verified the client, after the client's side
    /// is complete.
    fn connect(self, stream: UnixStream) -> Result<SslStream<UnixStream>, String> {
        let host = self.host.to_owned();
        let ssl = self
            .ssl(&host)
            .map_err(|error| excerpt(&error.to_string()))?;
        let mut stream = SslStream::new(ssl, stream).map_err(|error| error.to_string())?;
        match stream.connect() {
            Ok(()) => Ok(stream),
            Err(error) => Err(excerpt(&error.to_string())),
        }
    }

    fn ssl(self, host: &str) -> Result<Ssl, ErrorStack> {
        let mut context = SslContext::builder(SslMethod::tls_client())?;
        match self.authorities {
            Some(store) => {
                context.set_cert_store(store);
                context.set_verify(SslVerifyMode::PEER);
            }
            None => context.set_verify(SslVerifyMode::NONE),
        }
        if let Some(client) = self.client {
            let mut chain = client.chain.into_iter();
            if let Some(leaf) = chain.next() {
                context.set_certificate(&leaf)?;
            }
            for intermediate in chain {
                context.add_extra_chain_cert(intermediate)?;
            }
            context.set_private_key(&client.key)?;
        }
        let mut ssl = Ssl::new(&context.build())?;
        if host.parse::<std::net::IpAddr>().is_err() {
            ssl.set_hostname(host)?;
        }
        Ok(ssl)
    }
}
