//! The contents of a certificate: subject, issuer, names and validity.

use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::nid::Nid;
use openssl::x509::{X509NameRef, X509Ref};

use super::certificate_names::{excerpt, CertificateNames};

/// A certificate that ends sooner is warned about.
const SOON: i64 = 30 * 24 * 60 * 60;

pub(crate) struct Certificate {
    pub names: CertificateNames,
    /// Such as `O=Example, CN=localhost`.
    pub subject: String,
    pub issuer: String,
    from: i64,
    to: i64,
}

/// Whether a certificate is valid now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Validity {
    Valid,
    /// It is valid, and ends soon.
    EndsSoon(String),
    Invalid(String),
}

impl Certificate {
    pub fn of(x509: &X509Ref) -> Certificate {
        let mut names = CertificateNames {
            common: entries(x509.subject_name(), Some(Nid::COMMONNAME)).pop(),
            ..CertificateNames::default()
        };
        for name in x509.subject_alt_names().into_iter().flatten() {
            match (name.dnsname(), name.ipaddress().and_then(address)) {
                (Some(dns), _) => names.dns.push(dns.to_owned()),
                (None, Some(address)) => names.addresses.push(address),
                (None, None) => names.others += 1,
            }
        }
        Certificate {
            names,
            subject: shown(x509.subject_name()),
            issuer: shown(x509.issuer_name()),
            // OpenSSL takes a date that cannot be read for an invalid one as well.
            from: seconds(x509.not_before()).unwrap_or(i64::MAX),
            to: seconds(x509.not_after()).unwrap_or(i64::MIN),
        }
    }

    pub fn validity(&self) -> Validity {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        self.validity_at(now.map_or(0, |now| now.as_secs() as i64))
    }

    fn validity_at(&self, now: i64) -> Validity {
        match (self.from, self.to) {
            (_, to) if to < now => Validity::Invalid(format!("expired on {}", date(to))),
            (from, _) if from > now => Validity::Invalid(format!(
                "is not valid before {} (the time here is {})",
                date(from),
                date(now)
            )),
            (_, to) if to - now < SOON => Validity::EndsSoon(format!("ends on {}", date(to))),
            _ => Validity::Valid,
        }
    }

    pub fn until(&self) -> String {
        date(self.to)
    }
}

/// In UTC, to the minute.
fn date(seconds: i64) -> String {
    match Timestamp::from_second(seconds) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        Err(_) => "a date that cannot be read".to_owned(),
    }
}

fn seconds(time: &Asn1TimeRef) -> Option<i64> {
    let since = Asn1Time::from_unix(0).ok()?.diff(time).ok()?;
    Some(i64::from(since.days) * 24 * 60 * 60 + i64::from(since.secs))
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    four.or(<[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

fn shown(name: &X509NameRef) -> String {
    match entries(name, None) {
        entries if entries.is_empty() => "nobody".to_owned(),
        entries => entries.join(", "),
    }
}

/// The entries of one kind as they are, or all with their kinds, made fit to be shown.
fn entries(name: &X509NameRef, kind: Option<Nid>) -> Vec<String> {
    const MOST: usize = 8;
    let entries = name.entries().filter_map(|entry| {
        let nid = entry.object().nid();
        let value = String::from_utf8_lossy(entry.data().as_slice());
        match kind {
            Some(kind) => (kind == nid).then(|| value.into_owned()),
            None => Some(format!(
                "{}={}",
                nid.short_name().unwrap_or("?"),
                excerpt(&value)
            )),
        }
    });
    entries.take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::tls::certificates::{ec, Issued};

    #[test]
    fn names_issuer_and_dates_are_read() {
        let ca = Issued::root("Root CA", ec());
        let leaf = Certificate::of(&ca.leaf_for(&["a.example", "::1", "127.0.0.1"]).certificate);
        assert_eq!(leaf.names.dns, ["a.example"]);
        assert!(leaf.names.include("127.0.0.1") && leaf.names.include("::1"));
        assert_eq!(leaf.subject, "O=Test, CN=localhost");
        assert_eq!(leaf.issuer, "O=Test, CN=Root CA");
        assert_eq!(leaf.to - leaf.from, 90 * 24 * 60 * 60);
    }

    #[test]
    fn the_dates_decide() {
        let mut leaf = Certificate::of(&Issued::root("Root CA", ec()).leaf().certificate);
        (leaf.from, leaf.to) = (1_000_000_000, 1_010_000_000);
        let invalid = |text: &str| Validity::Invalid(text.to_owned());
        for (now, validity) in [
            (
                999_999_999,
                invalid("is not valid before 2001-09-09 01:46 UTC (the time here is 2001-09-09 01:46 UTC)"),
            ),
            (1_000_000_000, Validity::Valid),
            (1_009_000_000, Validity::EndsSoon("ends on 2002-01-02 19:33 UTC".into())),
            (1_010_000_001, invalid("expired on 2002-01-02 19:33 UTC")),
        ] {
            assert_eq!(leaf.validity_at(now), validity);
        }
    }
}
