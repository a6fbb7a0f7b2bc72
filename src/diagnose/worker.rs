//! A small thread pool for probes, which block: shared by the process, started on demand, ended when idle.

use std::collections::VecDeque;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Mutex;

use crate::util::lock::lock;
use crate::util::thread::spawn_named;

pub(super) type Job = Box<dyn FnOnce() + Send>;

/// Enough that one server that does not answer does not delay probes of others.
const THREADS: usize = 4;

/// The length of the queue. Jobs beyond it are dropped: they would be too late anyway.
const QUEUED: usize = 16;

struct JobQueue {
    jobs: VecDeque<Job>,
    threads: usize,
}

static QUEUE: Mutex<JobQueue> = Mutex::new(JobQueue {
    jobs: VecDeque::new(),
    threads: 0,
});

/// Queues a job, or drops it when the queue is full.
pub(super) fn run(job: Job) {
    let mut queue = lock(&QUEUE);
    if queue.jobs.len() >= QUEUED {
        return;
    }
    queue.jobs.push_back(job);
    if queue.threads == THREADS {
        return;
    }
    if spawn_named("falco-probe", serve).is_ok() {
        queue.threads += 1;
    } else if queue.threads == 0 {
        queue.jobs.clear();
    }
}

fn serve() {
    while let Some(job) = next() {
        // A job that panics must not end the thread, which has others to run.
        let _panicked = catch_unwind(AssertUnwindSafe(job));
    }
}

fn next() -> Option<Job> {
    let mut queue = lock(&QUEUE);
    let job = queue.jobs.pop_front();
    if job.is_none() {
        queue.threads -= 1;
    }
    job
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::sync::mpsc;
    use std::time::Duration;

    #[test]
    fn jobs_run_after_those_that_panic_and_the_surplus_is_dropped() {
        let limit = Duration::from_secs(120);
        let (begun, begins) = mpsc::channel();
        let blockers: Vec<_> = (0..THREADS)
            .map(|_| {
                let (release, wait) = mpsc::channel::<()>();
                let begun = begun.clone();
                run(Box::new(move || {
                    begun.send(()).unwrap();
                    let _ = wait.recv_timeout(limit);
                    panic!("as a test wants it");
                }));
                release
            })
            .collect();
        // Each on a thread of its own, or they would not all begin.
        for _ in 0..THREADS {
            begins.recv_timeout(limit).unwrap();
        }
        let (sender, receiver) = mpsc::channel();
        for number in 0..QUEUED * 2 {
            let sender = sender.clone();
            run(Box::new(move || sender.send(number).unwrap()));
        }
        drop(sender);
        drop(blockers);
        let mut ran: Vec<_> = receiver.iter().collect();
        ran.sort_unstable();
        assert!(ran.iter().copied().eq(0..QUEUED), "{ran:?}");

        let (sender, receiver) = mpsc::channel();
        run(Box::new(move || sender.send(()).unwrap()));
        receiver.recv_timeout(limit).unwrap();
    }
}
