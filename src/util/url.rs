//! Addresses as they may be shown.

use std::borrow::Cow;

/// An address without the user and password that may stand before its host.
pub(crate) fn without_user(url: &str) -> Cow<'_, str> {
    let start = url.find("://").map_or(0, |at| at + 3);
    let (scheme, rest) = url.split_at(start);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    match authority.rsplit_once('@') {
        Some((_, host)) => Cow::Owned(format!("{scheme}{host}{path}")),
        None => Cow::Borrowed(url),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_user_is_taken_out() {
        for (url, shown) in [
            ("http://user:secret@proxy:3128/a@b", "http://proxy:3128/a@b"),
            ("https://a@b:c@host?q", "https://host?q"),
            ("http://proxy:3128", "http://proxy:3128"),
            ("user:secret@proxy:3128", "proxy:3128"),
            ("http://host/path?mail=a@b", "http://host/path?mail=a@b"),
            ("", ""),
        ] {
            assert_eq!(without_user(url), shown);
        }
    }
}
