//! The certificates and the key that Falco's `http_output` gives libcurl.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::x509::store::{X509Lookup, X509Store, X509StoreBuilder};
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{X509PurposeId, X509};

use crate::check::falco_yaml::settings::FalcoSettings;

/// Falco's default for `ca_path`, and that of the libcurl in it.
const SYSTEM: &str = "/etc/ssl/certs";

/// Larger than any real file.
const LARGEST: u64 = 16 << 20;

/// What the settings name. None where Falco's environment decides.
pub(super) struct SenderFiles {
    pub insecure: Option<bool>,
    pub mtls: Option<bool>,
    pub authorities: Option<Authorities>,
    client_cert: Option<PathBuf>,
    client_key: Option<PathBuf>,
}

/// Where Falco has the CAs that it trusts.
pub(super) struct Authorities {
    pub setting: &'static str,
    pub path: PathBuf,
    pub is_folder: bool,
    /// Those of a file, for the report.
    pub certificates: Vec<X509>,
    loaded: Result<(), FileTrouble>,
}

pub(super) struct ClientCertificate {
    pub cert_path: PathBuf,
    pub key_path: PathBuf,
    pub chain: Vec<X509>,
    pub key: PKey<Private>,
}

/// Why a file cannot be used.
#[derive(Clone)]
pub(super) enum FileTrouble {
    Missing,
    /// By this user; Falco may.
    Unreadable(String),
    Unusable(&'static str),
}

impl SenderFiles {
    pub fn new(settings: &FalcoSettings) -> SenderFiles {
        let path = |name: &str, default: &str| {
            let setting = settings.setting(&format!("http_output.{name}"));
            match &setting {
                Some(setting) => Some(PathBuf::from(setting.known()?)),
                None => Some(default.into()),
            }
        };
        SenderFiles {
            insecure: settings.is_on("http_output.insecure", false),
            mtls: settings.is_on("http_output.mtls", false),
            authorities: authorities(path),
            client_cert: path("client_cert", "/etc/ssl/certs/client.crt"),
            client_key: path("client_key", "/etc/ssl/certs/client.key"),
        }
    }

    /// The certificate that Falco presents. None where it is not known.
    ///
    /// # Errors
    ///
    /// The setting of the file that cannot be used, its path, and why.
    #[allow(clippy::type_complexity)]
    pub fn client(
        &self,
    ) -> Result<Option<ClientCertificate>, (&'static str, PathBuf, FileTrouble)> {
        let (Some(cert_path), Some(key_path)) = (&self.client_cert, &self.client_key) else {
            return Ok(None);
        };
        let of_cert = |trouble| ("http_output.client_cert", cert_path.clone(), trouble);
        let of_key = |trouble| ("http_output.client_key", key_path.clone(), trouble);
        let pem = read(cert_path).map_err(of_cert)?;
        let chain = certificates(&pem).map_err(of_cert)?;
        let pem = read(key_path).map_err(of_key)?;
        let key = private_key(&pem).map_err(of_key)?;
        Ok(Some(ClientCertificate {
            cert_path: cert_path.clone(),
            key_path: key_path.clone(),
            chain,
            key,
        }))
    }
}

/// Falco takes the first of the three that is set.
fn authorities(path: impl Fn(&str, &str) -> Option<PathBuf>) -> Option<Authorities> {
    for (name, setting) in [
        ("ca_cert", "http_output.ca_cert"),
        ("ca_bundle", "http_output.ca_bundle"),
    ] {
        let path = path(name, "")?;
        if path.as_os_str().is_empty() {
            continue;
        }
        let read = read(&path).and_then(|pem| certificates(&pem));
        let (certificates, loaded) = match read {
            Ok(certificates) => (certificates, Ok(())),
            Err(trouble) => (Vec::new(), Err(trouble)),
        };
        return Some(Authorities {
            setting,
            path,
            is_folder: false,
            certificates,
            loaded,
        });
    }
    let path = path("ca_path", SYSTEM)?;
    let loaded = match fs::read_dir(&path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            Err(FileTrouble::Unusable("is no folder"))
        }
        Err(error) => Err(trouble(&error)),
    };
    Some(Authorities {
        setting: "http_output.ca_path",
        path,
        is_folder: true,
        certificates: Vec::new(),
        loaded,
    })
}

impl Authorities {
    /// A store as that of libcurl, which also trusts a certificate that is no root.
    pub fn load(&self) -> Result<X509Store, FileTrouble> {
        self.loaded.clone()?;
        self.store()
            .map_err(|_| FileTrouble::Unusable("cannot be used by OpenSSL"))
    }

    fn store(&self) -> Result<X509Store, ErrorStack> {
        let mut store = X509StoreBuilder::new()?;
        for certificate in &self.certificates {
            store.add_cert(certificate.clone())?;
        }
        let folder = if self.is_folder {
            &*self.path
        } else {
            Path::new(SYSTEM)
        };
        if let Some(folder) = folder.to_str() {
            use openssl::ssl::SslFiletype;
            let lookup = store.add_lookup(X509Lookup::hash_dir())?;
            lookup.add_dir(folder, SslFiletype::PEM)?;
        }
        let mut param = X509VerifyParam::new()?;
        param.set_flags(X509VerifyFlags::PARTIAL_CHAIN | X509VerifyFlags::TRUSTED_FIRST)?;
        param.set_purpose(X509PurposeId::SSL_SERVER)?;
        store.set_param(&param)?;
        Ok(store.build())
    }
}

/// A store as that of our listener.
pub(super) fn store_of_clients(ca: &[u8]) -> Result<X509Store, ErrorStack> {
    let mut store = X509StoreBuilder::new()?;
    for certificate in X509::stack_from_pem(ca)? {
        store.add_cert(certificate)?;
    }
    let mut param = X509VerifyParam::new()?;
    param.set_purpose(X509PurposeId::SSL_CLIENT)?;
    store.set_param(&param)?;
    Ok(store.build())
}

impl ClientCertificate {
    pub fn has_its_key(&self) -> bool {
        let leaf = self.chain.first().and_then(|leaf| leaf.public_key().ok());
        leaf.is_some_and(|leaf| leaf.public_eq(&self.key))
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<X509>, FileTrouble> {
    match X509::stack_from_pem(pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(FileTrouble::Unusable("holds no certificate in PEM form")),
        Err(_) => Err(FileTrouble::Unusable(
            "holds a certificate that cannot be read",
        )),
    }
}

fn private_key(pem: &[u8]) -> Result<PKey<Private>, FileTrouble> {
    let mut is_encrypted = false;
    let key = PKey::private_key_from_pem_callback(pem, |_| {
        is_encrypted = true;
        Err(ErrorStack::get())
    });
    key.map_err(|_| match is_encrypted {
        true => FileTrouble::Unusable("is encrypted, and Falco has no setting for its password"),
        false => FileTrouble::Unusable("holds no private key in PEM form"),
    })
}

fn read(path: &Path) -> Result<Vec<u8>, FileTrouble> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
            Err(FileTrouble::Unusable("is a folder"))
        }
        Err(error) => Err(trouble(&error)),
    }
}

fn trouble(error: &io::Error) -> FileTrouble {
    match error.kind() {
        io::ErrorKind::NotFound => FileTrouble::Missing,
        _ => FileTrouble::Unreadable(error.to_string()),
    }
}
