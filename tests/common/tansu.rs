//! A broker of another make that speaks Kafka's protocol: Tansu, as a process, which keeps all in memory.

use std::env;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;

use openssl::ssl::{SslAcceptor, SslFiletype, SslMethod, SslStream, SslVerifyMode};
use rustix::event::{poll, PollFd, PollFlags};

use super::redis::{free_port, ALL};
use super::until;

/// Where its program is: `script/test` says so.
const PROGRAM: &str = "FALCO_CLIENT_TANSU";

/// The session of a member of a group, without which Tansu takes none.
pub const SESSION: &str = "kafka.session.timeout.ms=6000";

/// It is killed when it is dropped.
pub struct Tansu {
    child: Child,
    program: PathBuf,
    port: u16,
}

impl Tansu {
    /// None, and a line that says so, where the machine has none. Clients are told that it listens on
    /// `advertised`, if that is another port.
    pub fn start(advertised: Option<u16>, options: &[&str]) -> Option<Tansu> {
        let Some(program) = env::var_os(PROGRAM) else {
            assert!(env::var_os(ALL).is_none(), "tansu is not installed");
            eprintln!("left out: tansu is not installed");
            return None;
        };
        let program = PathBuf::from(program);
        let port = free_port();
        let child = Command::new(&program)
            .args(["broker", "--storage-engine", "memory://tansu/"])
            .args(["--listener-url", &format!("tcp://127.0.0.1:{port}")])
            .arg("--advertised-listener-url")
            .arg(format!("tcp://localhost:{}", advertised.unwrap_or(port)))
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let tansu = Tansu {
            child,
            program,
            port,
        };
        until("it listens", || TcpStream::connect(tansu.address()).is_ok());
        Some(tansu)
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn create(&self, topic: &str, partitions: usize) {
        let created = Command::new(&self.program)
            .args(["topic", "create", "--broker"])
            .arg(format!("tcp://{}", self.address()))
            .args(["--partitions", &partitions.to_string(), topic])
            .stdout(Stdio::null())
            .status();
        assert!(created.unwrap().success());
    }
}

impl Drop for Tansu {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Takes TLS off what goes to `server`, and asks for a certificate. It ends with the process.
pub fn tls_before(listener: TcpListener, server: String, certificates: &Path) {
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
    let file = |name: &str| certificates.join(name);
    acceptor
        .set_private_key_file(file("server.key"), SslFiletype::PEM)
        .unwrap();
    acceptor
        .set_certificate_chain_file(file("server.crt"))
        .unwrap();
    acceptor.set_ca_file(file("ca.crt")).unwrap();
    acceptor.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    let acceptor = Arc::new(acceptor.build());
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let (acceptor, server) = (acceptor.clone(), server.clone());
            thread::spawn(move || {
                let Ok(client) = acceptor.accept(client) else {
                    return;
                };
                if let Ok(server) = TcpStream::connect(server) {
                    let _ = carry(client, server);
                }
            });
        }
    });
}

/// Until one of them ends.
fn carry(mut client: SslStream<TcpStream>, mut server: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 16 << 10];
    loop {
        let (from_client, from_server) = match client.ssl().pending() {
            0 => {
                let mut both = [
                    PollFd::new(client.get_ref(), PollFlags::IN),
                    PollFd::new(&server, PollFlags::IN),
                ];
                poll(&mut both, None)?;
                let is_ready = |at: usize| !both[at].revents().is_empty();
                (is_ready(0), is_ready(1))
            }
            _ => (true, false),
        };
        if from_client {
            let count = client.read(&mut buffer)?;
            server.write_all(&buffer[..count])?;
            if count == 0 {
                return Ok(());
            }
        }
        if from_server {
            let count = server.read(&mut buffer)?;
            client.write_all(&buffer[..count])?;
            if count == 0 {
                return Ok(());
            }
        }
    }
}
