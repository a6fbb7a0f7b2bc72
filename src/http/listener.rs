//! Accepting connections, and a thread for each.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{poll, PollFd, PollFlags};

use super::budget::Budget;
use super::buffer::Buffer;
use super::connections::{ConnectionEntry, Connections};
use super::exchange::{Exchange, Limits};
use super::protocol::Protocol;
use super::refusal::Refusal;
use super::service::HttpService;
use super::shutdown::{Shutdown, ShutdownSignal};
use super::stream::Stream;
use crate::tls::ReloadingAcceptor;
use crate::util::deadline_stream::is_timeout;
use crate::util::thread::spawn_named;

/// How many connections at a time are told that there is no room for them.
const TURNED_AWAY: usize = 64;

/// The pause after a connection could not be accepted, as when file descriptors are short.
const RETRY: Duration = Duration::from_millis(100);

/// Where connections are while they are open.
#[derive(Default)]
struct Rooms {
    admitted: Arc<Connections>,
    /// Those for which there was no room, until they have been told.
    turned_away: Arc<Connections>,
}

pub(crate) struct ListenOptions {
    /// A DNS name or an IP address of this machine.
    pub host: String,
    /// 0 for any free one.
    pub port: u16,
    /// Plain HTTP without it.
    pub tls: Option<ReloadingAcceptor>,
    /// The largest body of a request.
    pub max_body: usize,
    /// For one request to arrive, and for its response to be written.
    pub request_timeout: Duration,
    pub max_connections: usize,
}

/// A port that is bound. Connections wait in the system's backlog until [`serve`](Listener::serve).
pub(crate) struct Listener {
    tcp: TcpListener,
    port: u16,
    tls: Option<ReloadingAcceptor>,
    limits: Limits,
    max_connections: usize,
}

impl Listener {
    /// # Errors
    ///
    /// When the address cannot be bound.
    pub(crate) fn bind(options: ListenOptions) -> io::Result<Listener> {
        let tcp = TcpListener::bind((options.host.as_str(), options.port))?;
        tcp.set_nonblocking(true)?;
        Ok(Listener {
            port: tcp.local_addr()?.port(),
            tcp,
            tls: options.tls,
            limits: Limits {
                max_body: options.max_body,
                request_timeout: options.request_timeout,
                budget: Budget::new(options.max_body),
            },
            max_connections: options.max_connections,
        })
    }

    /// The port that is bound, also where any free one was asked for.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Serves until a shutdown is requested, then waits until all connections have ended.
    pub(crate) fn serve<S: HttpService>(
        self: &Arc<Self>,
        service: &Arc<S>,
        shutdown: &impl ShutdownSignal,
    ) {
        let rooms = Rooms::default();
        while shutdown.requested() == Shutdown::No {
            self.wait(shutdown);
            if shutdown.requested() == Shutdown::No {
                self.accept_all(service, &rooms);
            }
        }
        self.end(service, &rooms, shutdown);
        rooms.turned_away.cut();
        rooms
            .turned_away
            .wait(Instant::now() + self.limits.request_timeout);
    }

    /// Waits until all connections have ended for which there was room.
    fn end<S: HttpService>(
        self: &Arc<Self>,
        service: &Arc<S>,
        rooms: &Rooms,
        shutdown: &impl ShutdownSignal,
    ) {
        let timeout = self.limits.request_timeout;
        let connections = &rooms.admitted;
        if shutdown.requested() == Shutdown::Graceful {
            connections.close();
            // Clients in the system's backlog are connected already, and may have sent a request.
            self.accept_all(service, rooms);
            let until = Instant::now() + timeout;
            while shutdown.requested() == Shutdown::Graceful && Instant::now() < until {
                if connections.wait(until.min(Instant::now() + RETRY)) {
                    return;
                }
            }
        }
        connections.cut_unanswerable();
        if !connections.wait(Instant::now() + timeout) {
            connections.cut();
            connections.wait(Instant::now() + timeout);
        }
    }

    /// Waits for a connection or a shutdown.
    fn wait(&self, shutdown: &impl ShutdownSignal) {
        let mut watched = [
            PollFd::new(&self.tcp, PollFlags::IN),
            PollFd::from_borrowed_fd(shutdown.readable(), PollFlags::IN),
        ];
        // An interrupted poll is like one that found something: both are tried.
        let _ = poll(&mut watched, None);
    }

    fn accept_all<S: HttpService>(self: &Arc<Self>, service: &Arc<S>, rooms: &Rooms) {
        loop {
            match self.tcp.accept() {
                Ok((tcp, peer)) => self.spawn(tcp, peer, service, rooms),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return,
                    // The client has gone again.
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted => {}
                    _ => {
                        service.failed(format_args!("no connection can be accepted: {error}"));
                        rooms.admitted.evict();
                        // The port stays readable: without a pause this would be a busy loop.
                        thread::sleep(RETRY);
                        return;
                    }
                },
            }
        }
    }

    fn spawn<S: HttpService>(
        self: &Arc<Self>,
        tcp: TcpStream,
        peer: SocketAddr,
        service: &Arc<S>,
        rooms: &Rooms,
    ) {
        // Some systems inherit it from the listening socket.
        if tcp.set_nonblocking(false).is_err() {
            return;
        }
        let tcp = Arc::new(tcp);
        let admitted = rooms.admitted.enter(tcp.clone(), self.max_connections);
        let turned_away = admitted.is_none();
        let entry = admitted.or_else(|| rooms.turned_away.enter(tcp.clone(), TURNED_AWAY));
        let Some(entry) = entry else {
            return service.refused(peer, &Refusal::TooManyConnections);
        };
        let run = {
            let (listener, service) = (self.clone(), service.clone());
            move || listener.converse(tcp, peer, &entry, turned_away, &*service)
        };
        if let Err(error) = spawn_named("falco-http", run) {
            service.failed(format_args!("no thread for {peer}: {error}"));
        }
    }

    fn converse<S: HttpService>(
        &self,
        tcp: Arc<TcpStream>,
        peer: SocketAddr,
        entry: &ConnectionEntry,
        turned_away: bool,
        service: &S,
    ) {
        let exchange = |stream| Exchange {
            stream,
            entry,
            peer,
            limits: &self.limits,
            service,
            buffer: Buffer::default(),
            turned_away,
        };
        let deadline = Instant::now() + self.limits.request_timeout;
        let Some(acceptor) = &self.tls else {
            if let Ok(stream) = Stream::plain(tcp, deadline) {
                exchange(stream).run();
            }
            return;
        };
        match peek(&tcp, self.limits.request_timeout) {
            Ok(first) => {
                if let Some(protocol) = Protocol::instead_of_tls(&first) {
                    if let Ok(stream) = Stream::plain(tcp, deadline) {
                        exchange(stream).refuse(&Refusal::Protocol(protocol));
                    }
                    return;
                }
            }
            Err(error) if is_timeout(&error) => return service.refused(peer, &Refusal::NoRequest),
            // A probe that only connects.
            Err(_) => return,
        }
        match Stream::accept(tcp, acceptor, deadline) {
            Ok(stream) => exchange(stream).run(),
            Err(error) => service.refused(peer, &of_handshake(&error.to_string())),
        }
    }
}

/// Why a handshake failed: by a TLS alert that the peer sent, or by what came from there.
fn of_handshake(error: &str) -> Refusal {
    let Some((_, alert)) = error.split_once("alert ") else {
        return Refusal::Handshake(error.to_owned());
    };
    // OpenSSL's text ends with a location in its source.
    let alert = alert.split(':').next().unwrap_or(alert);
    let is_of_certificate = ["certificate", "unknown ca"]
        .iter()
        .any(|part| alert.contains(part));
    match is_of_certificate {
        true => Refusal::CertificateRejected(alert.to_owned()),
        false => Refusal::Handshake(format!("TLS alert: {alert}")),
    }
}

/// The first bytes of a connection, which stay unread.
fn peek(tcp: &TcpStream, within: Duration) -> io::Result<Vec<u8>> {
    tcp.set_read_timeout(Some(within.max(Duration::from_millis(1))))?;
    let mut first = [0; 16];
    loop {
        match tcp.peek(&mut first) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => return Ok(first.get(..count).unwrap_or_default().to_vec()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
