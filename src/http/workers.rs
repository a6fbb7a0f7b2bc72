//! Threads that each do one job at a time. There are as many as it takes for no job to wait.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::util::lock::{lock, wait_while};
use crate::util::thread::spawn_named;

/// How long a thread without a job waits for another, before it ends.
const STAY: Duration = Duration::from_secs(2);

pub(super) struct Workers<J> {
    run: Box<dyn Fn(J) + Send + Sync>,
    state: Mutex<WorkerPool<J>>,
    ready: Condvar,
}

struct WorkerPool<J> {
    jobs: VecDeque<J>,
    threads: usize,
    /// How many of them have no job.
    waiting: usize,
    ended: bool,
}

impl<J: Send + 'static> Workers<J> {
    pub(super) fn new(run: impl Fn(J) + Send + Sync + 'static) -> Arc<Workers<J>> {
        Arc::new(Workers {
            run: Box::new(run),
            state: Mutex::new(WorkerPool {
                jobs: VecDeque::new(),
                threads: 0,
                waiting: 0,
                ended: false,
            }),
            ready: Condvar::new(),
        })
    }

    /// Does a job on a thread that waits for one, or on a new one. Where the system gives no more threads, it waits
    /// until one is free.
    ///
    /// # Errors
    ///
    /// The job, where there is no thread at all.
    pub(super) fn hand(self: &Arc<Self>, job: J) -> Result<(), (J, io::Error)> {
        let mut state = lock(&self.state);
        state.jobs.push_back(job);
        // Those that were woken and have not taken their job yet are still among the waiting.
        if state.waiting >= state.jobs.len() {
            drop(state);
            self.ready.notify_one();
            return Ok(());
        }
        state.threads += 1;
        drop(state);
        let mut worker = WorkerThread {
            workers: self.clone(),
            is_counted: true,
        };
        let work = move || {
            while let Some(job) = worker.next() {
                (worker.workers.run)(job);
            }
        };
        let Err(error) = spawn_named("falco-http", work) else {
            return Ok(());
        };
        let mut state = lock(&self.state);
        let job = match state.threads {
            0 => state.jobs.pop_back(),
            _ => None,
        };
        job.map_or(Ok(()), |job| Err((job, error)))
    }

    /// Ends the threads without a job now, and the others after theirs.
    pub(super) fn end(&self) {
        lock(&self.state).ended = true;
        self.ready.notify_all();
    }
}

/// A thread, which may end by the panic of a job, or not begin.
struct WorkerThread<J> {
    workers: Arc<Workers<J>>,
    is_counted: bool,
}

impl<J> WorkerThread<J> {
    /// None where it is to end: from then on nobody counts on it.
    fn next(&mut self) -> Option<J> {
        let mut state = lock(&self.workers.state);
        state.waiting += 1;
        let idle = |state: &mut WorkerPool<J>| state.jobs.is_empty() && !state.ended;
        let (mut state, _) = wait_while(&self.workers.ready, state, STAY, idle);
        state.waiting -= 1;
        let job = state.jobs.pop_front();
        if job.is_none() {
            state.threads -= 1;
            self.is_counted = false;
        }
        job
    }
}

impl<J> Drop for WorkerThread<J> {
    fn drop(&mut self) {
        if self.is_counted {
            lock(&self.workers.state).threads -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::sync::mpsc::{channel, Receiver};
    use std::time::Instant;

    const LIMIT: Duration = Duration::from_secs(60);

    fn wait_until(is_so: impl Fn() -> bool) {
        let begin = Instant::now();
        while !is_so() {
            assert!(begin.elapsed() < LIMIT);
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn no_job_waits_for_another_and_threads_are_used_again() {
        let (done, result) = channel();
        let done = Mutex::new(done);
        let workers = Workers::new(move |gate: Receiver<()>| {
            let opened = gate.recv().is_ok();
            let name = std::thread::current().id();
            lock(&done).send((opened, name)).unwrap();
        });
        let mut gates = Vec::new();
        for _ in 0..10 {
            let (gate, closed) = channel();
            workers.hand(closed).map_err(|(_, error)| error).unwrap();
            gates.push(gate);
        }
        // The last first: each has a thread.
        let mut threads = Vec::new();
        for gate in gates.iter().rev() {
            gate.send(()).unwrap();
            let (opened, thread) = result.recv_timeout(LIMIT).unwrap();
            assert!(opened && !threads.contains(&thread));
            threads.push(thread);
        }
        wait_until(|| lock(&workers.state).waiting == 10);
        let (gate, closed) = channel();
        workers.hand(closed).map_err(|(_, error)| error).unwrap();
        gate.send(()).unwrap();
        assert!(threads.contains(&result.recv_timeout(LIMIT).unwrap().1));
        workers.end();
        wait_until(|| lock(&workers.state).threads == 0);
    }

    #[test]
    fn a_job_that_panics_takes_its_thread_with_it_and_no_other() {
        let (done, result) = channel();
        let done = Mutex::new(done);
        let workers = Workers::new(move |panics: bool| {
            assert!(!panics, "as the test wants it");
            lock(&done).send(()).unwrap();
        });
        for panics in [true, false, true, false] {
            workers.hand(panics).map_err(|(_, error)| error).unwrap();
        }
        for _ in 0..2 {
            result.recv_timeout(LIMIT).unwrap();
        }
        workers.end();
        wait_until(|| lock(&workers.state).threads == 0);
    }
}
