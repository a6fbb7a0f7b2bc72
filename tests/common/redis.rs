//! A Redis server of the test's own, on a port and in a folder of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis::{Connection, FromRedisValue};
use tempfile::TempDir;

use super::LIMIT;

/// Set where no test may be left out.
pub const ALL: &str = "FALCO_CLIENT_ALL_TESTS";

/// It is killed when it is dropped.
pub struct RedisServer {
    child: Option<Child>,
    pub port: u16,
    folder: TempDir,
    options: Vec<String>,
}

impl RedisServer {
    /// None, and a line that says so, where the machine has no Redis.
    pub fn start() -> Option<RedisServer> {
        RedisServer::with(&[])
    }

    pub fn with(options: &[&str]) -> Option<RedisServer> {
        let mut version = Command::new("redis-server");
        if version
            .arg("--version")
            .stdout(Stdio::null())
            .status()
            .is_err()
        {
            assert!(
                std::env::var_os(ALL).is_none(),
                "redis-server is not installed"
            );
            eprintln!("left out: redis-server is not installed");
            return None;
        }
        let begin = Instant::now();
        loop {
            let mut server = RedisServer {
                child: None,
                port: free_port(),
                folder: tempfile::tempdir().unwrap(),
                options: options.iter().map(|&option| option.to_owned()).collect(),
            };
            // Another process may have taken the port meanwhile.
            if server.try_start() {
                return Some(server);
            }
            assert!(begin.elapsed() < LIMIT, "redis-server does not start");
        }
    }

    /// Starts it again, with what it has on its disk.
    pub fn restart(&mut self) {
        let begin = Instant::now();
        while !self.try_start() {
            assert!(begin.elapsed() < LIMIT, "redis-server does not start again");
        }
    }

    fn try_start(&mut self) -> bool {
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string()])
            .args(["--save", "", "--appendonly", "yes"])
            .args(["--appendfsync", "always"])
            .arg("--dir")
            .arg(self.folder.path())
            .args(&self.options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        // It is waited for wherever this ends.
        self.child = Some(child.unwrap());
        let begin = Instant::now();
        while begin.elapsed() < LIMIT {
            let child = self.child.as_mut().unwrap();
            if child.try_wait().unwrap().is_some() {
                self.child = None;
                return false;
            }
            if self.answers() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("redis-server does not answer");
    }

    /// Whether it answers, be it that a password is asked for.
    fn answers(&self) -> bool {
        let Ok(mut connection) = self.client().get_connection() else {
            return false;
        };
        let pong = redis::cmd("PING").query::<String>(&mut connection);
        pong.map_or_else(|error| error.code() == Some("NOAUTH"), |_| true)
    }

    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The address of a stream, with these options.
    pub fn stream(&self, options: &str) -> String {
        format!("redis://127.0.0.1:{}/alerts{options}", self.port)
    }

    fn client(&self) -> redis::Client {
        redis::Client::open(format!("redis://127.0.0.1:{}", self.port)).unwrap()
    }

    pub fn connect(&self) -> Connection {
        self.client().get_connection().unwrap()
    }

    /// Carries out a command, in words.
    pub fn run<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query(&mut self.connect()).unwrap()
    }

    /// Adds alerts with these numbers, as another program would.
    pub fn add(&self, numbers: std::ops::Range<usize>) {
        let mut pipeline = redis::pipe();
        for number in numbers {
            let add = pipeline.cmd("XADD").arg("alerts").arg("*");
            add.arg("alert").arg(super::line(number));
        }
        pipeline.query::<()>(&mut self.connect()).unwrap();
    }

    /// How many entries the group has given out that are not acknowledged.
    pub fn pending(&self, group: &str) -> usize {
        let (count, ..): (usize, Option<String>, Option<String>, redis::Value) =
            self.run(&["XPENDING", "alerts", group]);
        count
    }

    /// The alerts of the stream, as they are there.
    pub fn values(&self) -> Vec<Vec<u8>> {
        type Entries = Vec<(String, Vec<Vec<u8>>)>;
        let entries: Entries = self.run(&["XRANGE", "alerts", "-", "+"]);
        let of = |(_, mut fields): (String, Vec<Vec<u8>>)| {
            assert_eq!(fields[0], b"alert");
            fields.swap_remove(1)
        };
        entries.into_iter().map(of).collect()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
