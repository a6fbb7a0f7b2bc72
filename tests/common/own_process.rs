//! Tests that need a process to themselves: they measure or change what belongs to a whole process, such as its memory, its
//! threads or its logger, or they block a thread that all clients of a process share.

use std::env;
use std::process::{Command, Stdio};

const OWN_PROCESS: &str = "FALCO_CLIENT_OWN_PROCESS";

/// The start of a line of figures, which is printed outside as well.
pub const FIGURES: &str = "figures: ";

/// Runs the body of a test in a process in which nothing else runs. `name` is the test's, with its modules.
pub fn in_own_process(name: &str, body: impl FnOnce()) {
    if env::var_os(OWN_PROCESS).is_some() {
        return body();
    }
    // With one thread the harness would put figures behind its own words.
    let run = Command::new(env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture", "--test-threads=2"])
        .env(OWN_PROCESS, "")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&run.stdout);
    for line in stdout.lines().filter(|line| line.starts_with(FIGURES)) {
        println!("{line}");
    }
    let stderr = String::from_utf8_lossy(&run.stderr);
    assert!(
        run.status.success() && stdout.contains(" 1 passed"),
        "{stdout}\n{stderr}"
    );
}
