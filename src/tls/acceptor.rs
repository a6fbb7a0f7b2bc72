//! Accepting TLS connections, with certificates that may be renewed on disk.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use openssl::error::ErrorStack;
use openssl::pkey::PKey;
use openssl::ssl::{SslAcceptor, SslMethod, SslVerifyMode};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::X509;

use super::{Pem, Tls};
use crate::error::{Error, Result};
use crate::util::lock::lock;

/// How often the files are read again.
const RELOAD: Duration = Duration::from_secs(60);

/// Accepts TLS connections, and reloads renewed certificates, because a listener may run for longer than
/// they are valid.
pub(crate) struct ReloadingAcceptor {
    tls: Tls,
    current: Mutex<LoadedAcceptor>,
}

struct LoadedAcceptor {
    pem: Pem,
    acceptor: SslAcceptor,
    loaded: Instant,
}

impl ReloadingAcceptor {
    /// # Errors
    ///
    /// [`Error::Tls`].
    pub(crate) fn new(tls: &Tls) -> Result<ReloadingAcceptor> {
        let pem = tls.load()?;
        let acceptor = acceptor(&pem).map_err(|error| {
            let problem = (format!("cannot be used for TLS: {error}"), "make others");
            Error::tls(format_args!("{tls:?}"), problem, Some(error.into()))
        })?;
        Ok(ReloadingAcceptor {
            tls: tls.clone(),
            current: Mutex::new(LoadedAcceptor {
                pem,
                acceptor,
                loaded: Instant::now(),
            }),
        })
    }

    /// The acceptor for the next connection. Files that cannot be used are logged, and tried again
    /// later.
    pub(crate) fn current(&self) -> SslAcceptor {
        let mut current = lock(&self.current);
        if current.loaded.elapsed() > RELOAD {
            current.loaded = Instant::now();
            match self.tls.load() {
                Ok(pem) if pem != current.pem => match acceptor(&pem) {
                    Ok(acceptor) => (current.pem, current.acceptor) = (pem, acceptor),
                    Err(error) => log::warn!("{:?}: {error}", self.tls),
                },
                Ok(_) => {}
                Err(error) => log::warn!("{error}"),
            }
        }
        current.acceptor.clone()
    }
}

fn acceptor(pem: &Pem) -> std::result::Result<SslAcceptor, ErrorStack> {
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
        // Resumed sessions need a context of their own.
        builder.set_session_id_context(b"falco-client")?;
    }
    Ok(builder.build())
}
