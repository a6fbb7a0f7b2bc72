//! An HTTP server as a sink: each alert is posted, as Falco's `http_output` does.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ureq::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, TlsProvider};
use ureq::Agent;

use super::target::{RunningSink, StartSink, Target};
use crate::error::{Error, Result};
use crate::relay::deliver::{Deliver, Delivery, Failure, Reason, RefusedAlert};
use crate::relay::identity::SinkIdentity;
use crate::relay::json_line::json_line;
use crate::relay::loops::Place;
use crate::relay::spool::Entry;
use crate::tls::Tls;
use crate::util::url::without_secrets;

/// How long it may take to connect, and to send a request and receive its answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How much of an answer's text is kept.
const EXCERPT: usize = 200;

#[derive(Clone)]
pub(super) struct HttpSink {
    url: String,
}

impl HttpSink {
    /// Of `http://…` or `https://…`.
    pub(super) fn parse(text: &str) -> Result<HttpSink> {
        let sink = HttpSink {
            url: text.to_owned(),
        };
        let problem = match text.parse::<Uri>() {
            Ok(uri) if uri.host().is_some_and(|host| !host.is_empty()) => return Ok(sink),
            Ok(_) => "has no host".to_owned(),
            Err(error) => format!("is no address ({error})"),
        };
        Err(Error::endpoint(
            &sink,
            (problem, "write http://host:port/path"),
        ))
    }
}

/// The address without user, password and query.
impl fmt::Display for HttpSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_secrets(&self.url))
    }
}

impl fmt::Debug for HttpSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpSink({self})")
    }
}

impl Target for HttpSink {
    fn identity(&self) -> SinkIdentity {
        let uri = self.url.parse::<Uri>().unwrap_or_default();
        let scheme = if self.may_have_tls() { "https" } else { "http" };
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        let usual = if self.may_have_tls() { 443 } else { 80 };
        let port = uri.port_u16().unwrap_or(usual);
        let user = uri
            .authority()
            .and_then(|authority| authority.as_str().rsplit_once('@'))
            .map_or("", |(user, _)| user);
        let query = uri.query().unwrap_or_default();
        let secret = match (user, query) {
            ("", query) => query.to_owned(),
            (user, query) => format!("{user}@{query}"),
        };
        SinkIdentity::with_secret(format!("{scheme}://{host}:{port}{}", uri.path()), &secret)
    }

    fn place(&self) -> Place {
        let uri = self.url.parse::<Uri>().unwrap_or_default();
        let usual = if self.may_have_tls() { 443 } else { 80 };
        let host = uri.host().unwrap_or_default();
        Place::Port {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: uri.port_u16().unwrap_or(usual),
        }
    }

    fn may_have_tls(&self) -> bool {
        self.url.to_ascii_lowercase().starts_with("https:")
    }

    fn may_have_headers(&self) -> bool {
        true
    }

    fn start(&self, start: StartSink<'_>) -> Result<Arc<dyn RunningSink>> {
        let poster = Poster {
            headers: headers(start.headers)?,
            agent: agent(start.tls)?,
            url: self.url.clone(),
            labelled: start.labelled,
        };
        start.deliver(poster)
    }
}

/// Checks headers before the first alert is sent with them.
fn headers(given: &[(String, String)]) -> Result<Vec<(HeaderName, HeaderValue)>> {
    let check = |(name, value): &(String, String)| {
        let unusable = |what| {
            let problem = format!("{name:?} {what}");
            Error::config("header", (problem, "write it as 'Name: value'"))
        };
        let name = HeaderName::from_bytes(name.as_bytes());
        let name = name.map_err(|_| unusable("is no name of a header"))?;
        let value = HeaderValue::from_str(value).map_err(|_| unusable("has no legal value"))?;
        Ok((name, value))
    };
    given.iter().map(check).collect()
}

struct Poster {
    headers: Vec<(HeaderName, HeaderValue)>,
    agent: Agent,
    url: String,
    labelled: bool,
}

fn agent(tls: Option<&Tls>) -> Result<Agent> {
    let mut settings = TlsConfig::builder()
        .provider(TlsProvider::NativeTls)
        .root_certs(RootCerts::PlatformVerifier);
    if let Some(tls) = tls {
        let pem = tls.load()?;
        let unusable = |error: ureq::Error| {
            let problem = (format!("cannot be used for TLS: {error}"), "make others");
            Error::tls(format_args!("{tls:?}"), problem, Some(error.into()))
        };
        if !pem.ca.is_empty() {
            let roots: Vec<_> = certificates(&pem.ca).map_err(unusable)?;
            settings = settings.root_certs(RootCerts::new_with_certs(&roots));
        }
        let chain = certificates(&pem.cert).map_err(unusable)?;
        let key = PrivateKey::from_pem(&pem.key).map_err(unusable)?;
        settings = settings.client_cert(Some(ClientCert::new_with_certs(&chain, key)));
    }
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_idle_connections(1)
        .max_idle_age(Duration::from_secs(3600))
        .proxy(None)
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_global(Some(REQUEST_TIMEOUT))
        .user_agent(concat!("falco-client/", env!("CARGO_PKG_VERSION")))
        .tls_config(settings.build());
    Ok(config.build().into())
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

impl Deliver for Poster {
    fn batch_size(&self) -> usize {
        1
    }

    fn deliver(&mut self, batch: &[Entry]) -> Result<Delivery, Failure> {
        let mut refused = Vec::new();
        let batch = batch.get(..1).unwrap_or(batch);
        for entry in batch {
            let reason = match json_line(entry, self.labelled) {
                Ok(line) => self.post(&line)?,
                Err(error) => Some(Reason::NoAlert(error)),
            };
            let number = entry.number;
            refused.extend(reason.map(|reason| RefusedAlert { number, reason }));
        }
        Ok(Delivery::all_except(batch, refused))
    }
}

impl Poster {
    /// Posts an alert. Returns why it is refused, if it is.
    fn post(&self, line: &str) -> Result<Option<Reason>, Failure> {
        let send = || {
            let mut request = self.agent.post(&self.url).content_type("application/json");
            for (name, value) in &self.headers {
                request = request.header(name, value);
            }
            request.send(line.as_bytes())
        };
        let answer = match send() {
            // A kept connection may have been closed meanwhile, which is no failure yet.
            Err(ureq::Error::Io(_)) => send(),
            answer => answer,
        };
        let mut answer = answer.map_err(|error| Failure::new(error.to_string()))?;
        let status = answer.status();
        let retry_after = retry_after(answer.headers());
        // A connection can be used again only when the text has been read.
        let body = answer.body_mut().with_config().limit(64 * 1024);
        let text = body.read_to_string().unwrap_or_default();
        match status.as_u16() {
            200..=299 => Ok(None),
            // What is wrong is the alert, if the sink takes others.
            400 | 413 | 415 | 422 => Ok(Some(Reason::Answer {
                status: status.to_string(),
                excerpt: text.trim().chars().take(EXCERPT).collect(),
            })),
            _ => Err(Failure {
                problem: format!("it answers {status}"),
                retry_after,
            }),
        }
    }
}

/// How long the sink asks to wait, where it says so in seconds (RFC 9110, 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get("retry-after")?.to_str().ok()?.trim().parse();
    Some(Duration::from_secs(seconds.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_in_an_address_is_not_shown() {
        for (url, shown, identity) in [
            ("http://host", "http://host", "http://host:80/"),
            ("HTTP://Host:80/", "HTTP://Host:80/", "http://host:80/"),
            (
                "https://u:s3cret@host/a",
                "https://host/a",
                "https://host:443/a",
            ),
            (
                "http://host/v2?key=s3cret",
                "http://host/v2?…",
                "http://host:80/v2",
            ),
            (
                "http://[::1]:2801",
                "http://[::1]:2801",
                "http://[::1]:2801/",
            ),
        ] {
            let sink = HttpSink::parse(url).unwrap();
            assert_eq!(sink.to_string(), shown);
            assert_eq!(sink.identity().to_string(), identity);
            assert!(!sink.identity().stored().contains("s3cret"));
        }
    }

    #[test]
    fn what_is_secret_in_an_address_is_part_of_its_identity() {
        let identity = |url| HttpSink::parse(url).unwrap().identity();
        let urls = [
            "http://host/",
            "http://u:one@host/",
            "http://u:two@host/",
            "http://host/?one",
            "http://u:one@host/?one",
        ];
        for (number, url) in urls.into_iter().enumerate() {
            assert_eq!(identity(url), identity(url));
            for other in &urls[..number] {
                assert_ne!(identity(url), identity(other), "{url} {other}");
            }
        }
        assert_eq!(identity("http://host?"), identity("HTTP://HOST:80/"));
    }
}
