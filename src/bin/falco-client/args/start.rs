//! Where reading a file begins.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use falco_client::{Endpoint, EndpointKind, Position};

use super::ConnectionArgs;
use crate::diagnostics::Failure;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Start {
    /// At its start: all that it holds comes first
    Beginning,
    /// At its end: only what is written from now on
    End,
}

impl Start {
    /// None is the file's start.
    pub fn position(self, path: &Path) -> Result<Option<Position>, Failure> {
        match self {
            Start::Beginning => Ok(None),
            Start::End => Ok(Some(Position::end_of(path)?)),
        }
    }
}

/// The file that an option is about which says where reading it begins.
pub fn file_of(option: &str, connection: &ConnectionArgs) -> Result<PathBuf, Failure> {
    match connection.endpoint() {
        Ok(Endpoint::File(path)) => Ok(path),
        Ok(other) => Err(without_effect(option, &other.to_string())),
        Err(error) => Err(error.into()),
    }
}

fn without_effect(option: &str, endpoint: &str) -> Failure {
    let form = EndpointKind::File.form();
    Failure::Usage(format!(
        "{option}: has no effect on {endpoint}; leave it out, it applies to {form}"
    ))
}
