//! A thread for what blocks, shared by the process: made on demand, gone when there is no work.

use std::collections::VecDeque;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

pub(super) type Job = Box<dyn FnOnce() + Send>;

/// Beyond it jobs are dropped: they would be late anyway.
const WAITING: usize = 16;

struct Work {
    jobs: VecDeque<Job>,
    running: bool,
}

static WORK: Mutex<Work> = Mutex::new(Work {
    jobs: VecDeque::new(),
    running: false,
});

fn lock() -> MutexGuard<'static, Work> {
    WORK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `job` after those before it, or drops it.
pub(super) fn run(job: Job) {
    let mut work = lock();
    if work.jobs.len() >= WAITING {
        return;
    }
    work.jobs.push_back(job);
    if work.running {
        return;
    }
    let thread = thread::Builder::new().name("falco-client look".to_owned());
    work.running = thread.spawn(serve).is_ok();
    if !work.running {
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
    let mut work = lock();
    let job = work.jobs.pop_front();
    work.running = job.is_some();
    job
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::sync::mpsc;
    use std::time::Duration;

    #[test]
    fn jobs_run_in_order_after_one_that_panics_and_the_surplus_is_dropped() {
        let (release, wait) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let limit = Duration::from_secs(120);
        run(Box::new(move || {
            let _ = wait.recv_timeout(limit);
            panic!("as a test wants it");
        }));
        for number in 0..WAITING * 2 {
            let tell = tell.clone();
            run(Box::new(move || tell.send(number).unwrap()));
        }
        drop(tell);
        release.send(()).unwrap();
        let ran: Vec<_> = told.iter().collect();
        // The first may have been taken out of the queue by then, or not.
        assert!(
            [WAITING - 1, WAITING].contains(&ran.len()) && ran.iter().copied().eq(0..ran.len()),
            "{ran:?}"
        );

        let (tell, told) = mpsc::channel();
        run(Box::new(move || tell.send(()).unwrap()));
        told.recv_timeout(limit).unwrap();
    }
}
