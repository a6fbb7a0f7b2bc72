//! Accepting connections, and having them served.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mio::Poll;
use rustix::event::{poll, PollFd, PollFlags};

use super::budget::Budget;
use super::connection::{Accepted, PeerConnection, LONGEST_SILENCE};
use super::connections::Connections;
use super::exchange::{Exchange, Limits};
use super::idle::IdleConnections;
use super::refusal::Refusal;
use super::service::HttpService;
use super::shutdown::{Shutdown, ShutdownSignal};
use super::workers::Workers;
use crate::tls::ReloadingAcceptor;
use crate::util::thread::spawn_named;

/// How many connections at a time are told that there is no room for them.
const TURNED_AWAY: usize = 64;

/// How long a thread waits for the next request of a connection: a sender of many has the next one by then.
const SILENCE: Duration = Duration::from_millis(20);

/// The pause after a connection could not be accepted, as when file descriptors are short.
const RETRY: Duration = Duration::from_millis(100);

/// Where connections are while they are open, and what serves them.
struct Rooms {
    admitted: Arc<Connections>,
    /// Those for which there was no room, until they have been told.
    turned_away: Arc<Connections>,
    workers: Arc<Workers<Job>>,
}

/// What a thread does with a connection.
enum Job {
    Begin(Accepted),
    Resume(PeerConnection),
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
        let keep_threads = |error: &io::Error| {
            service.failed(format_args!(
                "silent connections keep their threads: {error}"
            ));
        };
        let (idle, poll) = IdleConnections::open()
            .inspect_err(keep_threads)
            .map_or((None, None), |(idle, poll)| {
                (Some(Arc::new(idle)), Some(poll))
            });
        let workers = {
            let (listener, service, idle) = (self.clone(), service.clone(), idle.clone());
            Workers::new(move |job| listener.run(job, idle.as_deref(), &*service))
        };
        let watch = idle.clone().zip(poll).and_then(|(idle, poll)| {
            let watch = spawn_watch(idle.clone(), poll, workers.clone(), service.clone());
            // Without its thread, nothing may wait there.
            let failed = watch.inspect_err(|_| idle.end());
            failed.inspect_err(keep_threads).ok()
        });
        let rooms = Rooms {
            admitted: Arc::default(),
            turned_away: Arc::default(),
            workers,
        };
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
        if let Some((idle, watch)) = idle.zip(watch) {
            idle.end();
            // A panic was reported by the thread itself.
            let _ = watch.join();
        }
        rooms.workers.end();
    }

    /// Answers requests until the connection ends, or waits where it keeps no thread.
    fn run<S: HttpService>(&self, job: Job, idle: Option<&IdleConnections>, service: &S) {
        let begun = match job {
            Job::Begin(accepted) => accepted.begin(self.tls.as_ref(), &self.limits, service),
            Job::Resume(connection) => Some(connection),
        };
        let Some(mut connection) = begun else {
            return;
        };
        // Where it cannot wait elsewhere, it waits here as long as it may.
        let mut patience = idle.map_or(LONGEST_SILENCE, |_| SILENCE);
        while let Some(silent) = Exchange::of(connection, &self.limits, service).run(patience) {
            let kept = match idle {
                Some(idle) if patience == SILENCE => idle.keep(silent),
                _ => return,
            };
            let Some(kept) = kept else { return };
            (connection, patience) = (kept, LONGEST_SILENCE);
        }
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
        let accepted = Accepted {
            tcp,
            peer,
            entry,
            turned_away,
        };
        if let Err((_, error)) = rooms.workers.hand(Job::Begin(accepted)) {
            service.failed(format_args!("no thread for {peer}: {error}"));
        }
    }
}

/// Starts the thread on which silent connections wait.
fn spawn_watch<S: HttpService>(
    idle: Arc<IdleConnections>,
    poll: Poll,
    workers: Arc<Workers<Job>>,
    service: Arc<S>,
) -> io::Result<JoinHandle<()>> {
    let resume = {
        let idle = idle.clone();
        move |connection| {
            if let Err((Job::Resume(connection), error)) = workers.hand(Job::Resume(connection)) {
                let peer = connection.peer;
                service.failed(format_args!("no thread for {peer}: {error}"));
                // What has come is found again at once.
                thread::sleep(RETRY);
                let _ = idle.keep(connection);
            }
        }
    };
    spawn_named("falco-idle", move || idle.watch(poll, resume))
}
