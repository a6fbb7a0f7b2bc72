//! The embedded Falco in a process of its own, which makes its alerts itself.

use std::env;
use std::io::{stdin, BufRead as _, BufReader, Lines, Write as _};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use falco_client::server::Server;
use falco_client::Tls;
use tempfile::TempDir;

use crate::common::certificates::Certificates;
use crate::common::LIMIT;
use crate::load;

/// Tells the process of a server what to serve.
const LOAD: &str = "FALCO_CLIENT_LOAD";

/// How many alerts a server without a rate has in its queue: more than are taken at once.
const AHEAD: usize = 5_000;

/// Where a server listens in a folder of its own.
pub fn socket(folder: &TempDir) -> String {
    format!("unix://{}/falco.sock", folder.path().display())
}

/// CA, certificate and key.
pub fn tls([ca, cert, key]: &[PathBuf; 3]) -> Tls {
    Tls::from_files(ca, cert, key)
}

/// What a server serves.
#[derive(Clone)]
pub struct Load {
    pub listen: String,
    /// Of CA, certificate and key.
    pub tls: Option<[PathBuf; 3]>,
    /// What its alerts say of it.
    pub life: u64,
    /// Alerts a second. None is as many as are taken.
    pub rate: Option<u32>,
    pub alerts: u64,
    /// If more than one, each listens at its number behind `listen`, and has its own life.
    pub servers: u64,
}

impl Load {
    /// As many alerts as are taken, without end.
    pub fn on(listen: impl Into<String>) -> Load {
        Load {
            listen: listen.into(),
            tls: None,
            life: 0,
            rate: None,
            alerts: u64::MAX,
            servers: 1,
        }
    }

    /// The same on any port, over mutual TLS.
    pub fn over_tls(certificates: &Certificates) -> Load {
        Load {
            tls: Some(certificates.server_files()),
            ..Load::on("localhost:0")
        }
    }

    fn text(&self) -> String {
        let tls = self.tls.iter().flatten();
        let tls: Vec<_> = tls.map(|path| path.to_str().unwrap()).collect();
        let rate = self.rate.unwrap_or(0);
        let numbers = [self.life, rate.into(), self.alerts, self.servers];
        format!("{}\n{}\n{numbers:?}", self.listen, tls.join(":"))
    }

    fn from_text(text: &str) -> Load {
        let lines: Vec<_> = text.lines().collect();
        let tls: Vec<_> = lines[1].split(':').map(PathBuf::from).collect();
        let numbers = lines[2].trim_matches(['[', ']']).split(", ");
        let numbers: Vec<u64> = numbers.map(|number| number.parse().unwrap()).collect();
        Load {
            listen: lines[0].to_owned(),
            tls: tls.try_into().ok(),
            life: numbers[0],
            rate: Some(numbers[1] as u32).filter(|rate| *rate > 0),
            alerts: numbers[2],
            servers: numbers[3],
        }
    }

    fn listen(&self, number: u64) -> Server {
        let listen = match self.servers {
            1 => self.listen.clone(),
            _ => format!("{}{number}", self.listen),
        };
        let mut builder = Server::builder().listen(listen);
        if let Some(files) = &self.tls {
            builder = builder.tls(tls(files));
        }
        builder.start().unwrap()
    }

    fn push_alerts(&self, server: &Arc<Server>, life: u64) {
        if let Some(rate) = self.rate {
            let messages =
                (0..self.alerts).map(move |number| load::alert(life, number).into_bytes());
            drop(server.replay(messages, NonZeroU32::new(rate)).unwrap());
        } else if self.alerts > 0 {
            let (server, alerts) = (server.clone(), self.alerts);
            thread::spawn(move || {
                for number in 0..alerts {
                    server.push(load::alert(life, number));
                    while server.queued() > AHEAD {
                        thread::sleep(Duration::from_millis(1));
                    }
                }
            });
        }
    }
}

#[test]
#[ignore = "no test, but the process of a server that the tests start"]
fn serve() {
    let Ok(text) = env::var(LOAD) else { return };
    let load = Load::from_text(&text);
    let lives = load.life..load.life + load.servers;
    let servers: Vec<_> = lives
        .map(|life| (Arc::new(load.listen(life)), life))
        .collect();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let server = servers[0].0.clone();
    servers
        .iter()
        .for_each(|(server, life)| load.push_alerts(server, *life));
    // On a line of its own, whatever the harness has said.
    say(&format!(
        "\nlistening {} {}",
        server.endpoint(),
        now.as_nanos()
    ));
    for command in stdin().lines() {
        match command.unwrap().as_str() {
            "count" => say(&format!("count {} {}", server.written(), server.queued())),
            "push" => {
                let push = |(server, life): &(Arc<Server>, u64)| server.push(load::alert(*life, 0));
                servers.iter().for_each(push);
                say("pushed");
            }
            "stop" => {
                server.stop(LIMIT);
                say(&format!("count {} {}", server.written(), server.queued()));
                break;
            }
            other => panic!("{other}"),
        }
    }
    // Told to, or whoever asked for it is gone.
    std::process::exit(0);
}

fn say(line: &str) {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}").unwrap();
    stdout.flush().unwrap();
}

/// The process of a server. Dropping it kills it.
pub struct Falco {
    process: Child,
    said: Lines<BufReader<ChildStdout>>,
    pub endpoint: String,
    /// When it listened.
    pub since: SystemTime,
}

impl Falco {
    pub fn start(load: &Load) -> Falco {
        Falco::start_by(load, &[])
    }

    /// Through another command, as `ip netns exec …`.
    pub fn start_by(load: &Load, before: &[&str]) -> Falco {
        let tests = env::current_exe().unwrap();
        let words = [before, &[tests.to_str().unwrap()]].concat();
        let mut process = Command::new(words[0])
            .args(&words[1..])
            .args(["falco::serve", "--exact", "--ignored", "--nocapture"])
            .env(LOAD, load.text())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = heard(&mut said, "listening ");
        let (endpoint, since) = line.rsplit_once(' ').unwrap();
        Falco {
            process,
            said,
            endpoint: endpoint.to_owned(),
            since: UNIX_EPOCH + Duration::from_nanos(since.parse().unwrap()),
        }
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// How many alerts it has written, and how many wait.
    pub fn count(&mut self) -> (u64, u64) {
        let count = self.request("count", "count ");
        let (written, queued) = count.split_once(' ').unwrap();
        (written.parse().unwrap(), queued.parse().unwrap())
    }

    /// Each of its servers pushes its alert number 0.
    pub fn push(&mut self) {
        self.request("push", "pushed");
    }

    /// Stops it in order: how many alerts it has written.
    pub fn stop(mut self) -> u64 {
        let count = self.request("stop", "count ");
        assert!(self.process.wait().unwrap().success());
        count.split(' ').next().unwrap().parse().unwrap()
    }

    pub fn signal(&self, name: &str) {
        let id = self.id().to_string();
        let status = Command::new("kill").args(["-s", name, &id]).status();
        assert!(status.unwrap().success());
    }

    fn request(&mut self, command: &str, answer: &str) -> String {
        let stdin = self.process.stdin.as_mut().unwrap();
        writeln!(stdin, "{command}").unwrap();
        heard(&mut self.said, answer)
    }
}

impl Drop for Falco {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The rest of the next line that starts so: the test harness talks as well.
fn heard(said: &mut Lines<BufReader<ChildStdout>>, start: &str) -> String {
    said.map(|line| line.unwrap())
        .find_map(|line| line.strip_prefix(start).map(str::to_owned))
        .expect("the server's process has ended")
}
