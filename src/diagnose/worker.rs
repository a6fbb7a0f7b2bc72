//! A few threads for what blocks, shared by the process: made on demand, gone when there is no work.

use std::collections::VecDeque;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Mutex;

use crate::util::lock::lock;
use crate::util::thread::spawn_named;

pub(super) type Job = Box<dyn FnOnce() + Send>;

/// So many, that one server that says nothing does not hold up the others.
const THREADS: usize = 4;

/// Beyond it jobs are dropped: they would be late anyway.
const WAITING: usize = 16;

struct Work {
    jobs: VecDeque<Job>,
    threads: usize,
}

static WORK: Mutex<Work> = Mutex::new(Work {
    jobs: VecDeque::new(),
    threads: 0,
});

/// Runs `job` when its turn comes, or drops it.
pub(super) fn run(job: Job) {
    let mut work = lock(&WORK);
    if work.jobs.len() >= WAITING {
        return;
    }
    work.jobs.push_back(job);
    if work.threads == THREADS {
        return;
    }
    if spawn_named("falco-probe", serve).is_ok() {
        work.threads += 1;
    } else if work.threads == 0 {
        work.jobs.clear();
    }
}

fn serve() {
    while let Some(job) = next() {
        // One that panics must not keep the others from running. Its answer is dropped.
        let _panicked = catch_unwind(AssertUnwindSafe(job));
    }
}

fn next() -> Option<Job> {
    let mut work = lock(&WORK);
    let job = work.jobs.pop_front();
    if job.is_none() {
        work.threads -= 1;
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
        let (tell, told) = mpsc::channel();
        for number in 0..WAITING * 2 {
            let tell = tell.clone();
            run(Box::new(move || tell.send(number).unwrap()));
        }
        drop(tell);
        drop(blockers);
        let mut ran: Vec<_> = told.iter().collect();
        ran.sort_unstable();
        assert!(ran.iter().copied().eq(0..WAITING), "{ran:?}");

        let (tell, told) = mpsc::channel();
        run(Box::new(move || tell.send(()).unwrap()));
        told.recv_timeout(limit).unwrap();
    }
}
