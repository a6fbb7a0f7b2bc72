//! On which cores the server and its reader run.

use nix::sched::{sched_getaffinity, sched_setaffinity, CpuSet};
use nix::unistd::Pid;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Placement {
    /// As the system likes.
    Free,
    /// The server has a core of its own. A reader may need two of the others.
    Apart,
}

#[derive(Clone, Copy, Debug)]
pub enum Role {
    Server,
    Reader,
}

impl Placement {
    /// Those that this machine has cores for.
    pub fn all() -> &'static [Placement] {
        match cores().len() {
            ..3 => &[Placement::Free],
            _ => &[Placement::Free, Placement::Apart],
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Placement::Free => "free",
            Placement::Apart => "server apart",
        }
    }

    /// Starts a process, which inherits the cores of this thread.
    pub fn start<T>(self, role: Role, start: impl FnOnce() -> T) -> T {
        if self == Placement::Free {
            return start();
        }
        let all = cores();
        let (first, others) = all.split_at(1);
        stay_on(match role {
            Role::Server => first,
            Role::Reader => others,
        });
        let started = start();
        stay_on(&all);
        started
    }
}

/// Those that this thread may run on.
fn cores() -> Vec<usize> {
    let allowed = sched_getaffinity(Pid::from_raw(0)).unwrap();
    (0..CpuSet::count())
        .filter(|&core| allowed.is_set(core).unwrap())
        .collect()
}

fn stay_on(cores: &[usize]) {
    let mut allowed = CpuSet::new();
    for &core in cores {
        allowed.set(core).unwrap();
    }
    sched_setaffinity(Pid::from_raw(0), &allowed).unwrap();
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn server_and_reader_have_no_core_in_common() {
        let all = cores();
        if all.len() < 2 {
            return;
        }
        let count = |role| {
            let output = Placement::Apart.start(role, || Command::new("nproc").output().unwrap());
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        assert_eq!(count(Role::Server), "1");
        assert_eq!(count(Role::Reader), (all.len() - 1).to_string());
        assert_eq!(cores(), all);
    }
}
