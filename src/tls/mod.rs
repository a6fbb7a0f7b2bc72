//! The PEM files of TLS, read and checked before anything is sent.

mod acceptor;

use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use native_tls::{Certificate, Identity, TlsAcceptor};
use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;

use crate::error::{Cause, Error, Problem, Result};

pub(crate) use acceptor::ReloadingAcceptor;

/// The certificates and the private key of TLS. Falco requires mutual TLS on TCP.
///
/// [`Client::new`](crate::Client::new) and the start of a server read and check them, without a
/// connection. Those that cannot work are an [`Error::Tls`] there: a file that is missing or not PEM, a
/// key that is encrypted or does not match its certificate.
///
/// Falco's documentation keeps the three files of a client as
/// `/etc/falco/certs/{ca.crt,client.crt,client.key}`, its first examples in `/tmp`. The certificates
/// that it describes (X.509 v1, `CN=localhost`, no subjectAltName) work.
///
/// A server, such as the embedded Falco, takes the same type, with its own certificate and key.
#[derive(Clone)]
pub struct Tls {
    /// None where client certificates are not required.
    ca: Option<PemPart>,
    /// This side's certificate and its key. None where it needs none.
    own: Option<(PemPart, PemPart)>,
}

impl Tls {
    /// Mutual TLS with three PEM files.
    ///
    /// `ca` has one or more certificates, one of which must have signed the peer's (of several CAs
    /// with the same name, OpenSSL tries only one); `cert` has this side's certificate, followed by
    /// intermediate ones if there are any; `key` has its private key, unencrypted, as PKCS#8, PKCS#1
    /// or SEC1.
    pub fn from_files(
        ca: impl Into<PathBuf>,
        cert: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Tls {
        Tls {
            ca: Some(PemPart::new(CA, PemSource::File(ca.into()))),
            own: own(PemSource::File(cert.into()), PemSource::File(key.into())),
        }
    }

    /// Mutual TLS with the contents of three PEM files: see [`from_files`](Tls::from_files).
    pub fn from_pem(
        ca: impl Into<Vec<u8>>,
        cert: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Tls {
        Tls {
            ca: Some(PemPart::new(CA, PemSource::Pem(ca.into()))),
            own: own(PemSource::Pem(cert.into()), PemSource::Pem(key.into())),
        }
    }

    /// TLS without client certificates, to listen on `listen+https`: a certificate and its key.
    ///
    /// Falco's `http_output` has no other way to authenticate, so that anybody who reaches the port can
    /// post alerts.
    pub fn server_from_files(cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Tls {
        Tls {
            ca: None,
            own: own(PemSource::File(cert.into()), PemSource::File(key.into())),
        }
    }

    /// TLS without a certificate of this side, for a sink at `https://…` whose CA the system does not
    /// trust: one or more CA certificates, which replace the system's.
    pub fn ca_from_file(ca: impl Into<PathBuf>) -> Tls {
        Tls {
            ca: Some(PemPart::new(CA, PemSource::File(ca.into()))),
            own: None,
        }
    }

    /// Whether it has a CA, which verifies the peer's certificate.
    pub(crate) fn has_ca(&self) -> bool {
        self.ca.is_some()
    }

    /// Whether it has a certificate and a key of this side.
    pub(crate) fn has_certificate(&self) -> bool {
        self.own.is_some()
    }

    /// Reads the parts and checks all that can be checked without a peer.
    pub(crate) fn load(&self) -> Result<Pem> {
        let ca = self.ca.as_ref().map(PemPart::read).transpose()?;
        if let (Some(part), Some(ca)) = (&self.ca, &ca) {
            let read = Certificate::stack_from_pem(ca);
            if read.as_ref().map_or(true, Vec::is_empty) {
                return Err(part.no_certificate(ca, read.err().map(Cause::from)));
            }
        }
        let own = self.own.as_ref().map(|(cert, key)| load_own(cert, key));
        let (cert, key) = own.transpose()?.unwrap_or_default();
        let ca = ca.unwrap_or_default();
        Ok(Pem { ca, cert, key })
    }

    /// The CA, the certificate and the key by name and path, as texts show them. Empty for what there
    /// is none of.
    pub(crate) fn names(&self) -> [String; 3] {
        let name = |part: Option<&PemPart>| part.map(PemPart::to_string).unwrap_or_default();
        let own = self.own.as_ref();
        [
            name(self.ca.as_ref()),
            name(own.map(|(cert, _)| cert)),
            name(own.map(|(_, key)| key)),
        ]
    }

    /// The file of the private key, where it comes from one.
    pub(crate) fn key_file(&self) -> Option<&Path> {
        match &self.own.as_ref()?.1.source {
            PemSource::File(path) => Some(path),
            PemSource::Pem(_) => None,
        }
    }
}

fn own(cert: PemSource, key: PemSource) -> Option<(PemPart, PemPart)> {
    Some((PemPart::new(CERT, cert), PemPart::new(KEY, key)))
}

/// Reads a certificate and its key, and checks that they can be used.
fn load_own(cert_part: &PemPart, key_part: &PemPart) -> Result<(Vec<u8>, Vec<u8>)> {
    let cert = cert_part.read()?;
    let private = key_part.private_key(&key_part.read()?)?;
    // native-tls accepts no other form, C-core any.
    let key = private
        .private_key_to_pem_pkcs8()
        .map_err(|error| key_part.error(("cannot be written as PKCS#8", "make another"), error))?;
    let identity = Identity::from_pkcs8(&cert, &key)
        .map_err(|error| cert_part.no_certificate(&cert, Some(error.into())))?;
    match_key(cert_part, &cert, key_part, &private)?;
    // Checks whether OpenSSL accepts the pair. A connector would too, but also reads all the
    // system's CAs, which takes 0.1 s.
    TlsAcceptor::new(identity).map_err(|error| {
        let problem = format!("cannot be used for TLS: {error}");
        cert_part.error((problem, "make another, with a longer key"), error)
    })?;
    Ok((cert, key))
}

/// Not checked by native-tls: its acceptor accepts any pair; its connector accepts an RSA key with an EC
/// certificate, as OpenSSL keeps one pair per algorithm.
fn match_key(
    cert_part: &PemPart,
    cert: &[u8],
    key_part: &PemPart,
    key: &PKey<Private>,
) -> Result<()> {
    let matches = X509::from_pem(cert)
        .and_then(|cert| cert.public_key())
        .map(|public| public.public_eq(key))
        .map_err(|error| cert_part.no_certificate(cert, Some(error.into())))?;
    if matches {
        return Ok(());
    }
    let problem = format!("does not match the {cert_part}");
    let remedy = "give the key that this certificate was requested with";
    Err(key_part.problem((problem, remedy), None))
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.names();
        let names: Vec<&str> = names
            .iter()
            .map(|name| &**name)
            .filter(|name| !name.is_empty())
            .collect();
        write!(f, "Tls({})", names.join(", "))
    }
}

/// Three PEM texts that have been checked. None contains a NUL, so that C strings can hold them.
#[derive(Clone, PartialEq)]
pub(crate) struct Pem {
    /// Empty where there is none.
    pub ca: Vec<u8>,
    /// Empty where there is none, as is the key.
    pub cert: Vec<u8>,
    /// As PKCS#8, whatever form was given.
    pub key: Vec<u8>,
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pem").finish_non_exhaustive()
    }
}

/// One of the three, displayed by its name and its path, never by its contents.
#[derive(Clone)]
struct PemPart {
    name: &'static str,
    source: PemSource,
}

#[derive(Clone)]
enum PemSource {
    File(PathBuf),
    Pem(Vec<u8>),
}

const CA: &str = "CA certificate";
const CERT: &str = "certificate";
const KEY: &str = "private key";

/// Larger than any real file: all CAs of a system have a quarter of a MiB.
const LARGEST: u64 = 16 << 20;

impl PemPart {
    fn new(name: &'static str, source: PemSource) -> PemPart {
        PemPart { name, source }
    }

    fn read(&self) -> Result<Vec<u8>> {
        let bytes = match &self.source {
            PemSource::Pem(bytes) => bytes.clone(),
            PemSource::File(path) => {
                read(path).map_err(|error| self.error(unreadable(&error), error))?
            }
        };
        if bytes.is_empty() {
            let remedy = format!("give a {} in PEM form", self.name);
            return Err(self.problem(("is empty", remedy), None));
        }
        if bytes.len() as u64 > LARGEST {
            return Err(self.problem(("has more than 16 MiB", "give a PEM file"), None));
        }
        if bytes.contains(&0) || labels(&bytes).next().is_none() {
            let convert = match self.name {
                KEY => "openssl pkey",
                _ => "openssl x509",
            };
            let problem = "is not PEM text, which begins with -----BEGIN and has no NUL";
            let remedy = format!("convert DER with: {convert} -inform DER -in FILE -out FILE.pem");
            return Err(self.problem((problem, remedy), None));
        }
        Ok(bytes)
    }

    fn private_key(&self, pem: &[u8]) -> Result<PKey<Private>> {
        let asked = Cell::new(false);
        let key = PKey::private_key_from_pem_callback(pem, |_| {
            asked.set(true);
            Err(ErrorStack::get())
        });
        key.map_err(|error| {
            let problem = match labels(pem).find(|label| label.ends_with("PRIVATE KEY")) {
                _ if asked.get() => {
                    let path = match &self.source {
                        PemSource::File(path) => path.display().to_string(),
                        PemSource::Pem(_) => "FILE".to_owned(),
                    };
                    let remedy =
                        format!("decrypt it with: openssl pkey -in {path} -out {path}.plain");
                    ("is encrypted", remedy).into()
                }
                Some(label) => {
                    let problem = format!("holds a {label} that cannot be read");
                    (problem, "give it complete, as PKCS#8, PKCS#1 or SEC1").into()
                }
                None => self.wrong_kind(pem),
            };
            self.error(problem, error)
        })
    }

    /// Why no certificate, or not all of them, could be read from `pem`.
    fn no_certificate(&self, pem: &[u8], source: Option<Cause>) -> Error {
        const LABELS: [&str; 3] = ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"];
        let problem = match labels(pem).find(|label| LABELS.contains(label)) {
            Some(_) => Problem::fixed(
                "holds a certificate that cannot be read",
                "get it again, complete",
            ),
            None => self.wrong_kind(pem),
        };
        self.problem(problem, source)
    }

    fn wrong_kind(&self, pem: &[u8]) -> Problem {
        let found = labels(pem).next().unwrap_or("text");
        let problem = format!("holds a {found} instead of a {}", self.name);
        let remedy = "give the right file, and see that the three are in the order CA, \
                      certificate, key";
        (problem, remedy).into()
    }

    fn error(&self, problem: impl Into<Problem>, source: impl Into<Cause>) -> Error {
        self.problem(problem, Some(source.into()))
    }

    fn problem(&self, problem: impl Into<Problem>, source: Option<Cause>) -> Error {
        Error::tls(self, problem, source)
    }
}

impl fmt::Display for PemPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            PemSource::File(path) => write!(f, "{} {}", self.name, path.display()),
            PemSource::Pem(_) => write!(f, "{} from memory", self.name),
        }
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more, so that the caller detects a larger file.
    File::open(path)?
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unreadable(error: &io::Error) -> Problem {
    match error.kind() {
        io::ErrorKind::NotFound => Problem::fixed("does not exist", "give the path of a PEM file"),
        io::ErrorKind::IsADirectory => {
            Problem::fixed("is a directory", "give the path of a PEM file in it")
        }
        io::ErrorKind::PermissionDenied => Problem::fixed(
            "may not be read by this user",
            "allow it, or run as a user who may",
        ),
        _ => {
            let problem = format!("cannot be read: {error}");
            (problem, "give the path of a PEM file").into()
        }
    }
}

/// The kinds of the PEM blocks in `pem`, as in `-----BEGIN EC PRIVATE KEY-----`.
fn labels(pem: &[u8]) -> impl Iterator<Item = &str> {
    pem.split(|byte| *byte == b'\n').filter_map(|line| {
        let label = line
            .trim_ascii_end()
            .strip_prefix(b"-----BEGIN ")?
            .strip_suffix(b"-----")?;
        let legal = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b' ';
        label
            .iter()
            .all(legal)
            .then(|| std::str::from_utf8(label).ok())?
    })
}

#[cfg(test)]
#[path = "../../tests/common/certificates.rs"]
pub(crate) mod certificates;

#[cfg(test)]
mod handshake;
#[cfg(test)]
mod tests;
