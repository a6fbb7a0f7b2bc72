//! A sink that takes alerts as Falco's `http_output` posts them: falcosidekick, or another.

use std::time::Duration;

use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, TlsProvider};
use ureq::Agent;

use super::deliver::{Deliver, Outcome};
use super::native;
use super::spool::Entry;
use crate::error::{Error, Result};
use crate::tls::Tls;

/// How long connecting, and one request with its answer, may take.
const CONNECT: Duration = Duration::from_secs(5);
const REQUEST: Duration = Duration::from_secs(30);

pub(super) struct Post {
    agent: Agent,
    url: String,
    /// As it is shown.
    name: String,
    labelled: bool,
}

impl Post {
    pub(super) fn new(url: &str, name: &str, tls: Option<&Tls>, labelled: bool) -> Result<Post> {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_connections(1)
            .max_idle_age(Duration::from_secs(3600))
            .proxy(None)
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(REQUEST))
            .user_agent(concat!("falco-client/", env!("CARGO_PKG_VERSION")));
        let mut settings = TlsConfig::builder()
            .provider(TlsProvider::NativeTls)
            .root_certs(RootCerts::PlatformVerifier);
        if let Some(tls) = tls {
            let pem = tls.load()?;
            let unusable = |error: ureq::Error| Error::Tls {
                what: format!("{tls:?}"),
                problem: format!("cannot be used for TLS: {error}; make others"),
                source: Some(error.into()),
            };
            if !pem.ca.is_empty() {
                let roots: Vec<_> = certificates(&pem.ca).map_err(unusable)?;
                settings = settings.root_certs(RootCerts::new_with_certs(&roots));
            }
            let chain = certificates(&pem.cert).map_err(unusable)?;
            let key = PrivateKey::from_pem(&pem.key).map_err(unusable)?;
            settings = settings.client_cert(Some(ClientCert::new_with_certs(&chain, key)));
        }
        config = config.tls_config(settings.build());
        Ok(Post {
            agent: config.build().into(),
            url: url.to_owned(),
            name: name.to_owned(),
            labelled,
        })
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate<'static>>, ureq::Error> {
    ureq::tls::parse_pem(pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        })
        .collect()
}

impl Deliver for Post {
    fn at_once(&self) -> usize {
        1
    }

    fn deliver(&mut self, entries: &[Entry]) -> std::result::Result<Outcome, String> {
        let Some(line) = entries
            .first()
            .and_then(|entry| native::line(entry, self.labelled))
        else {
            return Ok(Outcome::Refused);
        };
        let send = || {
            let request = self.agent.post(&self.url);
            request
                .content_type("application/json")
                .send(line.as_bytes())
        };
        let answer = match send() {
            // A connection that was kept may have been closed meanwhile, which is no failure yet.
            Err(ureq::Error::Io(_)) => send(),
            answer => answer,
        };
        let mut answer = answer.map_err(|error| error.to_string())?;
        let status = answer.status();
        // Else the connection could not be used again.
        let body = answer.body_mut().with_config().limit(64 * 1024);
        let said = body.read_to_string().unwrap_or_default();
        match status.as_u16() {
            200..=299 => Ok(Outcome::Delivered),
            // The alert itself is what is wrong, and would hold up all others for ever.
            400 | 413 | 415 | 422 => {
                let said = said.trim().chars().take(200).collect::<String>();
                log::error!(
                    "{}: refused an alert with {status} ({}), which is given up: {line}",
                    self.name,
                    said.escape_debug()
                );
                Ok(Outcome::Refused)
            }
            _ => Err(format!("it answers {status}")),
        }
    }
}
