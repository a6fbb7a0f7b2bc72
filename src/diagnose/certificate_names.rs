//! The names in a certificate, and whether one of them matches, by the rules of gRPC's C-core and of
//! libcurl.

use std::net::IpAddr;

/// The names in a certificate.
#[derive(Debug, Default)]
pub(crate) struct CertificateNames {
    pub common: Option<String>,
    pub dns: Vec<String>,
    pub addresses: Vec<IpAddr>,
    /// Other alternative names, such as URIs: with any of them the common name does not count.
    pub others: usize,
}

impl CertificateNames {
    pub fn include(&self, wanted: &str) -> bool {
        // A zone names an interface of this machine only.
        let address = wanted.split('%').next().unwrap_or(wanted);
        if let Ok(address) = address.parse::<IpAddr>() {
            return self.addresses.contains(&address);
        }
        match (&self.common, self.has_alternatives()) {
            (_, true) => self.dns.iter().any(|entry| matches(entry, wanted)),
            (Some(common), false) => matches(common, wanted),
            (None, false) => false,
        }
    }

    /// By the rules of libcurl: the common name counts where no other is a host's, also for addresses.
    #[cfg(feature = "falco-yaml")]
    pub fn include_for_curl(&self, wanted: &str) -> bool {
        let address = wanted.split('%').next().unwrap_or(wanted);
        let address = address.parse::<IpAddr>();
        let (has_names, matched) = match &address {
            Ok(address) => (false, self.addresses.contains(address)),
            Err(_) => (true, self.dns.iter().any(|entry| matches(entry, wanted))),
        };
        if matched || !self.dns.is_empty() || !self.addresses.is_empty() {
            return matched;
        }
        let common = self.common.as_deref();
        common.is_some_and(|common| match has_names {
            true => matches(common, wanted),
            false => common.eq_ignore_ascii_case(wanted),
        })
    }

    fn has_alternatives(&self) -> bool {
        !self.dns.is_empty() || !self.addresses.is_empty() || self.others > 0
    }

    /// The names that count; where there are many, a few of them.
    pub fn shown(&self) -> String {
        const SHOWN: usize = 8;
        if !self.has_alternatives() {
            return self.common.as_deref().map_or("no name".into(), excerpt);
        }
        let addresses = self.addresses.iter().map(IpAddr::to_string);
        let mut names: Vec<_> = self
            .dns
            .iter()
            .map(|name| excerpt(name))
            .chain(addresses)
            .collect();
        let more = names.len().saturating_sub(SHOWN);
        names.truncate(SHOWN);
        match (names.join(", "), more) {
            (names, _) if names.is_empty() => "no host name".into(),
            (names, 0) => names,
            (names, more) => format!("{names} and {more} more"),
        }
    }

    /// One of the names, to configure as `server_name`.
    pub fn one(&self) -> Option<String> {
        let address = self.addresses.first().map(IpAddr::to_string);
        let name = match self.has_alternatives() {
            true => self.dns.first().cloned().or(address),
            false => self.common.clone(),
        }?;
        crate::endpoint::is_name(&name).then_some(name)
    }
}

fn matches(entry: &str, wanted: &str) -> bool {
    let entry = entry.strip_suffix('.').unwrap_or(entry);
    let wanted = wanted.strip_suffix('.').unwrap_or(wanted);
    if entry.is_empty() || entry.eq_ignore_ascii_case(wanted) {
        return !entry.is_empty();
    }
    // A wildcard stands for one label, and not for all names of a top-level domain.
    match (entry.strip_prefix("*."), wanted.split_once('.')) {
        (Some(entry), Some((_, domain))) => {
            domain.contains('.') && domain.eq_ignore_ascii_case(entry)
        }
        _ => false,
    }
}

/// An excerpt of text from the peer, to be part of one line.
pub(crate) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 100;
    let mut shown = String::new();
    for (at, char) in text.chars().enumerate() {
        if at == LONGEST {
            shown.push('…');
            break;
        }
        match char {
            // In a line of text, what follows a semicolon is a remedy, which is ours to give.
            ';' => shown.push(','),
            _ if char.is_control() => shown.extend(char.escape_default()),
            _ => shown.push(char),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_as_c_core_matches_them() {
        for (entry, wanted, expected) in [
            ("localhost", "LOCALHOST", true),
            ("a.example.", "a.example", true),
            ("a.example", "a.example.", true),
            ("a.example", "b.example", false),
            ("*.b.example", "a.b.example", true),
            ("*.b.example", "a.a.b.example", false),
            ("*.b.example", "b.example", false),
            ("*.example", "b.example", false),
            ("*", "localhost", false),
            ("", "", false),
        ] {
            assert_eq!(matches(entry, wanted), expected, "{entry} {wanted}");
        }
    }

    #[test]
    fn the_common_name_counts_where_there_is_no_other() {
        let mut names = CertificateNames {
            common: Some("localhost".into()),
            ..CertificateNames::default()
        };
        assert!(names.include("localhost") && names.shown() == "localhost");
        names.others = 1;
        assert!(!names.include("localhost") && names.shown() == "no host name");
        names.addresses.push("::1".parse().unwrap());
        assert!(names.include("::1") && names.include("::1%lo") && !names.include("localhost"));
        assert_eq!(names.one(), None);
    }

    #[cfg(feature = "falco-yaml")]
    #[test]
    fn names_match_as_libcurl_matches_them() {
        let mut names = CertificateNames {
            common: Some("192.0.2.1".into()),
            others: 1,
            ..CertificateNames::default()
        };
        assert!(names.include_for_curl("192.0.2.1") && !names.include_for_curl("192.0.2.2"));
        names.dns.push("*.b.example".into());
        assert!(names.include_for_curl("a.b.example") && !names.include_for_curl("b.example"));
        assert!(!names.include_for_curl("192.0.2.1"));
        names.addresses.push("::1".parse().unwrap());
        assert!(names.include_for_curl("::1") && names.include_for_curl("::1%lo"));
    }

    #[test]
    fn hostile_names_stay_in_one_short_line() {
        let names = CertificateNames {
            dns: vec!["\n\x1b[2J".repeat(1000); 1000],
            ..CertificateNames::default()
        };
        let shown = names.shown();
        assert!(shown.len() < 10_000 && !shown.contains(char::is_control));
        assert!(shown.ends_with("and 992 more"), "{shown}");
        assert_eq!(names.one(), None);
    }
}
