//! The connections that are open, and which of them makes way for another.

use std::collections::HashMap;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::util::lock::{lock, time_until, wait_while};

/// How soon one that was sent away has ended.
const LEAVING: Duration = Duration::from_millis(100);

#[derive(Default)]
pub(super) struct Connections {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    next: u64,
    open: HashMap<u64, Connection>,
    closing: bool,
}

struct Connection {
    tcp: Arc<TcpStream>,
    /// A request has begun to come.
    busy: bool,
    /// Its request is with the service, which may hold it up.
    called: bool,
    /// It was sent away, and its thread has not ended yet.
    evicted: bool,
    /// It has brought a request that was answered.
    proven: bool,
    /// Since when it has stood, or been silent after an answer.
    since: Instant,
}

/// One connection's entry, taken out when it is dropped.
pub(super) struct Entry {
    connections: Arc<Connections>,
    number: u64,
}

impl Connections {
    /// Notes one more. Where there are `most` already, the one that is missed least makes way; none
    /// where all of them wait for room, or have not gone yet.
    pub(super) fn enter(self: &Arc<Self>, tcp: Arc<TcpStream>, most: usize) -> Option<Entry> {
        let mut state = self.lock();
        if state.open.len() >= most {
            state.evict();
            let full = |state: &mut State| state.open.len() >= most;
            let (left, still_full) = wait_while(&self.ended, state, LEAVING, full);
            if still_full {
                return None;
            }
            state = left;
        }
        let number = state.next;
        state.next += 1;
        if state.closing {
            let _ = tcp.shutdown(Shutdown::Read);
        }
        let connection = Connection {
            tcp,
            busy: false,
            called: false,
            evicted: false,
            proven: false,
            since: Instant::now(),
        };
        state.open.insert(number, connection);
        Some(Entry {
            connections: self.clone(),
            number,
        })
    }

    /// Lets one go, where descriptors are short.
    pub(super) fn evict(&self) {
        self.lock().evict();
    }

    /// Each connection ends after the request that it is about, or that has come already.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closing = true;
        for connection in state.open.values().filter(|connection| !connection.busy) {
            // What has come is still read.
            let _ = connection.tcp.shutdown(Shutdown::Read);
        }
    }

    /// Each connection ends at once.
    pub(super) fn cut(&self) {
        let mut state = self.lock();
        state.closing = true;
        for connection in state.open.values() {
            let _ = connection.tcp.shutdown(Shutdown::Both);
        }
    }

    /// Waits until none is left, at most until then: whether none is.
    pub(super) fn wait(&self, until: Instant) -> bool {
        let open = |state: &mut State| !state.open.is_empty();
        !wait_while(&self.ended, self.lock(), time_until(until), open).1
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl State {
    fn evict(&mut self) {
        let least = self
            .open
            .values_mut()
            .filter(|one| !one.called && !one.evicted)
            .min_by_key(|one| (one.proven, one.proven && one.busy, one.since));
        if let Some(connection) = least {
            connection.evicted = true;
            let _ = connection.tcp.shutdown(Shutdown::Both);
        }
    }
}

impl Entry {
    /// A request begins to come.
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

    /// A request was answered. Whether another may come.
    pub(super) fn answered(&self) -> bool {
        let mut state = self.connections.lock();
        let closing = state.closing;
        match state.open.get_mut(&self.number) {
            Some(connection) => {
                connection.busy = false;
                connection.called = false;
                connection.proven = true;
                connection.since = Instant::now();
                !closing && !connection.evicted
            }
            None => false,
        }
    }

    pub(super) fn is_closing(&self) -> bool {
        self.connections.lock().closing
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.connections.lock().open.remove(&self.number);
        self.connections.ended.notify_all();
    }
}
