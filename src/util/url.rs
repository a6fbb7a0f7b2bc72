//! Addresses as they may be shown, and their parts encoded.

use std::fmt::Write as _;

/// An address without user, password and query: logs and reports are shown to others.
pub(crate) fn without_secrets(url: &str) -> String {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), url),
    };
    let (address, rest) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    let query = if rest.contains('?') { "?…" } else { "" };
    let end = address.find('/').unwrap_or(address.len());
    let (authority, path) = address.split_at(end);
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}{host}{path}{query}")
}

/// Encodes what has a meaning in a URI's path, or none at all.
pub(crate) fn percent(bytes: &[u8]) -> String {
    let mut encoded = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"/-._~:[]".contains(&byte) {
            encoded.push(byte.into());
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// The query of an address with these options, as far as they are given.
pub(crate) fn query(options: &[(&str, Option<String>)]) -> String {
    let options = options.iter().filter_map(|(name, value)| {
        let value = percent(value.as_ref()?.as_bytes());
        Some(format!("{name}={value}"))
    });
    let options = options.collect::<Vec<_>>().join("&");
    match options.is_empty() {
        true => options,
        false => format!("?{options}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_password_and_query_are_left_out() {
        for (url, shown) in [
            ("http://user:hush@proxy:3128/a@b", "http://proxy:3128/a@b"),
            ("https://a@b:hush@host?token=hush", "https://host?…"),
            ("https://host/path?a=b@c", "https://host/path?…"),
            ("https://host/path#hush", "https://host/path"),
            ("http://proxy:3128", "http://proxy:3128"),
            ("user:hush@proxy:3128", "proxy:3128"),
            ("", ""),
        ] {
            assert_eq!(without_secrets(url), shown);
        }
    }

    #[test]
    fn a_query_has_what_is_given() {
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(query(&[("a", None)]), "");
        assert_eq!(
            query(&[("a", text("x&y")), ("b", None), ("c", text("é/1"))]),
            "?a=x%26y&c=%C3%A9/1"
        );
    }
}
