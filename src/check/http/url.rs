//! `http_output.url`, as libcurl takes it.

use crate::check::falco_yaml::environment::UNKNOWN;

/// A part of a url. None where Falco's environment decides it.
type Part<T> = Option<T>;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Url {
    /// In lower case.
    pub scheme: Part<String>,
    /// A name, or an IP address without brackets.
    pub host: Part<String>,
    pub port: Part<u16>,
}

/// Schemes that libcurl guesses from the name of the host, where a url has none.
const GUESSED: [&str; 6] = ["ftp", "dict", "ldap", "imap", "smtp", "pop3"];

impl Url {
    /// Parses a text without quotes, in which [`UNKNOWN`] stands for a variable.
    ///
    /// # Errors
    ///
    /// What libcurl refuses, as text to follow the url.
    pub fn parse(text: &str) -> Result<Url, &'static str> {
        let blank = |c: char| c != UNKNOWN && (c.is_whitespace() || c.is_control());
        if text.contains(blank) {
            return Err("has a blank or a control character, which libcurl refuses");
        }
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(scheme), rest),
            None => (None, text),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host_and_port = authority.rsplit('@').next().unwrap_or_default();
        let (host, port) = match host_and_port.strip_prefix('[') {
            Some(rest) => match rest.split_once(']') {
                Some((host, rest)) => (host, rest.strip_prefix(':')),
                None => return Err("has no end of its IPv6 address"),
            },
            None => match host_and_port.rsplit_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (host_and_port, None),
            },
        };
        if host.is_empty() {
            return Err("has no host");
        }
        let scheme = match scheme {
            Some(scheme) => known(scheme).map(str::to_ascii_lowercase),
            None if text.starts_with(UNKNOWN) => None,
            None => Some(guess(host).to_owned()),
        };
        let port = match port.filter(|port| !port.is_empty()) {
            Some(port) if port.contains(UNKNOWN) => None,
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => match port.parse() {
                Ok(port) => Some(port),
                Err(_) => return Err("has a port beyond 65535"),
            },
            Some(_) => return Err("has a port that is no number"),
            // The variable may have a port in it.
            None if host.ends_with(UNKNOWN) => None,
            None => scheme.as_deref().map(|scheme| match scheme {
                "https" => 443,
                _ => 80,
            }),
        };
        let host = known(host).map(str::to_owned);
        Ok(Url { scheme, host, port })
    }
}

fn known(part: &str) -> Option<&str> {
    (!part.contains(UNKNOWN)).then_some(part)
}

fn guess(host: &str) -> &'static str {
    let host = host.to_ascii_lowercase();
    let found = GUESSED.iter().find(|scheme| {
        let rest = host.strip_prefix(**scheme);
        rest.is_some_and(|rest| rest.starts_with('.'))
    });
    found.unwrap_or(&"http")
}

/// The text without quotes that stand around it, which Falco takes off.
pub(super) fn unquoted(text: &str) -> &str {
    let inner = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_as_libcurl_reads_them() {
        for (text, scheme, host, port) in [
            ("http://a:2801/", Some("http"), Some("a"), Some(2801)),
            ("HTTPS://a", Some("https"), Some("a"), Some(443)),
            ("http://u:p@a:1/b@c:2", Some("http"), Some("a"), Some(1)),
            ("http://[::1]:2801/x", Some("http"), Some("::1"), Some(2801)),
            ("https://[::1]?a:b", Some("https"), Some("::1"), Some(443)),
            (
                "localhost:2801",
                Some("http"),
                Some("localhost"),
                Some(2801),
            ),
            ("a", Some("http"), Some("a"), Some(80)),
            ("http://a:/", Some("http"), Some("a"), Some(80)),
            ("ftp.example/x", Some("ftp"), Some("ftp.example"), Some(80)),
            ("\u{1}", None, None, None),
            ("http://\u{1}", Some("http"), None, None),
            ("http://\u{1}:2801/x", Some("http"), None, Some(2801)),
            ("\u{1}:2801", None, None, Some(2801)),
            ("https://a:\u{1}/", Some("https"), Some("a"), None),
            ("\u{1}://a/", None, Some("a"), None),
            ("http://a/\u{1}", Some("http"), Some("a"), Some(80)),
        ] {
            let url = Url {
                scheme: scheme.map(str::to_owned),
                host: host.map(str::to_owned),
                port,
            };
            assert_eq!(Url::parse(text), Ok(url), "{text}");
        }
    }

    #[test]
    fn what_libcurl_refuses_is_no_url() {
        for (text, part) in [
            ("", "no host"),
            ("http://", "no host"),
            ("http:///x", "no host"),
            ("http://a b/", "blank"),
            ("http://a:80000", "beyond"),
            ("http://a:b", "no number"),
            ("http://[::1:80", "no end"),
        ] {
            let problem = Url::parse(text).unwrap_err();
            assert!(problem.contains(part), "{text}: {problem}");
        }
    }

    #[test]
    fn one_pair_of_quotes_is_taken_off() {
        for (text, expected) in [("\"a\"", "a"), ("'a'", "a"), ("a", "a"), ("\"a", "\"a")] {
            assert_eq!(unquoted(text), expected);
        }
    }
}
