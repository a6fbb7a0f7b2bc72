//! The embedded Falco in a process of its own, which can be killed and stopped.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Serves a recording; it listens when this returns.
pub fn replay(listen: &str, recording: &Path, options: &[&str]) -> Child {
    let mut child = Command::new(env!("CARGO_BIN_EXE_falco-client"))
        .args(["serve", "--listen", listen, "--replay"])
        .arg(recording)
        .args(options)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(line.contains("listening"), "{line}");
    child
}
