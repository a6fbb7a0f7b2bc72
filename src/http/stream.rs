//! A connection with or without TLS, whose reads and writes end by a deadline.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use openssl::ssl::{HandshakeError, SslStream};
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::io::retry_on_intr;

use crate::tls::ReloadingAcceptor;
use crate::util::deadline_stream::DeadlineStream;

pub(super) enum Stream {
    Plain(DeadlineStream),
    Tls(Box<SslStream<DeadlineStream>>),
}

impl Stream {
    pub(super) fn plain(tcp: Arc<TcpStream>, deadline: Instant) -> io::Result<Stream> {
        tcp.set_nodelay(true)?;
        Ok(Stream::Plain(DeadlineStream::new(tcp, deadline)))
    }

    /// Does the TLS handshake.
    pub(super) fn accept(
        tcp: Arc<TcpStream>,
        acceptor: &ReloadingAcceptor,
        deadline: Instant,
    ) -> io::Result<Stream> {
        tcp.set_nodelay(true)?;
        match acceptor
            .current()
            .accept(DeadlineStream::new(tcp, deadline))
        {
            Ok(stream) => Ok(Stream::Tls(Box::new(stream))),
            Err(HandshakeError::SetupFailure(error)) => Err(error.into()),
            Err(HandshakeError::Failure(stream) | HandshakeError::WouldBlock(stream)) => {
                Err(io::Error::other(stream.error().to_string()))
            }
        }
    }

    pub(super) fn is_tls(&self) -> bool {
        match self {
            Stream::Plain(_) => false,
            Stream::Tls(_) => true,
        }
    }

    pub(super) fn tcp(&self) -> &TcpStream {
        match self {
            Stream::Plain(stream) => stream.tcp(),
            Stream::Tls(stream) => stream.get_ref().tcp(),
        }
    }

    /// Waits until there is something to read, or the input has ended. Whether that is so in time.
    pub(super) fn wait(&self, most: Duration) -> bool {
        if let Stream::Tls(stream) = self {
            if stream.ssl().pending() > 0 {
                return true;
            }
        }
        let mut watched = [PollFd::new(self.tcp(), PollFlags::IN)];
        let timeout = Timespec::try_from(most).ok();
        // Whatever else the system says, reading says it as well.
        retry_on_intr(|| poll(&mut watched, timeout.as_ref())) != Ok(0)
    }

    /// Reads and writes fail after the deadline.
    pub(super) fn set_deadline(&mut self, deadline: Instant) {
        match self {
            Stream::Plain(stream) => stream.set_deadline(deadline),
            Stream::Tls(stream) => stream.get_mut().set_deadline(deadline),
        }
    }

    /// Ends the writing side, and discards what arrives for `time`.
    pub(super) fn linger(&mut self, time: Duration) {
        self.set_deadline(Instant::now() + time);
        let ended = match self {
            Stream::Plain(stream) => stream.shutdown(Shutdown::Write),
            Stream::Tls(stream) => {
                let _ = stream.shutdown();
                stream.get_ref().shutdown(Shutdown::Write)
            }
        };
        let mut scratch = [0; 4096];
        if ended.is_ok() {
            while matches!(self.read(&mut scratch), Ok(1..)) {}
        }
    }
}

impl Read for Stream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.read(bytes),
            Stream::Tls(stream) => stream.read(bytes),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.write(bytes),
            Stream::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
