//! The open connections, and which of them is closed to make room for another.

use std::collections::HashMap;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::util::lock::{lock, time_until, wait_while};

/// How long a new connection waits for one that was evicted to end.
const EVICTION: Duration = Duration::from_millis(100);

#[derive(Default)]
pub(super) struct Connections {
    pool: Mutex<Pool>,
    ended: Condvar,
}

#[derive(Default)]
struct Pool {
    next: u64,
    open: HashMap<u64, OpenConnection>,
    closing: bool,
}

struct OpenConnection {
    tcp: Arc<TcpStream>,
    /// A request has begun to arrive.
    busy: bool,
    /// Its request is with the service, which may block.
    called: bool,
    /// It was shut down to make room, and its thread has not ended yet.
    evicted: bool,
    /// It has sent a request whose response [proves](super::HttpResponse::proves_peer) it.
    proven: bool,
    since: Instant,
}

/// The registration of one connection, removed when it is dropped.
pub(super) struct ConnectionEntry {
    connections: Arc<Connections>,
    number: u64,
}

impl Connections {
    /// Registers a connection. At the maximum, one that is not proven is evicted for it; None where
    /// there is none, or it does not end in time.
    pub(super) fn enter(
        self: &Arc<Self>,
        tcp: Arc<TcpStream>,
        max: usize,
    ) -> Option<ConnectionEntry> {
        let mut pool = self.lock();
        if pool.open.len() >= max {
            if !pool.evict() && !pool.is_one_leaving() {
                return None;
            }
            let full = |pool: &mut Pool| pool.open.len() >= max;
            let (waited, still_full) = wait_while(&self.ended, pool, EVICTION, full);
            if still_full {
                return None;
            }
            pool = waited;
        }
        let number = pool.next;
        pool.next += 1;
        if pool.closing {
            let _ = tcp.shutdown(Shutdown::Read);
        }
        let connection = OpenConnection {
            tcp,
            busy: false,
            called: false,
            evicted: false,
            proven: false,
            since: Instant::now(),
        };
        pool.open.insert(number, connection);
        Some(ConnectionEntry {
            connections: self.clone(),
            number,
        })
    }

    /// Evicts one that is not proven, as when file descriptors are short.
    pub(super) fn evict(&self) {
        self.lock().evict();
    }

    /// Each connection ends after its current request, and those that have arrived already.
    pub(super) fn close(&self) {
        let mut pool = self.lock();
        pool.closing = true;
        for connection in pool.open.values().filter(|connection| !connection.busy) {
            // Input that has arrived is still read.
            let _ = connection.tcp.shutdown(Shutdown::Read);
        }
    }

    /// Each connection ends at once, but for those whose request is with the service: what that has
    /// taken is still answered.
    pub(super) fn cut_unanswerable(&self) {
        let mut pool = self.lock();
        pool.closing = true;
        for connection in pool.open.values() {
            let _ = connection.tcp.shutdown(match connection.called {
                true => Shutdown::Read,
                false => Shutdown::Both,
            });
        }
    }

    /// Each connection ends at once.
    pub(super) fn cut(&self) {
        let mut pool = self.lock();
        pool.closing = true;
        for connection in pool.open.values() {
            let _ = connection.tcp.shutdown(Shutdown::Both);
        }
    }

    /// Waits until none is open, at most until then. Whether none is.
    pub(super) fn wait(&self, until: Instant) -> bool {
        let open = |pool: &mut Pool| !pool.open.is_empty();
        !wait_while(&self.ended, self.lock(), time_until(until), open).1
    }

    fn lock(&self) -> MutexGuard<'_, Pool> {
        lock(&self.pool)
    }
}

impl Pool {
    /// Shuts down the oldest of the connections that have sent nothing useful yet, but none whose
    /// request is with the service. A proven one never: its peer may be about to post, and would lose
    /// the answer. Whether there is one.
    fn evict(&mut self) -> bool {
        let oldest = self
            .open
            .values_mut()
            .filter(|one| !one.evicted && !one.called && !one.proven)
            .min_by_key(|one| one.since);
        let Some(connection) = oldest else {
            return false;
        };
        connection.evicted = true;
        let _ = connection.tcp.shutdown(Shutdown::Both);
        true
    }

    /// Whether one was evicted whose thread ends as soon as it runs.
    fn is_one_leaving(&self) -> bool {
        self.open.values().any(|one| one.evicted && !one.called)
    }
}

impl ConnectionEntry {
    /// A request begins to arrive.
    pub(super) fn begins(&self) {
        if let Some(connection) = self.connections.lock().open.get_mut(&self.number) {
            connection.busy = true;
        }
    }

    /// Its request goes to the service.
    pub(super) fn called(&self) {
        if let Some(connection) = self.connections.lock().open.get_mut(&self.number) {
            connection.called = true;
        }
    }

    /// A request was answered, by which the peer may be proven. Whether another may come.
    pub(super) fn answered(&self, proves: bool) -> bool {
        let mut pool = self.connections.lock();
        let closing = pool.closing;
        match pool.open.get_mut(&self.number) {
            Some(connection) => {
                connection.busy = false;
                connection.called = false;
                if proves {
                    connection.proven = true;
                }
                !closing && !connection.evicted
            }
            None => false,
        }
    }

    /// Whether this side has ended it.
    pub(super) fn was_ended(&self) -> bool {
        let pool = self.connections.lock();
        let evicted = pool.open.get(&self.number).is_some_and(|one| one.evicted);
        pool.closing || evicted
    }

    pub(super) fn is_closing(&self) -> bool {
        self.connections.lock().closing
    }
}

impl Drop for ConnectionEntry {
    fn drop(&mut self) {
        self.connections.lock().open.remove(&self.number);
        self.connections.ended.notify_all();
    }
}
