//! Endpoints from text.

use std::path::Path;
use std::str::FromStr;

use super::host::{host_and_port, Usual};
use super::kind::{Parse, Syntax};
use super::{Endpoint, EndpointKind};
use crate::error::{Error, Problem, Result};
use crate::util::url::without_secrets;

pub(super) const HTTP: &str = "listen+http://";
pub(super) const HTTPS: &str = "listen+https://";
pub(super) const FILE: &str = "file://";
pub(super) const STDIN: &str = "-";

impl FromStr for Endpoint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Endpoint> {
        parse(text, 1)
    }
}

impl Endpoint {
    /// Like [`FromStr`], for a server: port 0 is any free port.
    #[cfg(any(feature = "server", feature = "relay"))]
    pub(crate) fn for_listening(text: &str) -> Result<Endpoint> {
        parse(text, 0)
    }
}

/// What a remedy names.
const FORMS: &str = "write unix:///run/falco/falco.sock or host:port, as in localhost:5060; for a \
                     Falco without gRPC listen+http://ADDR:PORT, listen+https://ADDR:PORT, \
                     file:///path or - for standard input";

/// What the address of a unix socket holds, without its closing NUL.
pub(super) const LONGEST_PATH: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// Reads an endpoint whose port, if it connects to one, is at least this.
fn parse(text: &str, lowest_port: u16) -> Result<Endpoint> {
    let scheme = by_scheme(text);
    let endpoint = if text.trim().is_empty() {
        Err(Problem::fixed("is empty", FORMS))
    } else if text.contains(char::is_control) {
        let problem = "contains a NUL, a line break or another control character";
        Err(Problem::fixed(problem, FORMS))
    } else if text == STDIN {
        Ok(Endpoint::Stdin)
    } else if let Some((_, parse)) = scheme {
        parse(text)
    } else if let Some((scheme @ ("http" | "https"), rest)) = text.split_once("://") {
        let rest = match rest.starts_with(':') {
            true => format!("0.0.0.0{rest}"),
            false => without_secrets(rest),
        };
        let remedy = format!("to listen for Falco's http_output, write listen+{scheme}://{rest}");
        Err(("is an address to send to", remedy).into())
    } else if let Some((scheme, _)) = text.split_once("://") {
        let problem = format!("has the scheme {scheme}, which Falco does not serve");
        Err((problem, FORMS).into())
    } else if text.starts_with('/') {
        Err((
            "is a path without a scheme",
            format!("write {}", with_scheme(text)),
        )
            .into())
    } else if let Some(path) = text.strip_prefix("file:").filter(|it| it.starts_with('/')) {
        Err(("lacks two slashes", format!("write {FILE}{path}")).into())
    } else if text.contains('/') {
        let problem = "is neither an absolute path nor a host and port";
        Err(Problem::fixed(problem, FORMS))
    } else {
        tcp(text, lowest_port)
    };
    endpoint.map_err(|problem| {
        // An address of a log may have a password in it, and one of an unknown scheme, too.
        let may_have_secrets = scheme.is_none_or(|(kind, _)| kind.is_log());
        match text.contains("://") && may_have_secrets {
            true => Error::endpoint(without_secrets(text), problem),
            false => Error::endpoint(text, problem),
        }
    })
}

/// The kind whose scheme the text has, and what parses it.
fn by_scheme(text: &str) -> Option<(EndpointKind, Parse)> {
    EndpointKind::EVERY
        .iter()
        .find_map(|kind| match kind.facts().syntax {
            Syntax::Scheme(schemes, parse) => {
                let is_it = schemes.iter().any(|scheme| text.starts_with(scheme));
                is_it.then_some((*kind, parse))
            }
            Syntax::Bare => None,
        })
}

pub(super) fn unix(text: &str) -> Result<Endpoint, Problem> {
    let rest = text.strip_prefix("unix:").unwrap_or_default();
    let Some(path) = rest.strip_prefix("//") else {
        return Err(match rest.starts_with('/') {
            true => ("lacks two slashes", format!("write unix://{rest}")).into(),
            false => Problem::fixed("has no absolute path", FORMS),
        });
    };
    if path.is_empty() {
        return Err(("has no path", format!("write {}", Endpoint::DEFAULT)).into());
    }
    if !path.starts_with('/') {
        let problem = format!("has the relative path {path}");
        let remedy = format!(
            "write an absolute one after unix://, as in {}",
            Endpoint::DEFAULT
        );
        return Err((problem, remedy).into());
    }
    // More slashes are one to the system, but not to C-core.
    let path = &*format!("/{}", path.trim_start_matches('/'));
    if path.contains(',') {
        // C-core reads commas as separators of several addresses.
        return Err(Problem::fixed(
            "has a comma in its path, which gRPC cannot take",
            "use a symbolic link",
        ));
    }
    if path.len() > LONGEST_PATH {
        let problem = format!(
            "has a path of {} bytes, and a socket's address holds {LONGEST_PATH}",
            path.len()
        );
        let remedy = "use a shorter path, or a symbolic link to its folder";
        return Err((problem, remedy).into());
    }
    Ok(Endpoint::Unix(path.into()))
}

/// A path as the endpoint that it probably is, by its name.
fn with_scheme(path: &str) -> String {
    match Path::new(path).extension() {
        Some(extension) if extension != "sock" && extension != "socket" => format!("{FILE}{path}"),
        _ => format!("unix://{path}"),
    }
}

pub(super) fn file(text: &str) -> Result<Endpoint, Problem> {
    match text.strip_prefix(FILE) {
        Some(path) if path.len() > 1 && path.starts_with('/') => Ok(Endpoint::File(path.into())),
        _ => {
            let remedy = format!("write the file's after file://, as in {FILE}/var/log/falco.log");
            Err(("has no absolute path", remedy).into())
        }
    }
}

pub(super) fn listen(scheme: &'static str, text: &str) -> Result<Endpoint, Problem> {
    let rest = text.strip_prefix(scheme).unwrap_or_default();
    let address = rest.strip_suffix('/').unwrap_or(rest);
    if address.contains('/') {
        let problem = "has a path, and Falco may send to any";
        return Err(Problem::fixed(problem, "leave it out"));
    }
    let usual = Usual {
        scheme,
        host: "0.0.0.0",
        port: "2801",
    };
    let (host, port) = host_and_port(address, 0, &usual)?;
    let tls = scheme == HTTPS;
    Ok(Endpoint::Listen { tls, host, port })
}

fn tcp(text: &str, lowest_port: u16) -> Result<Endpoint, Problem> {
    let usual = Usual {
        scheme: "",
        host: "localhost",
        port: "5060",
    };
    let (host, port) = host_and_port(text, lowest_port, &usual)?;
    Ok(Endpoint::Tcp { host, port })
}
