//! Certificates for one run: a CA, and one each for the server and the client.

use std::fs;
use std::path::Path;

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{BasicConstraints, KeyUsage, SubjectAlternativeName};
use openssl::x509::{X509Name, X509};

/// `ca.crt`, `server.crt`, `server.key`, `client.crt` and `client.key`.
pub fn write(folder: &Path) {
    let ca_key = key();
    let ca = certificate("CA", 1, &ca_key, None);
    fs::write(folder.join("ca.crt"), ca.to_pem().unwrap()).unwrap();
    for (serial, name) in [(2, "server"), (3, "client")] {
        let key = key();
        let certificate = certificate("localhost", serial, &key, Some((&ca, &ca_key)));
        let file = |kind: &str| folder.join(format!("{name}.{kind}"));
        fs::write(file("crt"), certificate.to_pem().unwrap()).unwrap();
        fs::write(file("key"), key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    }
}

fn key() -> PKey<Private> {
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&curve).unwrap()).unwrap()
}

fn certificate(
    name: &str,
    serial: u32,
    key: &PKey<Private>,
    issuer: Option<(&X509, &PKey<Private>)>,
) -> X509 {
    let mut subject = X509Name::builder().unwrap();
    subject.append_entry_by_nid(Nid::COMMONNAME, name).unwrap();
    let subject = subject.build();
    let mut made = X509::builder().unwrap();
    made.set_version(2).unwrap();
    let serial = BigNum::from_u32(serial).unwrap().to_asn1_integer().unwrap();
    made.set_serial_number(&serial).unwrap();
    made.set_subject_name(&subject).unwrap();
    let (issuer_name, issuer_key) = match issuer {
        Some((issuer, key)) => (issuer.subject_name(), key),
        None => (&*subject, key),
    };
    made.set_issuer_name(issuer_name).unwrap();
    made.set_pubkey(key).unwrap();
    made.set_not_before(&Asn1Time::days_from_now(0).unwrap())
        .unwrap();
    made.set_not_after(&Asn1Time::days_from_now(2).unwrap())
        .unwrap();
    if issuer.is_none() {
        let is_ca = BasicConstraints::new().critical().ca().build().unwrap();
        made.append_extension(is_ca).unwrap();
        let signs = KeyUsage::new().critical().key_cert_sign().build().unwrap();
        made.append_extension(signs).unwrap();
    } else {
        let names = SubjectAlternativeName::new()
            .dns("localhost")
            .build(&made.x509v3_context(issuer.map(|(issuer, _)| &**issuer), None))
            .unwrap();
        made.append_extension(names).unwrap();
    }
    made.sign(issuer_key, MessageDigest::sha256()).unwrap();
    made.build()
}
