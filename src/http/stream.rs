//! A connection with or without TLS, whose reads and writes end by a deadline.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use openssl::pkey::PKey;
use openssl::ssl::{HandshakeError, SslAcceptor, SslMethod, SslStream, SslVerifyMode};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::X509;

use crate::error::{Error, Result};
use crate::tls::{Pem, Tls};
use crate::util::deadline_stream::DeadlineStream;
use crate::util::lock::lock;

/// How often a look is taken whether certificates were renewed.
const RENEWED: Duration = Duration::from_secs(60);

/// The certificates that connections are accepted with.
pub(super) struct Acceptor {
    tls: Tls,
    current: Mutex<(Pem, SslAcceptor, Instant)>,
}

impl Acceptor {
    pub(super) fn new(tls: &Tls, pem: Pem) -> Result<Acceptor> {
        let acceptor = acceptor(&pem).map_err(|error| Error::Tls {
            what: format!("{tls:?}"),
            problem: format!("cannot be used for TLS: {error}; make others"),
            source: Some(error.into()),
        })?;
        Ok(Acceptor {
            tls: tls.clone(),
            current: Mutex::new((pem, acceptor, Instant::now())),
        })
    }

    /// With certificates that were renewed: who listens for months outlives them. Such as cannot be
    /// used are left for the next time.
    fn current(&self) -> SslAcceptor {
        let mut current = lock(&self.current);
        if current.2.elapsed() > RENEWED {
            current.2 = Instant::now();
            match self.tls.load() {
                Ok(pem) if pem != current.0 => match acceptor(&pem) {
                    Ok(acceptor) => (current.0, current.1) = (pem, acceptor),
                    Err(error) => log::warn!("{:?}: {error}", self.tls),
                },
                Ok(_) => {}
                Err(error) => log::warn!("{error}"),
            }
        }
        current.1.clone()
    }
}

fn acceptor(pem: &Pem) -> std::result::Result<SslAcceptor, openssl::error::ErrorStack> {
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls())?;
    let mut chain = X509::stack_from_pem(&pem.cert)?.into_iter();
    if let Some(leaf) = chain.next() {
        builder.set_certificate(&leaf)?;
    }
    for intermediate in chain {
        builder.add_extra_chain_cert(intermediate)?;
    }
    let key = PKey::private_key_from_pem(&pem.key)?;
    builder.set_private_key(&key)?;
    builder.check_private_key()?;
    if !pem.ca.is_empty() {
        let mut store = X509StoreBuilder::new()?;
        for authority in X509::stack_from_pem(&pem.ca)? {
            builder.add_client_ca(&authority)?;
            store.add_cert(authority)?;
        }
        builder.set_verify_cert_store(store.build())?;
        builder.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
        // Sessions that are resumed would need a context of their own.
        builder.set_session_id_context(b"falco-client")?;
    }
    Ok(builder.build())
}

pub(super) enum Stream {
    Plain(DeadlineStream),
    Tls(Box<SslStream<DeadlineStream>>),
}

impl Stream {
    /// Does the handshake, where there is TLS.
    pub(super) fn accept(
        tcp: Arc<TcpStream>,
        tls: Option<&Acceptor>,
        within: Duration,
    ) -> io::Result<Stream> {
        tcp.set_nodelay(true)?;
        let stream = DeadlineStream::new(tcp, Instant::now() + within);
        match tls {
            None => Ok(Stream::Plain(stream)),
            Some(acceptor) => match acceptor.current().accept(stream) {
                Ok(stream) => Ok(Stream::Tls(Box::new(stream))),
                Err(HandshakeError::SetupFailure(error)) => Err(error.into()),
                Err(HandshakeError::Failure(stream) | HandshakeError::WouldBlock(stream)) => {
                    Err(io::Error::other(stream.error().to_string()))
                }
            },
        }
    }

    /// Reads and writes fail after the deadline.
    pub(super) fn set_deadline(&mut self, deadline: Instant) {
        match self {
            Stream::Plain(stream) => stream.set_deadline(deadline),
            Stream::Tls(stream) => stream.get_mut().set_deadline(deadline),
        }
    }

    /// Ends the writing side, and discards what arrives for `time`.
    pub(super) fn linger(&mut self, time: Duration) {
        self.set_deadline(Instant::now() + time);
        let ended = match self {
            Stream::Plain(stream) => stream.shutdown(Shutdown::Write),
            Stream::Tls(stream) => {
                let _ = stream.shutdown();
                stream.get_ref().shutdown(Shutdown::Write)
            }
        };
        let mut scratch = [0; 4096];
        if ended.is_ok() {
            while matches!(self.read(&mut scratch), Ok(1..)) {}
        }
    }
}

impl Read for Stream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.read(bytes),
            Stream::Tls(stream) => stream.read(bytes),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.write(bytes),
            Stream::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
