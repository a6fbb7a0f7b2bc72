//! Findings: the result of probing one step between Falco and the reader.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::error::{Error, Problem};
use crate::util::text::one_line;

/// A step between Falco and the reader of its alerts, in order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum Step {
    /// The settings in Falco's `falco.yaml`.
    FalcoYaml,
    /// The endpoint, as it is configured.
    Endpoint,
    /// The other options of the [`Config`](crate::Config).
    Config,
    /// The lookup of the host name.
    Name,
    /// The socket file.
    Socket,
    /// The TCP connection.
    Tcp,
    /// The files of TLS: CA, certificate and key, before anything is sent.
    Certificates,
    /// The TLS handshake, and whether the server accepts our certificate.
    Tls,
    /// The agreement on HTTP/2 in the TLS handshake.
    Alpn,
    /// The login to a log, such as Redis.
    Login,
    /// The log that has the alerts, such as a stream of Redis or a topic of Kafka.
    Log,
    /// The version that Falco reports.
    Version,
    /// The output that provides alerts: a service of Falco, or a file.
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
        Step::Login,
        Step::Log,
        Step::Version,
        Step::Outputs,
        Step::FirstAlert,
    ];

    /// Its name in a report, such as `falco.yaml` or `first alert`.
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
            Step::Login => "login",
            Step::Log => "log",
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

/// The result of a step.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Outcome {
    /// It works.
    Ok,
    /// Alerts can arrive, but something needs attention.
    Warning,
    /// No alert can arrive.
    Failed,
}

/// What was found at a step.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The step.
    pub step: Step,
    /// Its result.
    pub outcome: Outcome,
    /// What was found, in one line without control characters. It may quote a server or a file.
    pub found: String,
    /// What to do about it, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    pub(crate) fn ok(step: Step, found: impl Into<String>) -> Finding {
        Finding {
            step,
            outcome: Outcome::Ok,
            found: whole_line(&found.into()),
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
            found: whole_line(&problem.text),
            remedy: problem.remedy.as_deref().map(whole_line),
        }
    }

    /// What was found and the remedy, for an error.
    pub(crate) fn into_problem(self) -> Problem {
        Problem {
            text: self.found.into(),
            remedy: self.remedy.map(Into::into),
        }
    }

    /// Puts this finding in place of the problem of `error`, where it can be its cause.
    pub(crate) fn explain(self, error: Error) -> Error {
        match error {
            Error::Unavailable {
                endpoint, source, ..
            } => Error::unavailable(endpoint, self.into_problem(), source),
            // The server was reached, and presented a certificate that our CA did not sign.
            Error::Untrusted {
                endpoint, source, ..
            } if matches!(self.step, Step::Certificates | Step::Tls) => {
                Error::untrusted(endpoint, self.into_problem(), source)
            }
            other => other,
        }
    }
}

fn whole_line(text: &str) -> String {
    one_line(format_args!("{text}"), usize::MAX)
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
