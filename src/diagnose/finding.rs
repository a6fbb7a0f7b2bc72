//! What was found at one step of the way that an alert takes.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::error::{Error, Problem};

/// A step of the way that an alert takes, in its order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum Step {
    /// The settings in Falco's `falco.yaml`.
    FalcoYaml,
    /// Where Falco is said to be.
    Endpoint,
    /// The other options of the [`Config`](crate::Config).
    Config,
    /// The look-up of the host's addresses.
    Name,
    /// The socket file.
    Socket,
    /// The TCP connection.
    Tcp,
    /// The CA, the certificate and the key, before anything is sent.
    Certificates,
    /// The TLS handshake, and whether the server takes our certificate.
    Tls,
    /// HTTP/2, agreed on in the handshake.
    Alpn,
    /// The version that Falco tells.
    Version,
    /// The service that gives alerts.
    Outputs,
    /// The first alert.
    FirstAlert,
}

impl Step {
    /// Every step, in order.
    pub const ALL: &[Step] = &[
        Step::FalcoYaml,
        Step::Endpoint,
        Step::Config,
        Step::Name,
        Step::Socket,
        Step::Tcp,
        Step::Certificates,
        Step::Tls,
        Step::Alpn,
        Step::Version,
        Step::Outputs,
        Step::FirstAlert,
    ];

    /// As a report shows it, such as `falco.yaml` or `first alert`.
    pub fn name(self) -> &'static str {
        match self {
            Step::FalcoYaml => "falco.yaml",
            Step::Endpoint => "endpoint",
            Step::Config => "config",
            Step::Name => "name",
            Step::Socket => "socket",
            Step::Tcp => "tcp",
            Step::Certificates => "certificates",
            Step::Tls => "tls",
            Step::Alpn => "alpn",
            Step::Version => "version",
            Step::Outputs => "outputs",
            Step::FirstAlert => "first alert",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// How a step went.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Outcome {
    /// Well.
    Ok,
    /// Alerts can pass, but something asks for attention.
    Warning,
    /// No alert passes here.
    Failed,
}

/// What was found at a step.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// Where.
    pub step: Step,
    /// How it went.
    pub outcome: Outcome,
    /// What was found, in one line without control characters. It may quote what a server or a file
    /// says.
    pub found: String,
    /// What to do about it, where there is something to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    pub(crate) fn ok(step: Step, found: impl Into<String>) -> Finding {
        Finding {
            step,
            outcome: Outcome::Ok,
            found: one_line(&found.into()),
            remedy: None,
        }
    }

    pub(crate) fn warning(step: Step, problem: impl Into<Problem>) -> Finding {
        Finding::new(step, Outcome::Warning, problem.into())
    }

    pub(crate) fn failed(step: Step, problem: impl Into<Problem>) -> Finding {
        Finding::new(step, Outcome::Failed, problem.into())
    }

    fn new(step: Step, outcome: Outcome, problem: Problem) -> Finding {
        Finding {
            step,
            outcome,
            found: one_line(&problem.text),
            remedy: problem.remedy.as_deref().map(one_line),
        }
    }

    /// What was found and the remedy, for an error.
    pub(crate) fn into_problem(self) -> Problem {
        Problem {
            text: self.found.into(),
            remedy: self.remedy.map(Into::into),
        }
    }

    /// `error` with this as its problem, where it can be the reason for it.
    pub(crate) fn explain(self, error: Error) -> Error {
        match error {
            Error::Unavailable {
                endpoint, source, ..
            } => Error::unavailable(endpoint, self.into_problem(), source),
            // It was there, and showed a certificate that our CA did not vouch for.
            Error::Untrusted {
                endpoint, source, ..
            } if matches!(self.step, Step::Certificates | Step::Tls) => {
                Error::untrusted(endpoint, self.into_problem(), source)
            }
            other => other,
        }
    }
}

fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for char in text.chars() {
        match char.is_control() {
            true => line.extend(char.escape_default()),
            false => line.push(char),
        }
    }
    line
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.found)?;
        match &self.remedy {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}
