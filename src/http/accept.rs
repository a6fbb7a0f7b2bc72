//! Taking connections, and a thread for each.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{poll, PollFd, PollFlags};

use super::budget::Budget;
use super::buffer::Buffer;
use super::connections::{Connections, Entry};
use super::exchange::{Exchange, Limits};
use super::service::Service;
use super::stream::{Acceptor, Stream};
use crate::config::Config;
use crate::endpoint::cannot_listen;
use crate::endpoint::{authority, Endpoint};
use crate::error::{Error, Result};
use crate::util::thread::{deliver_here, spawn_named};

/// When descriptors are short, they are tried again so soon.
const SHORTAGE: Duration = Duration::from_millis(100);

/// A port that is listened on. Connections wait in the system until somebody serves.
pub(crate) struct Listener {
    tcp: TcpListener,
    endpoint: Endpoint,
    acceptor: Option<Acceptor>,
    limits: Limits,
    most: usize,
}

/// What a loop of connections is told.
pub(crate) trait Wishes {
    /// Readable when there is a new wish.
    fn bell(&self) -> Option<&std::os::unix::net::UnixStream>;

    fn wish(&self) -> Serve;
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Serve {
    Go,
    /// Take what has come, then end.
    Close,
    Stop,
}

impl Listener {
    /// # Errors
    ///
    /// [`Error::Listen`] where nothing can listen there, [`Error::Tls`].
    pub(crate) fn bind(config: &Config, endpoint: Endpoint) -> Result<Listener> {
        let Endpoint::Listen { tls, host, .. } = &endpoint else {
            let problem = ("is nothing to listen on", "write listen+http://ADDR:PORT");
            return Err(Error::endpoint(endpoint, problem));
        };
        let port = match &endpoint {
            Endpoint::Listen { port, .. } => *port,
            _ => 0,
        };
        let acceptor = match &config.tls {
            Some(tls) => Some(Acceptor::new(tls, tls.load()?)?),
            None => None,
        };
        let bound = TcpListener::bind((host.as_str(), port)).and_then(|tcp| {
            tcp.set_nonblocking(true)?;
            let port = tcp.local_addr()?.port();
            Ok((tcp, port))
        });
        let (tcp, port) = bound.map_err(|error| cannot_listen(&endpoint, error))?;
        let body = config.message_limit(&endpoint);
        Ok(Listener {
            tcp,
            endpoint: Endpoint::Listen {
                tls: *tls,
                host: host.clone(),
                port,
            },
            acceptor,
            limits: Limits {
                body,
                request: config.call_timeout,
                budget: Budget::new(body),
            },
            most: config.max_connections,
        })
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Serves until it is told to end, then waits until all connections have ended.
    pub(crate) fn serve<S: Service>(self: &Arc<Self>, service: &Arc<S>, wishes: &impl Wishes) {
        let connections = Arc::new(Connections::default());
        while wishes.wish() == Serve::Go {
            self.wait(wishes);
            if wishes.wish() == Serve::Go {
                self.accept_all(service, &connections);
            }
        }
        if wishes.wish() == Serve::Close {
            connections.close();
            // Whoever has connected by now has been let in by the system, and may have posted.
            self.accept_all(service, &connections);
            let until = Instant::now() + self.limits.request;
            while wishes.wish() == Serve::Close && Instant::now() < until {
                if connections.wait(until.min(Instant::now() + SHORTAGE)) {
                    return;
                }
            }
        }
        connections.cut();
        connections.wait(Instant::now() + self.limits.request);
    }

    fn wait(&self, wishes: &impl Wishes) {
        let readable = PollFlags::IN;
        let mut watched = vec![PollFd::new(&self.tcp, readable)];
        if let Some(bell) = wishes.bell() {
            watched.push(PollFd::from_borrowed_fd(bell.as_fd(), readable));
        }
        // Interrupted or not, the wish and the port are looked at.
        let _ = poll(&mut watched, None);
    }

    fn accept_all<S: Service>(self: &Arc<Self>, service: &Arc<S>, connections: &Arc<Connections>) {
        loop {
            match self.tcp.accept() {
                Ok((tcp, peer)) => self.spawn(tcp, peer, service, connections),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return,
                    // It has gone again.
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted => {}
                    _ => {
                        log::warn!("{}: no connection can be taken: {error}", self.endpoint);
                        connections.evict();
                        // The port stays readable, and this is no busy loop.
                        thread::sleep(SHORTAGE);
                        return;
                    }
                },
            }
        }
    }

    fn spawn<S: Service>(
        self: &Arc<Self>,
        tcp: TcpStream,
        peer: SocketAddr,
        service: &Arc<S>,
        connections: &Arc<Connections>,
    ) {
        // On some systems it takes this over from the port.
        if tcp.set_nonblocking(false).is_err() {
            return;
        }
        let tcp = Arc::new(tcp);
        let Some(entry) = connections.enter(tcp.clone(), self.most) else {
            return service.refused(peer, "all connections wait for room");
        };
        let (listener, service) = (self.clone(), service.clone());
        let run = move || listener.converse(tcp, peer, &entry, &*service);
        if let Err(error) = spawn_named("falco-http", run) {
            log::warn!("{}: no thread for {peer}: {error}", self.endpoint);
        }
    }

    fn converse<S: Service>(
        &self,
        tcp: Arc<TcpStream>,
        peer: SocketAddr,
        entry: &Entry,
        service: &S,
    ) {
        deliver_here();
        match Stream::accept(tcp, self.acceptor.as_ref(), self.limits.request) {
            Ok(stream) => Exchange {
                stream,
                entry,
                peer,
                limits: &self.limits,
                service,
                buffer: Buffer::default(),
            }
            .run(),
            Err(error) => service.refused(peer, &format!("its TLS handshake failed: {error}")),
        }
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Endpoint::Listen { host, port, .. } = &self.endpoint else {
            return f.write_str("Listener");
        };
        write!(f, "Listener({})", authority(host, *port))
    }
}
