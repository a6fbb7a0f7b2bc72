//! An HTTP server as a sink: each alert is posted, as Falco's `http_output` does, or several at once.

mod agent;
mod body;
mod headers;
mod poster;
mod probe;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ureq::http::Uri;

use super::target::{RunningSink, StartSink, Target};
use super::Sink;
use crate::diagnose::Finding;
use crate::endpoint::Place;
use crate::error::{Error, Result};
use crate::relay::identity::SinkIdentity;
use crate::util::url::without_secrets;
use headers::Headers;
use poster::Poster;

/// How long it may take to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

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

    fn host(&self) -> (String, u16) {
        let uri = self.url.parse::<Uri>().unwrap_or_default();
        let usual = if self.may_have_tls() { 443 } else { 80 };
        let host = uri.host().unwrap_or_default();
        let host = host.trim_matches(['[', ']']).to_owned();
        (host, uri.port_u16().unwrap_or(usual))
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
        let (_, port) = self.host();
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
        let (host, port) = self.host();
        Place::Port { host, port }
    }

    fn may_have_tls(&self) -> bool {
        self.url.to_ascii_lowercase().starts_with("https:")
    }

    fn may_have_headers(&self) -> bool {
        true
    }

    fn check(&self, sink: &Sink, findings: &mut Vec<Finding>) -> Result<(), Finding> {
        probe::probe(self, sink, findings)
    }

    fn start(&self, start: StartSink<'_>) -> Result<Arc<dyn RunningSink>> {
        let batching = start.sink.batching;
        let poster = Poster {
            headers: Headers::new(start.sink)?,
            agent: agent::new(start.tls, start.sink.timeout)?,
            url: self.url.clone(),
            labelled: start.labelled,
            gzip: start.sink.gzip,
            keeps_connection: false,
            timeout: start.sink.timeout,
            batching,
            alerts: batching.map_or(1, |batching| batching.alerts),
            bytes: batching.map_or(usize::MAX, |batching| batching.bytes),
            alone: 0,
            trail: start.trail.cloned(),
            looped: None,
        };
        start.deliver(poster)
    }
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
