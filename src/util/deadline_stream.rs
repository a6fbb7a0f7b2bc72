//! A TCP stream whose reads and writes end by a deadline, however slowly its peer sends.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::lock::time_until;

/// The text of the error after the deadline, by which it is recognized inside a TLS error.
pub(crate) const TIMED_OUT: &str = "no answer in the time that was allowed";

/// How much a socket timeout may be off before it is set again, which costs a system call.
const TOLERANCE: Duration = Duration::from_millis(100);

/// No socket has this timeout.
const UNSET: Duration = Duration::MAX;

/// Reads and writes fail with [`io::ErrorKind::TimedOut`] after the deadline.
#[derive(Debug)]
pub(crate) struct DeadlineStream {
    tcp: Arc<TcpStream>,
    deadline: Instant,
    read_timeout: Duration,
    write_timeout: Duration,
}

impl DeadlineStream {
    pub(crate) fn new(tcp: impl Into<Arc<TcpStream>>, deadline: Instant) -> DeadlineStream {
        DeadlineStream {
            tcp: tcp.into(),
            deadline,
            read_timeout: UNSET,
            write_timeout: UNSET,
        }
    }

    pub(crate) fn set_deadline(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }

    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.tcp.shutdown(how)
    }
}

impl Read for DeadlineStream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        until(self.deadline, &mut self.read_timeout, |timeout| {
            if let Some(timeout) = timeout {
                self.tcp.set_read_timeout(Some(timeout))?;
            }
            (&*self.tcp).read(bytes)
        })
    }
}

impl Write for DeadlineStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        until(self.deadline, &mut self.write_timeout, |timeout| {
            if let Some(timeout) = timeout {
                self.tcp.set_write_timeout(Some(timeout))?;
            }
            (&*self.tcp).write(bytes)
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Repeats `attempt` until it succeeds, fails for good, or the deadline has passed. It is given a
/// timeout where the socket has another.
fn until(
    deadline: Instant,
    current: &mut Duration,
    mut attempt: impl FnMut(Option<Duration>) -> io::Result<usize>,
) -> io::Result<usize> {
    loop {
        let left = time_until(deadline);
        if left.is_zero() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, TIMED_OUT));
        }
        let timeout = (current.abs_diff(left) > TOLERANCE).then_some(left);
        if let Some(timeout) = timeout {
            *current = timeout;
        }
        match attempt(timeout) {
            // The socket's timeout may end a little before the deadline.
            Err(error) if is_timeout(&error) => *current = UNSET,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Whether a socket's own timeout is over.
pub(crate) fn is_timeout(error: &io::Error) -> bool {
    use io::ErrorKind::{TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut)
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::net::TcpListener;
    use std::thread;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    #[test]
    fn a_peer_that_sends_slowly_does_not_move_the_deadline() {
        let (client, mut peer) = pair();
        let sending = thread::spawn(move || {
            while peer.write_all(b"a").is_ok() {
                thread::sleep(Duration::from_millis(5));
            }
        });
        let deadline = Instant::now() + Duration::from_millis(300);
        let mut stream = DeadlineStream::new(client, deadline);
        let error = loop {
            if let Err(error) = stream.read(&mut [0]) {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(Instant::now() >= deadline);
        drop(stream);
        sending.join().unwrap();
    }

    #[test]
    fn a_peer_that_reads_nothing_holds_up_no_writer() {
        let (client, _peer) = pair();
        let deadline = Instant::now() + Duration::from_millis(300);
        let mut stream = DeadlineStream::new(client, deadline);
        let error = loop {
            if let Err(error) = stream.write(&[0; 65536]) {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        // A later deadline counts from now on.
        stream.set_deadline(Instant::now() + Duration::from_secs(60));
        stream.shutdown(Shutdown::Both).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }
}
