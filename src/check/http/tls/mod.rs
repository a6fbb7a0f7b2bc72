//! Whether Falco's certificates and ours fit each other: what libcurl, in Falco, and our listener will
//! try.

mod handshake;
mod sender_files;

use std::path::Path;

use openssl::stack::Stack;
use openssl::x509::store::X509Store;
use openssl::x509::{X509StoreContext, X509VerifyResult, X509};

use super::OUTPUT;
use crate::check::falco_yaml::settings::FalcoSettings;
use crate::check::{Finding, Step};
use crate::diagnose::certificate::{Certificate, Validity};
use crate::error::Problem;
use crate::tls::{Pem, Tls};
use handshake::Trial;
use sender_files::{Authorities, ClientCertificate, FileTrouble, SenderFiles};

/// Compares Falco's settings for TLS with our certificate. `host` is that of the url, and
/// `falco_is_here` whether the files of its settings are expected on this machine.
pub(super) fn findings(
    settings: &FalcoSettings,
    ours: &Tls,
    host: &str,
    falco_is_here: bool,
) -> Vec<Finding> {
    // The step of the certificates says why they cannot be loaded.
    let Ok(pem) = ours.load() else {
        return Vec::new();
    };
    let Ok(chain) = X509::stack_from_pem(&pem.cert) else {
        return Vec::new();
    };
    let mut comparison = Comparison {
        settings,
        pem: &pem,
        chain: &chain,
        host,
        falco_is_here,
        findings: Vec::new(),
    };
    let unknown = settings.unknown(&[
        "http_output.insecure",
        "http_output.ca_cert",
        "http_output.ca_bundle",
        "http_output.ca_path",
        "http_output.mtls",
        "http_output.client_cert",
        "http_output.client_key",
    ]);
    let all_known = unknown.is_empty();
    for problem in unknown {
        comparison.warn(problem);
    }
    let files = SenderFiles::new(settings);
    let authorities = comparison.server(&files);
    let client = comparison.client(&files);
    if let (true, Some(authorities), Some(client)) = (all_known, authorities, client) {
        comparison.try_handshake(ours, authorities, client);
    }
    comparison.findings
}

struct Comparison<'a> {
    settings: &'a FalcoSettings,
    pem: &'a Pem,
    chain: &'a [X509],
    host: &'a str,
    falco_is_here: bool,
    findings: Vec<Finding>,
}

/// A side of the handshake that can be tried: with what it has, or nothing.
type Usable<T> = Option<Option<T>>;

impl Comparison<'_> {
    /// Whether Falco will trust our certificate. None where it will not, or where that is unknown.
    fn server(&mut self, files: &SenderFiles) -> Usable<X509Store> {
        if files.insecure? {
            self.warn((
                "http_output.insecure is true, so that Falco sends alerts to whoever answers",
                "set it to false, and http_output.ca_cert to the CA of our certificate",
            ));
            return Some(None);
        }
        let names_fit = self.compare_names();
        let authorities = files.authorities.as_ref()?;
        let store = match authorities.load() {
            Ok(store) => store,
            Err(trouble) => {
                self.trouble(authorities.setting, &authorities.path, trouble);
                return None;
            }
        };
        let verified = verify(&store, self.chain);
        match verified {
            Ok(()) if names_fit => Some(Some(store)),
            Ok(()) => None,
            Err(reason) => {
                self.distrusted(authorities, reason);
                None
            }
        }
    }

    fn compare_names(&mut self) -> bool {
        let Some(leaf) = self.chain.first().map(|leaf| Certificate::of(leaf)) else {
            return false;
        };
        if leaf.names.include_for_curl(self.host) {
            return true;
        }
        let problem = format!(
            "our certificate is for {}, not for {}, the host of http_output.url",
            leaf.names.shown(),
            self.host
        );
        let kind = match self.host.parse::<std::net::IpAddr>() {
            Ok(_) => "IP",
            Err(_) => "DNS",
        };
        let make = format!("make one with the subjectAltName {kind}:{}", self.host);
        let remedy = match leaf.names.one() {
            Some(name) => format!("{make}, or write {name} in http_output.url"),
            None => make,
        };
        self.fail((problem, remedy));
        false
    }

    fn distrusted(&mut self, authorities: &Authorities, reason: X509VerifyResult) {
        let Some(leaf) = self.chain.first().map(|leaf| Certificate::of(leaf)) else {
            return;
        };
        let (setting, path) = (authorities.setting, authorities.path.display());
        if let Validity::Invalid(why) = leaf.validity() {
            let problem = format!(
                "our certificate ({}) {why}, and Falco refuses it",
                leaf.subject
            );
            return self.fail((
                problem,
                "make a new one, and see whether the clocks are right",
            ));
        }
        for authority in &authorities.certificates {
            let authority = Certificate::of(authority);
            if let (true, Validity::Invalid(why)) =
                (authority.subject == leaf.issuer, authority.validity())
            {
                let problem = format!("{setting} {path}: {} {why}", authority.subject);
                return self.fail((problem, "make a new CA, and new certificates of it"));
            }
        }
        let problem = format!(
            "our certificate ({}, signed by {}) is not trusted by {setting} {path}: {}",
            leaf.subject,
            leaf.issuer,
            reason.error_string()
        );
        let remedy = match authorities.is_folder {
            false => {
                format!("set {setting} to the CA that signed it, or give a certificate of that CA")
            }
            true => "set http_output.ca_cert to the CA that signed it; in a folder it counts only \
                     after: openssl rehash FOLDER"
                .to_owned(),
        };
        self.fail((problem, remedy));
    }

    /// Whether our listener will accept Falco's certificate.
    fn client(&mut self, files: &SenderFiles) -> Usable<ClientCertificate> {
        let required = !self.pem.ca.is_empty();
        match (files.mtls?, required) {
            (false, false) => return Some(None),
            (false, true) => {
                self.fail((
                    "http_output.mtls is not true, and the endpoint requires a client certificate",
                    "set mtls, client_cert and client_key, or leave the CA of the endpoint out \
                     (--ca)",
                ));
                return None;
            }
            (true, false) => self.warn((
                "http_output.mtls is true, and the endpoint does not verify Falco's certificate",
                "give the CA that signed it to the endpoint (--ca)",
            )),
            (true, true) => {}
        }
        let client = match files.client() {
            Ok(client) => client?,
            Err((setting, path, trouble)) => {
                self.trouble(setting, &path, trouble);
                return None;
            }
        };
        let leaf = client.chain.first().map(|leaf| Certificate::of(leaf))?;
        let Certificate {
            subject, issuer, ..
        } = &leaf;
        if !client.has_its_key() {
            let problem = format!(
                "http_output.client_key {} does not belong to client_cert {} ({subject})",
                client.key_path.display(),
                client.cert_path.display()
            );
            self.fail((problem, "give the two that were made together"));
            return None;
        }
        if !required {
            return Some(Some(client));
        }
        match leaf.validity() {
            Validity::Valid => {}
            Validity::EndsSoon(when) => {
                let problem = format!("http_output.client_cert ({subject}) {when}");
                self.warn((problem, "make Falco a new one until then"));
            }
            Validity::Invalid(why) => {
                let problem = format!("http_output.client_cert ({subject}) {why}");
                self.fail((problem, "make Falco a new one"));
                return None;
            }
        }
        let accepted = sender_files::store_of_clients(&self.pem.ca)
            .is_ok_and(|store| verify(&store, &client.chain).is_ok());
        if !accepted {
            let problem = format!(
                "http_output.client_cert ({subject}, signed by {issuer}) is not accepted by the CA \
                 of the endpoint"
            );
            let remedy = "make Falco one that this CA signs, for client authentication, or give \
                          the endpoint the CA that signed it";
            self.fail((problem, remedy));
            return None;
        }
        Some(Some(client))
    }

    /// The comparisons cannot foresee all: OpenSSL has the last word.
    fn try_handshake(
        &mut self,
        ours: &Tls,
        authorities: Option<X509Store>,
        client: Option<ClientCertificate>,
    ) {
        let with_client = client.is_some();
        let trial = Trial {
            ours,
            authorities,
            client,
            host: self.host,
        };
        match trial.run() {
            Ok(()) => {
                let mutual = if with_client { " mutual" } else { "" };
                let file = self.settings.file(OUTPUT).display();
                let text = format!(
                    "{file}: a{mutual} TLS handshake succeeds with Falco's settings and our \
                     certificate, for {}",
                    self.host
                );
                self.findings.push(Finding::ok(Step::FalcoYaml, text));
            }
            Err(problem) => {
                let problem = format!("a TLS handshake with Falco's settings fails: {problem}");
                self.fail((problem, "make new certificates for both sides"));
            }
        }
    }

    /// A file of Falco's that cannot be used.
    fn trouble(&mut self, setting: &str, path: &Path, trouble: FileTrouble) {
        let path = path.display();
        match trouble {
            FileTrouble::Missing if self.falco_is_here => self.fail((
                format!("{setting} {path} does not exist"),
                "give the path of a PEM file, readable by Falco",
            )),
            FileTrouble::Missing => self.warn((
                format!("{setting} {path} is not on this machine, and cannot be compared here"),
                "run this check where Falco runs as well",
            )),
            FileTrouble::Unreadable(reason) => self.warn((
                format!("{setting} {path} cannot be read, and not be compared: {reason}"),
                "run as a user who may, and see that Falco's may",
            )),
            FileTrouble::Unusable(what) => self.fail((
                format!("{setting} {path} {what}"),
                "give a PEM file that libcurl can use",
            )),
        }
    }

    fn warn(&mut self, problem: impl Into<Problem>) {
        let problem = self.in_file(problem.into());
        self.findings
            .push(Finding::warning(Step::FalcoYaml, problem));
    }

    fn fail(&mut self, problem: impl Into<Problem>) {
        let problem = self.in_file(problem.into());
        self.findings
            .push(Finding::failed(Step::FalcoYaml, problem));
    }

    fn in_file(&self, problem: Problem) -> Problem {
        let file = self.settings.file(OUTPUT).display().to_string();
        match problem.text.starts_with(&file) {
            true => problem,
            false => problem.of(file),
        }
    }
}

/// Verifies the first certificate of a chain, by the flags and the purpose of the store.
fn verify(store: &X509Store, chain: &[X509]) -> Result<(), X509VerifyResult> {
    let unspecified = X509VerifyResult::APPLICATION_VERIFICATION;
    let Some((leaf, others)) = chain.split_first() else {
        return Err(unspecified);
    };
    let mut untrusted = Stack::new().map_err(|_| unspecified)?;
    for certificate in others {
        untrusted
            .push(certificate.clone())
            .map_err(|_| unspecified)?;
    }
    let mut context = X509StoreContext::new().map_err(|_| unspecified)?;
    let verified = context.init(store, leaf, &untrusted, |context| {
        Ok(match context.verify_cert()? {
            true => Ok(()),
            false => Err(context.error()),
        })
    });
    verified.unwrap_or(Err(unspecified))
}
