//! Why Redis does not do what it was asked, and what to do about it.

use std::error::Error as _;

use crate::diagnose::{Finding, Step};
use crate::error::{Error, Problem};
use crate::util::text::one_line;

/// How much of a server's text is shown.
const SHOWN: usize = 200;

/// A failed step.
#[derive(Debug)]
pub(crate) struct StreamFailure {
    pub finding: Finding,
    /// Whether it may pass by itself.
    pub passes: bool,
    /// Whether the group or the stream is gone, and can be made again.
    pub is_gone: bool,
    /// The server's word for it, such as `NOPERM`.
    code: String,
}

impl StreamFailure {
    pub(super) fn passing(finding: Finding) -> StreamFailure {
        StreamFailure {
            finding,
            passes: true,
            is_gone: false,
            code: String::new(),
        }
    }

    pub(super) fn lasting(finding: Finding) -> StreamFailure {
        StreamFailure {
            passes: false,
            ..StreamFailure::passing(finding)
        }
    }

    /// No connection, or no answer.
    pub(super) fn lost(problem: impl Into<String>) -> StreamFailure {
        let problem = Problem::alone(problem.into());
        StreamFailure::passing(Finding::failed(Step::Log, problem))
    }

    /// The same, at another step.
    pub(super) fn at(mut self, step: Step) -> StreamFailure {
        self.finding.step = step;
        self
    }

    /// The answer of a server that refuses a command.
    pub(super) fn refused(code: &str, text: Option<&str>) -> StreamFailure {
        let said = match text {
            Some(text) => format!("{code} {text}"),
            None => code.to_owned(),
        };
        let said = one_line(format_args!("{said}"), SHOWN);
        let is = |part: &str| said.contains(part);
        let mut passes = true;
        let (what, remedy) = match code {
            "WRONGPASS" | "NOAUTH" => {
                passes = false;
                (
                    "the server does not take the user or the password",
                    "write redis://user:password@host/stream, or password-file=PATH as an option",
                )
            }
            "NOPERM" => {
                passes = false;
                (
                    "the server does not allow it to this user",
                    "allow it with ACL SETUSER: the key of the stream, and the commands of streams",
                )
            }
            "WRONGTYPE" => {
                passes = false;
                (
                    "the key is no stream",
                    "give another name, or delete what has this one",
                )
            }
            "OOM" => (
                "the server has no memory left",
                "raise its maxmemory, or give maxlen, so that the stream stays short",
            ),
            "READONLY" => (
                "the server is a replica, which takes nothing",
                "give the address of the primary",
            ),
            "MISCONF" | "NOREPLICAS" => (
                "the server takes nothing now",
                "see its log: its disk, or its replicas",
            ),
            "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" => {
                ("the server is not ready", "wait, or see its log")
            }
            "MOVED" | "ASK" => (
                "the stream is on another node of the cluster",
                "give the address of that node",
            ),
            "NOGROUP" => ("the group or the stream is gone", "it is made again"),
            _ if is("without any password") => {
                passes = false;
                ("the server has no password", "leave it out")
            }
            _ if is("no such key") => ("there is no such stream", "it is made again"),
            _ if is("unknown command") => {
                passes = false;
                (
                    "the server does not know the command",
                    "Redis from 6.2 on has it, and Valkey",
                )
            }
            _ => ("the server refuses it", "see its log"),
        };
        let problem = (format!("{what} ({said})"), remedy);
        let finding = Finding::failed(Step::Log, problem);
        StreamFailure {
            finding,
            passes,
            is_gone: code == "NOGROUP" || is("no such key"),
            code: code.to_owned(),
        }
    }

    /// Whether the server refused it with this word.
    pub(crate) fn is(&self, code: &str) -> bool {
        self.code == code
    }

    pub(super) fn handshake(error: &native_tls::Error) -> StreamFailure {
        let cause = error.source().map(|cause| format!(": {cause}"));
        let text = format!("{error}{}", cause.unwrap_or_default());
        let text = one_line(format_args!("{text}"), SHOWN);
        let contains = |texts: &[&str]| texts.iter().any(|it| text.contains(it));
        let failed = |remedy: &'static str| {
            let problem = format!("the TLS handshake failed ({text})");
            Finding::failed(Step::Tls, (problem, remedy))
        };
        if contains(&["wrong version number", "packet length too long"]) {
            let problem = ("what listens there speaks no TLS", "write redis://");
            return StreamFailure::lasting(Finding::failed(Step::Tls, problem));
        }
        if contains(&["certificate verify failed", "Hostname mismatch"]) {
            let remedy = "give ca=FILE with the CA that signed the server's certificate, and the \
                          host by the name that it has";
            return StreamFailure::lasting(failed(remedy));
        }
        if contains(&["alert"]) {
            let remedy = "give cert=FILE and key=FILE, if the server asks for a certificate";
            return StreamFailure::lasting(failed(remedy));
        }
        StreamFailure::passing(failed("see whether the server has TLS on this port"))
    }

    pub(crate) fn error(&self, endpoint: impl std::fmt::Display) -> Error {
        let problem = self.finding.clone().into_problem();
        match (self.passes, self.finding.step) {
            (true, _) => Error::unavailable(endpoint, problem, None),
            (false, Step::Tls) => Error::untrusted(endpoint, problem, None),
            (false, _) => Error::endpoint(endpoint, problem),
        }
    }
}
