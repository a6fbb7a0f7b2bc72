//! `completions` and `man`, generated from the command line's own description.

use std::io::{self, Write as _};
use std::path::Path;

use clap_complete::Shell;
use clap_mangen::Man;

use crate::diagnostics::{Code, Failure};
use crate::output::Output;

pub fn completions(mut cli: clap::Command, shell: Shell) -> Result<Code, Failure> {
    // Into memory first: the generator panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut cli, "falco-client", &mut script);
    print(&script)
}

/// The page of the whole command on standard output, or those of all commands in a folder.
pub fn man(cli: clap::Command, folder: Option<&Path>) -> Result<Code, Failure> {
    let Some(folder) = folder else {
        let mut page = Vec::new();
        Man::new(cli).render(&mut page).map_err(Failure::stdout)?;
        return print(&page);
    };
    clap_mangen::generate_to(cli, folder).map_err(|source: io::Error| Failure::Os {
        what: format!("writing manual pages to {}", folder.display()),
        source,
    })?;
    Ok(Code::Done)
}

fn print(text: &[u8]) -> Result<Code, Failure> {
    let mut output = Output::open()?;
    output.write_all(text).map_err(Failure::stdout)?;
    output.show()?;
    Ok(Code::Done)
}
