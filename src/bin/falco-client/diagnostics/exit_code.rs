//! The codes that the command exits with.

use std::process::ExitCode;

use falco_client::check::Step;

/// How the command ends, as documented for users in `cli.rs`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Code {
    Done,
    Failed,
    /// As clap exits on a wrong argument.
    Usage,
    Undecodable,
    /// The step of `check` that failed.
    Broken(Step),
    /// As a shell reports a process that SIGINT has ended.
    Interrupted,
}

impl Code {
    pub fn number(self) -> u8 {
        match self {
            Code::Done => 0,
            Code::Failed => 1,
            Code::Usage => 2,
            Code::Undecodable => 3,
            Code::Interrupted => 130,
            Code::Broken(step) => match step {
                Step::FalcoYaml => 10,
                Step::Endpoint => 11,
                Step::Config => 12,
                Step::Name => 13,
                Step::Socket => 14,
                Step::Tcp => 15,
                Step::Certificates => 16,
                Step::Tls => 17,
                Step::Alpn => 18,
                Step::Version => 19,
                Step::Outputs => 20,
                Step::FirstAlert => 21,
                _ => 1,
            },
        }
    }
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> ExitCode {
        ExitCode::from(code.number())
    }
}
