//! Probes the files of mutual TLS, before anything is sent.

use std::os::unix::fs::MetadataExt;

use openssl::error::ErrorStack;
use openssl::stack::Stack;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::{X509StoreContext, X509};

use super::certificate::{Certificate, Validity};
use super::{Finding, Step};
use crate::error::{Error, Problem, Result};
use crate::tls::{Pem, Tls};

/// Whether they can be used now, and the key is readable by its owner alone.
pub(crate) fn probe(
    tls: &Tls,
    loaded: Result<Pem>,
    findings: &mut Vec<Finding>,
) -> Result<Pem, Finding> {
    let failed = |problem: Problem| Finding::failed(Step::Certificates, problem);
    let pem = loaded.map_err(|error| failed(Problem::from(&error)))?;
    let [ca_name, cert_name, _] = tls.names();
    let mut warnings = Vec::new();
    let mut warn = |text: String, remedy: String| {
        warnings.push(Finding::warning(Step::Certificates, (text, remedy)));
    };

    let ours = read(&pem.cert).map_err(|error| failed(Problem::from(&error)))?;
    for certificate in &ours {
        let subject = &certificate.subject;
        match certificate.validity() {
            Validity::Invalid(why) => {
                let problem = format!("{cert_name}: {subject} {why}");
                let remedy = "make a new one, signed by Falco's ca.crt";
                return Err(failed((problem, remedy).into()));
            }
            Validity::EndsSoon(when) => warn(
                format!("{cert_name}: {subject} {when}"),
                "make a new one until then".into(),
            ),
            Validity::Valid => {}
        }
    }

    let authorities = read(&pem.ca).map_err(|error| failed(Problem::from(&error)))?;
    let mut usable = 0;
    let mut unusable = None;
    for authority in &authorities {
        let subject = &authority.subject;
        match authority.validity() {
            Validity::Invalid(why) => unusable = Some(format!("{ca_name}: {subject} {why}")),
            Validity::EndsSoon(when) => {
                usable += 1;
                let remedy = "until then make a new one, and new certificates for both sides";
                warn(format!("{ca_name}: {subject} {when}"), remedy.into());
            }
            Validity::Valid => usable += 1,
        }
    }
    match (unusable, usable) {
        (Some(text), 0) => {
            let remedy = "make a new one, and new certificates for both sides";
            return Err(failed((text, remedy).into()));
        }
        (Some(text), _) => warn(text, "remove it; others in the file are valid".into()),
        (None, _) => {}
    }

    if let Some((path, mode)) = tls.key_file().and_then(|path| {
        let mode = std::fs::metadata(path).ok()?.mode() & 0o777;
        (mode & 0o077 != 0).then_some((path, mode))
    }) {
        let path = path.display();
        let text =
            format!("private key {path}: its mode {mode:04o} lets others than its owner read it");
        warn(text, format!("chmod 600 {path}"));
    }
    findings.push(Finding::ok(
        Step::Certificates,
        summary(&ours, &authorities),
    ));
    findings.append(&mut warnings);
    Ok(pem)
}

fn summary(ours: &[Certificate], authorities: &[Certificate]) -> String {
    let Some(first) = ours.first() else {
        return "none".to_owned();
    };
    let authorities: Vec<_> = authorities.iter().map(|it| it.subject.as_str()).collect();
    let shown = match authorities.len() {
        0 => "no client certificate is required".to_owned(),
        1..=4 => format!("CA: {}", authorities.join("; ")),
        count => format!("CA: {count} certificates"),
    };
    format!(
        "our certificate is {}, signed by {}, valid until {}, and matches its key ({shown})",
        first.subject,
        first.issuer,
        first.until()
    )
}

/// Whether our CA signed our certificate.
pub(super) fn is_signed_by_our_ca(pem: &Pem) -> std::result::Result<bool, ErrorStack> {
    let mut store = X509StoreBuilder::new()?;
    for authority in X509::stack_from_pem(&pem.ca)? {
        store.add_cert(authority)?;
    }
    let mut chain = Stack::new()?;
    let mut ours = X509::stack_from_pem(&pem.cert)?.into_iter();
    let Some(leaf) = ours.next() else {
        return Ok(false);
    };
    for intermediate in ours {
        chain.push(intermediate)?;
    }
    X509StoreContext::new()?.init(&store.build(), &leaf, &chain, |it| it.verify_cert())
}

pub(super) fn read(pem: &[u8]) -> Result<Vec<Certificate>> {
    let stack = X509::stack_from_pem(pem).map_err(|error| {
        let problem = ("cannot be read", "get it again, complete");
        Error::tls("certificate", problem, Some(error.into()))
    })?;
    Ok(stack.iter().map(|x509| Certificate::of(x509)).collect())
}
