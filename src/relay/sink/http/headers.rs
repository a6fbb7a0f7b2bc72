//! The headers that a sink wants with each request.

use std::fs;
use std::path::{Path, PathBuf};

use ureq::http::{header, HeaderName, HeaderValue};

use super::super::Sink;
use crate::error::{Error, Result};

pub(super) struct Headers {
    given: Vec<(HeaderName, HeaderValue)>,
    token: Option<(PathBuf, HeaderValue)>,
}

impl Headers {
    /// Checks them before the first alert is sent with them.
    pub(super) fn new(sink: &Sink) -> Result<Headers> {
        let given = sink
            .headers
            .iter()
            .map(checked)
            .collect::<Result<Vec<_>>>()?;
        let token = match &sink.bearer_token_file {
            Some(path) if given.iter().any(|(name, _)| name == header::AUTHORIZATION) => {
                let problem = format!("{} is given beside a header Authorization", path.display());
                let problem = (problem, "give one of them");
                return Err(Error::config("bearer_token_file", problem));
            }
            Some(path) => Some((path.clone(), token(path)?)),
            None => None,
        };
        Ok(Headers { given, token })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        let given = self.given.iter().map(|(name, value)| (name, value));
        let token = self.token.as_ref();
        given.chain(token.map(|(_, value)| (&header::AUTHORIZATION, value)))
    }

    /// Reads the token anew: it may have been replaced, as Kubernetes does each hour.
    pub(super) fn refresh(&mut self) {
        if let Some((path, value)) = &mut self.token {
            // While it is being replaced, the one before stays.
            *value = token(path).unwrap_or_else(|_| value.clone());
        }
    }
}

fn checked((name, value): &(String, String)) -> Result<(HeaderName, HeaderValue)> {
    let unusable = |what| {
        let problem = format!("{name:?} {what}");
        Error::config("header", (problem, "write it as 'Name: value'"))
    };
    let name = HeaderName::from_bytes(name.as_bytes());
    let name = name.map_err(|_| unusable("is no name of a header"))?;
    let value = HeaderValue::from_str(value).map_err(|_| unusable("has no legal value"))?;
    Ok((name, value))
}

/// The value of `Authorization` for the token in this file.
fn token(path: &Path) -> Result<HeaderValue> {
    let unusable = |problem: String| {
        let problem = format!("{} {problem}", path.display());
        let remedy = "give a file that holds the token and nothing else";
        Error::config("bearer_token_file", (problem, remedy))
    };
    let text = fs::read_to_string(path);
    let text = text.map_err(|error| unusable(format!("cannot be read: {error}")))?;
    let token = text.trim();
    if token.is_empty() || token.contains(char::is_whitespace) {
        return Err(unusable("holds no token".to_owned()));
    }
    let value = HeaderValue::from_str(&format!("Bearer {token}"));
    value.map_err(|_| unusable("holds no token".to_owned()))
}
