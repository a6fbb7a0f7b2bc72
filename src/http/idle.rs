//! Connections whose peer is silent: all of them wait for its next request on one thread.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsRawFd as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Registry, Token, Waker};

use super::connection::PeerConnection;
use crate::util::lock::{lock, time_until};

/// How many are found ready at once, at most.
const EVENTS: usize = 256;

/// Of the waker. The connections have the others.
const WAKE: Token = Token(0);

pub(super) struct IdleConnections {
    registry: Registry,
    waker: Waker,
    waiting: Mutex<SilentPeers>,
}

#[derive(Default)]
struct SilentPeers {
    last: usize,
    /// By their numbers, and so in the order in which their time ends, nearly.
    connections: BTreeMap<usize, PeerConnection>,
    ended: bool,
}

impl IdleConnections {
    /// Also returns what [`watch`](IdleConnections::watch) needs.
    pub(super) fn open() -> io::Result<(IdleConnections, Poll)> {
        let poll = Poll::new()?;
        let registry = poll.registry().try_clone()?;
        let idle = IdleConnections {
            waker: Waker::new(&registry, WAKE)?,
            registry,
            waiting: Mutex::default(),
        };
        Ok((idle, poll))
    }

    /// Keeps a connection until something comes. Gives it back where the system cannot watch it.
    pub(super) fn keep(&self, connection: PeerConnection) -> Option<PeerConnection> {
        let mut waiting = lock(&self.waiting);
        if waiting.ended {
            return Some(connection);
        }
        let number = waiting.last + 1;
        let fd = connection.stream.tcp().as_raw_fd();
        let watched = self
            .registry
            .register(&mut SourceFd(&fd), Token(number), Interest::READABLE);
        if watched.is_err() {
            return Some(connection);
        }
        waiting.last = number;
        let is_first = waiting.connections.is_empty();
        waiting.connections.insert(number, connection);
        drop(waiting);
        if is_first {
            // It waits without a limit where there was none. Without the wake-up, this one may stay longer.
            let _ = self.waker.wake();
        }
        None
    }

    /// Hands each connection to `resume` when something comes, its end included, and closes those whose
    /// time is over. Returns after [`end`](IdleConnections::end).
    pub(super) fn watch(&self, mut poll: Poll, mut resume: impl FnMut(PeerConnection)) {
        let mut events = Events::with_capacity(EVENTS);
        while let Some(timeout) = self.next_end() {
            // An interrupted one is like one that found nothing.
            if poll.poll(&mut events, timeout).is_err() {
                events.clear();
            }
            for event in &events {
                if let Some(connection) = self.take(event.token()) {
                    resume(connection);
                }
            }
            while let Some(connection) = self.take_silent() {
                drop(connection);
            }
        }
    }

    /// Closes all that are left.
    pub(super) fn end(&self) {
        let mut waiting = lock(&self.waiting);
        waiting.ended = true;
        let left = std::mem::take(&mut waiting.connections);
        drop(waiting);
        drop(left);
        // The system has room for a counter that it has made.
        let _ = self.waker.wake();
    }

    /// How long until the first one's time is over. None after the end.
    fn next_end(&self) -> Option<Option<Duration>> {
        let waiting = lock(&self.waiting);
        let first = waiting.connections.first_key_value();
        let left = first.map(|(_, connection)| time_until(connection.silent_until()));
        (!waiting.ended).then_some(left)
    }

    fn take(&self, Token(number): Token) -> Option<PeerConnection> {
        let connection = lock(&self.waiting).connections.remove(&number)?;
        self.forget(&connection);
        Some(connection)
    }

    fn take_silent(&self) -> Option<PeerConnection> {
        let mut waiting = lock(&self.waiting);
        let first = waiting.connections.first_entry()?;
        if first.get().silent_until() > Instant::now() {
            return None;
        }
        let connection = first.remove();
        drop(waiting);
        self.forget(&connection);
        Some(connection)
    }

    /// Has the system watch it no longer: that fails only for what it does not watch.
    fn forget(&self, connection: &PeerConnection) {
        let fd = connection.stream.tcp().as_raw_fd();
        let _ = self.registry.deregister(&mut SourceFd(&fd));
    }
}
