//! Something between client and server that does harm.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use crate::Random;

/// What happens to one connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plan {
    /// Of what the server sends, rather than of what the client does.
    pub down: bool,
    /// For so long it stands still after so many bytes.
    pub pause: Option<(u64, Duration)>,
    /// After so many bytes, so many are replaced by what this seed gives.
    pub garbage: Option<(u64, usize, u64)>,
    /// It is cut after so many bytes, if it has not ended before.
    pub cut: Option<u64>,
    /// And after this time in any case.
    pub limit: Option<Duration>,
}

/// Where a proxy listens and where it leads: `unix:///path` or `localhost:port`.
pub struct Proxy {
    pub endpoint: String,
    shared: Arc<Shared>,
}

struct Shared {
    connections: AtomicU64,
    plans: Mutex<Box<dyn FnMut() -> Plan + Send>>,
    mute: Mutex<bool>,
    spoken: Condvar,
}

impl Proxy {
    /// Before a server; `folder` is for its socket.
    pub fn start(
        server: &str,
        folder: &Path,
        plans: impl FnMut() -> Plan + Send + 'static,
    ) -> Proxy {
        let shared = Arc::new(Shared {
            connections: AtomicU64::new(0),
            plans: Mutex::new(Box::new(plans)),
            mute: Mutex::new(false),
            spoken: Condvar::new(),
        });
        let accepting = shared.clone();
        let endpoint = if server.starts_with("unix:") {
            let path = folder.join("proxy.sock");
            let listener = UnixListener::bind(&path).unwrap();
            let server = server.trim_start_matches("unix://").to_owned();
            thread::spawn(move || {
                let clients = listener.incoming();
                clients.for_each(|client| accepting.lead(client, UnixStream::connect(&server)));
            });
            format!("unix://{}", path.display())
        } else {
            let listener = TcpListener::bind("localhost:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            let server = server.to_owned();
            thread::spawn(move || {
                let clients = listener.incoming();
                clients.for_each(|client| accepting.lead(client, TcpStream::connect(&server)));
            });
            format!("localhost:{port}")
        };
        Proxy { endpoint, shared }
    }

    /// One that does no harm by itself.
    pub fn faithful(server: &str, folder: &Path) -> Proxy {
        Proxy::start(server, folder, Plan::default)
    }

    /// How many connections there were.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Does no harm to further connections.
    pub fn mend(&self) {
        *self.shared.plans.lock().unwrap() = Box::new(Plan::default);
    }

    /// From now on nothing passes, and no side is notified.
    pub fn vanish(&self) {
        *self.shared.mute.lock().unwrap() = true;
    }

    /// New connections pass again. The old ones are gone, as after a restart of the machine.
    pub fn come_back(&self) {
        *self.shared.mute.lock().unwrap() = false;
        self.shared.spoken.notify_all();
    }
}

/// A connection of either kind.
trait Wire: Read + Write + Send + 'static {
    fn twin(&self) -> Self;
    fn close(&self);
}

impl Wire for UnixStream {
    fn twin(&self) -> Self {
        self.try_clone().unwrap()
    }

    fn close(&self) {
        let _ = self.shutdown(Shutdown::Both);
    }
}

impl Wire for TcpStream {
    fn twin(&self) -> Self {
        self.try_clone().unwrap()
    }

    fn close(&self) {
        let _ = self.shutdown(Shutdown::Both);
    }
}

impl Shared {
    fn lead<W: Wire>(self: &Arc<Shared>, client: io::Result<W>, server: io::Result<W>) {
        // Without a server the client's connection ends at once.
        let (Ok(client), Ok(server)) = (client, server) else {
            return;
        };
        self.connections.fetch_add(1, Ordering::Relaxed);
        let plan = self.plans.lock().unwrap()();
        if let Some(limit) = plan.limit {
            let (client, server) = (client.twin(), server.twin());
            thread::spawn(move || {
                thread::sleep(limit);
                client.close();
                server.close();
            });
        }
        let ways = [
            (client.twin(), server.twin(), false),
            (server, client, true),
        ];
        for (mut from, mut to, down) in ways {
            let plan = match down == plan.down {
                true => plan,
                false => Plan::default(),
            };
            let shared = self.clone();
            thread::spawn(move || {
                let _ = shared.pass(&mut from, &mut to, plan);
                from.close();
                to.close();
            });
        }
    }

    fn pass<W: Wire>(&self, from: &mut W, to: &mut W, plan: Plan) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        let mut passed = 0;
        loop {
            let length = from.read(&mut buffer)?;
            if length == 0 || self.has_vanished() {
                return Ok(());
            }
            let bytes = &mut buffer[..length];
            // Where something is to happen within these bytes.
            let within = |at: u64| {
                let at = at.checked_sub(passed)?;
                (at < length as u64).then_some(at as usize)
            };
            if let Some((at, count, seed)) = plan.garbage {
                if let Some(at) = within(at) {
                    let mut random = Random::of(seed);
                    let hit = bytes.iter_mut().skip(at).take(count);
                    hit.for_each(|byte| *byte = random.number() as u8);
                }
            }
            let mut sent = 0;
            if let Some((at, time)) = plan.pause {
                if let Some(at) = within(at) {
                    sent = at;
                    to.write_all(&bytes[..sent])?;
                    thread::sleep(time);
                }
            }
            if let Some(at) = plan.cut.and_then(within) {
                return to.write_all(&bytes[sent..sent.max(at)]);
            }
            to.write_all(&bytes[sent..])?;
            passed += length as u64;
        }
    }

    /// Stands still while nothing passes; what stood still does not go on.
    fn has_vanished(&self) -> bool {
        let mut mute = self.mute.lock().unwrap();
        let vanished = *mute;
        while *mute {
            mute = self.spoken.wait(mute).unwrap();
        }
        vanished
    }
}
