//! Processes of the command, ended with the test whatever happens.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// Only ever waited out by a test that fails.
const TOO_LONG: Duration = Duration::from_secs(60);

/// The command, untouched by the environment that the tests run in.
pub fn falco_client(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_falco-client"));
    for name in ["ENDPOINT", "CA", "CERT", "KEY", "SERVER_NAME"] {
        command.env_remove(format!("FALCO_{name}"));
    }
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"FALCO_CLIENT_") {
            command.env_remove(name);
        }
    }
    command.args(args).stdin(Stdio::null());
    command
}

/// Runs it to its end.
pub fn run(args: &[&str]) -> Ended {
    finish(falco_client(args))
}

pub fn finish(mut command: Command) -> Ended {
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _watchdog = watchdog(child.id());
    Ended::from(child.wait_with_output().unwrap())
}

/// Kills a process that lives too long, unless what it returns is dropped before.
pub fn watchdog(id: u32) -> Sender<()> {
    let (alive, gone) = mpsc::channel();
    thread::spawn(move || {
        if gone.recv_timeout(TOO_LONG) == Err(RecvTimeoutError::Timeout) {
            signal(id, "KILL");
        }
    });
    alive
}

pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Ended {
        Ended {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ended {
    /// Its standard output, after exit code 0 and an empty standard error.
    #[track_caller]
    pub fn quietly(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""));
        self.stdout
    }

    /// An end with this code, after a message that holds all of these.
    #[track_caller]
    pub fn failed(self, code: i32, saying: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        for text in saying {
            assert!(
                self.stderr.contains(text),
                "{text:?} is not in {:?}",
                self.stderr
            );
        }
    }
}

pub fn signal(id: u32, name: &str) {
    let kill = format!("kill -{name} {id}");
    assert!(Command::new("sh")
        .args(["-c", &kill])
        .status()
        .unwrap()
        .success());
}

/// A child that is killed when it goes out of scope, or lives too long.
pub struct Running {
    pub child: Child,
    _watchdog: Sender<()>,
}

impl Running {
    pub fn spawn(mut command: Command) -> Running {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let _watchdog = watchdog(child.id());
        Running { child, _watchdog }
    }

    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Its status and the rest of its standard error. Standard output must be read by then.
    pub fn end(mut self) -> (ExitStatus, String) {
        let mut said = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut said).unwrap();
        }
        (self.child.wait().unwrap(), said)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `falco-client serve`, listening.
pub struct Falco {
    process: Running,
    stderr: BufReader<ChildStderr>,
    pub endpoint: String,
    _folder: TempDir,
}

impl Falco {
    /// Serves a recording, all at once, on a socket in a folder of its own.
    pub fn replay(recording: &Path) -> Falco {
        Falco::serve(recording, &[])
    }

    pub fn serve(recording: &Path, options: &[&str]) -> Falco {
        let folder = tempfile::tempdir().unwrap();
        let socket = format!("unix://{}/falco.sock", folder.path().display());
        Falco::listen(&socket, recording, options, folder)
    }

    pub fn listen(on: &str, recording: &Path, options: &[&str], folder: TempDir) -> Falco {
        let mut command = falco_client(&["serve", "--listen", on, "--replay"]);
        command.arg(recording).args(options);
        let mut process = Running::spawn(command);
        let mut stderr = BufReader::new(process.child.stderr.take().unwrap());
        let mut said = String::new();
        let endpoint = loop {
            let line = said.len();
            assert!(
                stderr.read_line(&mut said).unwrap() > 0,
                "serve ended: {said}"
            );
            if let Some((_, endpoint)) = said[line..].split_once("listening on ") {
                break endpoint.split(' ').next().unwrap().to_owned();
            }
        };
        Falco {
            process,
            stderr,
            endpoint,
            _folder: folder,
        }
    }

    /// `CALL --endpoint …` with further arguments.
    pub fn command(&self, call: &str, args: &[&str]) -> Command {
        let mut command = falco_client(&[call, "--endpoint", &self.endpoint]);
        command.args(args);
        command
    }

    pub fn get(&self, args: &[&str]) -> Ended {
        finish(self.command("get", args))
    }

    pub fn kill(&self) {
        self.process.signal("KILL");
    }

    /// Stops it in order: how many alerts it says were taken, and how many were not.
    pub fn stop(mut self) -> (u64, u64) {
        self.process.signal("TERM");
        let mut said = String::new();
        self.stderr.read_to_string(&mut said).unwrap();
        assert!(self.process.end().0.success(), "{said}");
        let numbers: Vec<u64> = said
            .split(' ')
            .filter_map(|word| word.parse().ok())
            .collect();
        match numbers[..] {
            [taken, left] => (taken, left),
            _ => panic!("{said}"),
        }
    }
}

pub fn recording(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/recordings")
        .join(name)
}

/// A recording of these messages, in a folder that goes with the value.
pub fn record(messages: &[&[u8]]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made.pb");
    let mut bytes = Vec::new();
    for message in messages {
        let mut length = message.len();
        while length >= 0x80 {
            bytes.push(length as u8 | 0x80);
            length >>= 7;
        }
        bytes.push(length as u8);
        bytes.extend_from_slice(message);
    }
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}
