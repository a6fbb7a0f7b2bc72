//! Addresses as they may be shown.

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
}
