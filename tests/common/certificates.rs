//! Certificates for tests: as Falco's documentation makes them, and worse.

// Each test takes what it needs.
#![allow(dead_code)]

use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Private};
use openssl::rsa::Rsa;
use openssl::symm::Cipher;
use openssl::x509::extension::{BasicConstraints, KeyUsage, SubjectAlternativeName};
use openssl::x509::{X509Builder, X509Name, X509NameBuilder, X509};
use tempfile::TempDir;

const ROOT: &str = "Root CA";

/// A folder with `ca.crt`, `ca.key`, `server.crt`, `server.key`, `client.crt` and `client.key`,
/// which is removed when this is dropped.
pub struct Certificates {
    folder: TempDir,
    pub ca: Issued,
    pub server: Issued,
    pub client: Issued,
}

impl Certificates {
    /// As Falco's documentation makes them, X.509 v1 leaves with CN=localhost and no
    /// subjectAltName, but of EC keys, for speed.
    pub fn new() -> Certificates {
        Certificates::of(Issued::root(ROOT, ec()), Issued::leaf)
    }

    /// As [`new`](Certificates::new), of RSA-2048 keys.
    pub fn rsa() -> Certificates {
        Certificates::of(Issued::root(ROOT, rsa()), Issued::leaf)
    }

    /// As [`new`](Certificates::new), of Ed25519 keys.
    pub fn ed25519() -> Certificates {
        Certificates::of(Issued::root(ROOT, ed25519()), Issued::leaf)
    }

    /// As [`new`](Certificates::new), of a CA with this name: else all have the same, as in
    /// Falco's documentation.
    pub fn of_ca(name: &str) -> Certificates {
        Certificates::of(Issued::root(name, ec()), Issued::leaf)
    }

    /// X.509 v3 leaves whose subjectAltName has these DNS names and IP addresses.
    pub fn for_names(names: &[&str]) -> Certificates {
        Certificates::of(Issued::root(ROOT, ec()), |ca| ca.leaf_for(names))
    }

    fn of(ca: Issued, leaf: impl Fn(&Issued) -> Issued) -> Certificates {
        let folder = tempfile::tempdir().unwrap();
        let (server, client) = (leaf(&ca), leaf(&ca));
        for (name, issued) in [("ca", &ca), ("server", &server), ("client", &client)] {
            fs::write(folder.path().join(format!("{name}.crt")), issued.crt()).unwrap();
            fs::write(folder.path().join(format!("{name}.key")), issued.pkcs8()).unwrap();
        }
        Certificates {
            folder,
            ca,
            server,
            client,
        }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The path of a file in the folder, whether it exists or not.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The three paths that a client gives: CA, certificate, key.
    pub fn client_files(&self) -> [PathBuf; 3] {
        ["ca.crt", "client.crt", "client.key"].map(|name| self.path(name))
    }

    /// The three paths that a server gives.
    pub fn server_files(&self) -> [PathBuf; 3] {
        ["ca.crt", "server.crt", "server.key"].map(|name| self.path(name))
    }

    /// Writes one more file into the folder, or another one over it.
    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, contents).unwrap();
        path
    }
}

/// A certificate and its private key.
pub struct Issued {
    pub certificate: X509,
    pub key: PKey<Private>,
}

impl Issued {
    /// A CA of its own.
    pub fn root(common_name: &str, key: PKey<Private>) -> Issued {
        let name = name(common_name);
        let mut builder = builder(&name, &name, &key);
        make_authority(&mut builder);
        sign(builder, &key, key.clone())
    }

    /// A CA that this one vouches for.
    pub fn intermediate(&self) -> Issued {
        self.intermediate_valid(0..=90)
    }

    /// The same, valid from and to so many days from now.
    pub fn intermediate_valid(&self, days: RangeInclusive<i64>) -> Issued {
        let key = self.same_kind_of_key();
        let mut builder = builder(
            &name("Intermediate CA"),
            self.certificate.subject_name(),
            &key,
        );
        make_authority(&mut builder);
        set_validity(&mut builder, days);
        sign(builder, &self.key, key)
    }

    /// X.509 v1, CN=localhost.
    pub fn leaf(&self) -> Issued {
        let key = self.same_kind_of_key();
        let builder = builder(&name("localhost"), self.certificate.subject_name(), &key);
        sign(builder, &self.key, key)
    }

    /// X.509 v3, with these DNS names and IP addresses as subjectAltName.
    pub fn leaf_for(&self, names: &[&str]) -> Issued {
        let key = self.same_kind_of_key();
        let issuer = self.certificate.subject_name();
        let mut builder = builder(&name("localhost"), issuer, &key);
        builder.set_version(2).unwrap();
        let mut alternatives = SubjectAlternativeName::new();
        for name in names {
            match name.parse::<std::net::IpAddr>() {
                Ok(_) => alternatives.ip(name),
                Err(_) => alternatives.dns(name),
            };
        }
        let context = builder.x509v3_context(Some(&self.certificate), None);
        let extension = alternatives.build(&context).unwrap();
        builder.append_extension(extension).unwrap();
        sign(builder, &self.key, key)
    }

    /// As [`leaf`](Issued::leaf), valid from and to so many days from now.
    pub fn leaf_valid(&self, days: RangeInclusive<i64>) -> Issued {
        let key = self.same_kind_of_key();
        let mut builder = builder(&name("localhost"), self.certificate.subject_name(), &key);
        set_validity(&mut builder, days);
        sign(builder, &self.key, key)
    }

    /// As [`root`](Issued::root), valid from and to so many days from now.
    pub fn root_valid(common_name: &str, days: RangeInclusive<i64>) -> Issued {
        let (name, key) = (name(common_name), ec());
        let mut builder = builder(&name, &name, &key);
        make_authority(&mut builder);
        set_validity(&mut builder, days);
        sign(builder, &key, key.clone())
    }

    fn same_kind_of_key(&self) -> PKey<Private> {
        match self.key.id() {
            Id::RSA => rsa(),
            Id::ED25519 => ed25519(),
            _ => ec(),
        }
    }

    /// The certificate as PEM.
    pub fn crt(&self) -> Vec<u8> {
        self.certificate.to_pem().unwrap()
    }

    /// The key as `BEGIN PRIVATE KEY`.
    pub fn pkcs8(&self) -> Vec<u8> {
        self.key.private_key_to_pem_pkcs8().unwrap()
    }

    /// The key as `BEGIN RSA PRIVATE KEY`. Only for RSA.
    pub fn pkcs1(&self) -> Vec<u8> {
        self.key.rsa().unwrap().private_key_to_pem().unwrap()
    }

    /// The key as `BEGIN EC PRIVATE KEY`, after the block that `openssl ecparam -genkey` writes
    /// before it. Only for EC.
    pub fn sec1(&self) -> Vec<u8> {
        const P256: &str =
            "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
        let key = self.key.ec_key().unwrap().private_key_to_pem().unwrap();
        [P256.as_bytes(), &key].concat()
    }

    /// The key as `BEGIN ENCRYPTED PRIVATE KEY`.
    pub fn encrypted_pkcs8(&self) -> Vec<u8> {
        let cipher = Cipher::aes_256_cbc();
        self.key
            .private_key_to_pem_pkcs8_passphrase(cipher, b"secret")
            .unwrap()
    }

    /// The key with `Proc-Type: 4,ENCRYPTED`, as PKCS#1 or SEC1.
    pub fn encrypted_traditional(&self) -> Vec<u8> {
        let cipher = Cipher::aes_256_cbc();
        match self.key.rsa() {
            Ok(key) => key
                .private_key_to_pem_passphrase(cipher, b"secret")
                .unwrap(),
            Err(_) => {
                let key = self.key.ec_key().unwrap();
                key.private_key_to_pem_passphrase(cipher, b"secret")
                    .unwrap()
            }
        }
    }
}

/// A new EC key on P-256.
pub fn ec() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

/// A new Ed25519 key.
pub fn ed25519() -> PKey<Private> {
    PKey::generate_ed25519().unwrap()
}

/// A new RSA key of 2048 bits.
pub fn rsa() -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap()
}

fn name(common_name: &str) -> X509Name {
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("O", "Test").unwrap();
    name.append_entry_by_text("CN", common_name).unwrap();
    name.build()
}

fn builder(
    subject: &X509Name,
    issuer: &openssl::x509::X509NameRef,
    key: &PKey<Private>,
) -> X509Builder {
    let mut serial = BigNum::new().unwrap();
    serial.rand(128, MsbOption::MAYBE_ZERO, false).unwrap();
    let mut builder = X509Builder::new().unwrap();
    builder
        .set_serial_number(&serial.to_asn1_integer().unwrap())
        .unwrap();
    builder.set_subject_name(subject).unwrap();
    builder.set_issuer_name(issuer).unwrap();
    set_validity(&mut builder, 0..=90);
    builder.set_pubkey(key).unwrap();
    builder
}

fn set_validity(builder: &mut X509Builder, days: RangeInclusive<i64>) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let at = |days: i64| Asn1Time::from_unix(now.as_secs() as i64 + days * 24 * 60 * 60).unwrap();
    builder.set_not_before(&at(*days.start())).unwrap();
    builder.set_not_after(&at(*days.end())).unwrap();
}

fn make_authority(builder: &mut X509Builder) {
    builder.set_version(2).unwrap();
    let constraints = BasicConstraints::new().critical().ca().build().unwrap();
    builder.append_extension(constraints).unwrap();
    let usage = KeyUsage::new()
        .critical()
        .key_cert_sign()
        .crl_sign()
        .build()
        .unwrap();
    builder.append_extension(usage).unwrap();
}

fn sign(mut builder: X509Builder, issuer: &PKey<Private>, key: PKey<Private>) -> Issued {
    let digest = match issuer.id() {
        Id::ED25519 => MessageDigest::null(),
        _ => MessageDigest::sha256(),
    };
    builder.sign(issuer, digest).unwrap();
    Issued {
        certificate: builder.build(),
        key,
    }
}
