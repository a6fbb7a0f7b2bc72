use super::certificates::{self, Certificates};
use super::*;

use std::error::Error as _;

/// What the error is about, and its problem with the remedy.
fn refused(tls: Tls) -> (String, String) {
    match tls.load() {
        Err(Error::Tls {
            what,
            problem,
            remedy,
            ..
        }) => (what, format!("{problem}; {}", remedy.unwrap())),
        other => panic!("{tls:?} gave {other:?}"),
    }
}

fn files([ca, cert, key]: [PathBuf; 3]) -> Tls {
    Tls::from_files(ca, cert, key)
}

#[test]
fn each_unusable_file_names_its_remedy() {
    let certificates = Certificates::new();
    let path = |name: &str| certificates.path(name);
    let folder = certificates.folder().to_owned();
    let empty = certificates.write("empty", "");
    let text = certificates.write("text", "hello\n");
    let nul = certificates.write("nul", [certificates.ca.crt(), vec![0]].concat());
    let cut = |name, pem: Vec<u8>| certificates.write(name, &pem[..pem.len() / 2]);
    let (cut_crt, cut_key) = (
        cut("cut.crt", certificates.ca.crt()),
        cut("cut.key", certificates.ca.pkcs8()),
    );
    let second = [certificates.ca.crt(), std::fs::read(&cut_crt).unwrap()].concat();
    let cut_second = certificates.write("second.crt", second);
    let encrypted = certificates.write("encrypted", certificates.client.encrypted_pkcs8());
    let proc_type = certificates.write("proc_type", certificates.client.encrypted_traditional());
    let [ca, crt, key] = certificates.client_files();
    let decrypt = format!("openssl pkey -in {0} -out {0}.plain", encrypted.display());
    let decrypt_2 = format!("openssl pkey -in {0} -out {0}.plain", proc_type.display());

    // Whatever is wrong with a file of each kind.
    for (bad, says, remedy) in [
        (
            path("none"),
            "does not exist",
            "give the path of a PEM file",
        ),
        (
            ca.join("none"),
            "cannot be read: ",
            "give the path of a PEM file",
        ),
        (
            folder,
            "is a directory",
            "give the path of a PEM file in it",
        ),
        (empty, "is empty", "in PEM form"),
        (
            text,
            "is not PEM text",
            "-inform DER -in FILE -out FILE.pem",
        ),
        (nul, "no NUL", "-inform DER"),
        (
            PathBuf::from("/dev/zero"),
            "more than 16 MiB",
            "give a PEM file",
        ),
    ] {
        for (name, files) in [
            ("CA certificate", [bad.clone(), crt.clone(), key.clone()]),
            ("certificate", [ca.clone(), bad.clone(), key.clone()]),
            ("private key", [ca.clone(), crt.clone(), bad.clone()]),
        ] {
            let (what, problem) = refused(self::files(files));
            assert_eq!(what, format!("{name} {}", bad.display()));
            assert!(
                problem.contains(says) && problem.contains(remedy),
                "{what}: {problem}"
            );
        }
    }

    for (files, culprit, says, remedy) in [
        (
            [&key, &crt, &key],
            &key,
            "holds a PRIVATE KEY instead of a CA certificate",
            "order CA",
        ),
        (
            [&ca, &key, &key],
            &key,
            "holds a PRIVATE KEY instead of a certificate",
            "order CA",
        ),
        (
            [&ca, &crt, &crt],
            &crt,
            "holds a CERTIFICATE instead of a private key",
            "order CA",
        ),
        (
            [&cut_crt, &crt, &key],
            &cut_crt,
            "certificate that cannot be read",
            "complete",
        ),
        (
            [&cut_second, &crt, &key],
            &cut_second,
            "certificate that cannot be read",
            "complete",
        ),
        (
            [&ca, &cut_crt, &key],
            &cut_crt,
            "certificate that cannot be read",
            "complete",
        ),
        (
            [&ca, &crt, &cut_key],
            &cut_key,
            "PRIVATE KEY that cannot be read",
            "PKCS#8, PKCS#1",
        ),
        (
            [&ca, &crt, &encrypted],
            &encrypted,
            "is encrypted",
            &decrypt,
        ),
        (
            [&ca, &crt, &proc_type],
            &proc_type,
            "is encrypted",
            &decrypt_2,
        ),
    ] {
        let (what, problem) = refused(self::files(files.map(PathBuf::clone)));
        assert!(
            what.ends_with(&culprit.display().to_string()),
            "{what}: {problem}"
        );
        assert!(
            problem.contains(says) && problem.contains(remedy),
            "{what}: {problem}"
        );
    }
}

#[test]
fn a_key_has_to_match_its_certificate() {
    let certificates = Certificates::new();
    let crt = certificates.path("client.crt");
    for (name, key) in [
        ("the server's", certificates.server.pkcs8()),
        (
            "an RSA key",
            certificates::rsa().private_key_to_pem_pkcs8().unwrap(),
        ),
    ] {
        let key = certificates.write("other.key", key);
        let (what, problem) = refused(Tls::from_files(certificates.path("ca.crt"), &crt, &key));
        assert_eq!(what, format!("private key {}", key.display()), "{name}");
        let expected = format!(
            "does not match the certificate {}; give the key",
            crt.display()
        );
        assert!(problem.contains(&expected), "{name}: {problem}");
    }
}

#[test]
fn a_key_too_short_for_tls_is_seen() {
    let key = openssl::rsa::Rsa::generate(512).unwrap();
    let key = openssl::pkey::PKey::from_rsa(key).unwrap();
    let weak = certificates::Issued::root("Root CA", key);
    let (what, problem) = refused(Tls::from_pem(weak.crt(), weak.crt(), weak.pkcs8()));
    assert_eq!(what, "certificate from memory");
    assert!(
        problem.contains("make another, with a longer key"),
        "{problem}"
    );
}

#[test]
fn texts_from_memory_are_named_and_the_cause_is_kept() {
    let certificates = Certificates::new();
    let garbled = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let tls = Tls::from_pem(
        garbled,
        certificates.client.crt(),
        certificates.client.pkcs8(),
    );
    let error = tls.load().unwrap_err();
    assert!(error
        .to_string()
        .starts_with("CA certificate from memory: holds a certificate"));
    assert!(error.source().is_some());
}

#[test]
fn what_a_file_says_does_not_reach_a_terminal() {
    let evil = "-----BEGIN \x1b[2J-----\n-----BEGIN NOTHING-----\n";
    let (_, problem) = refused(Tls::from_pem(evil, evil, evil));
    assert!(
        problem.contains("holds a NOTHING") && !problem.contains('\x1b'),
        "{problem}"
    );
}

#[test]
fn debug_shows_paths_but_no_key() {
    let certificates = Certificates::new();
    let key = String::from_utf8(certificates.client.pkcs8()).unwrap();
    let secret = key.lines().nth(1).unwrap();
    let memory = Tls::from_pem(
        certificates.ca.crt(),
        certificates.client.crt(),
        key.clone(),
    );
    let bytes = format!("{:?}", key.as_bytes());
    let config = crate::Config::new("localhost:1").tls(memory.clone());
    for shown in [
        format!("{memory:#?}"),
        format!("{:?}", memory.load().unwrap()),
        format!("{config:?}"),
        format!("{:?}", config.check().unwrap()),
    ] {
        assert!(
            !shown.contains(secret) && !shown.contains(&bytes[1..20]),
            "{shown}"
        );
    }
    let paths = format!("{:?}", files(certificates.client_files()));
    assert!(
        paths.contains("client.key") && !paths.contains(secret),
        "{paths}"
    );
}
