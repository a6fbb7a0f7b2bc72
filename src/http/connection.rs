//! One connection: what becomes of its first bytes, and what it is between two requests.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::connections::ConnectionEntry;
use super::exchange::{Exchange, Limits};
use super::protocol::Protocol;
use super::refusal::Refusal;
use super::service::HttpService;
use super::stream::Stream;
use crate::tls::ReloadingAcceptor;
use crate::util::deadline_stream::is_timeout;

/// A connection that is silent for longer is closed: its client connects again.
pub(super) const LONGEST_SILENCE: Duration = Duration::from_secs(5 * 60);

/// A connection of which nothing has been read.
pub(super) struct Accepted {
    pub tcp: Arc<TcpStream>,
    pub peer: SocketAddr,
    pub entry: ConnectionEntry,
    /// There is no room for it: it may probe, once, but not post.
    pub turned_away: bool,
}

/// A connection between two requests. Nothing of the next one has been read.
pub(super) struct PeerConnection {
    pub stream: Stream,
    pub entry: ConnectionEntry,
    pub peer: SocketAddr,
    pub turned_away: bool,
    /// When the last request was answered; None before the first.
    pub answered: Option<Instant>,
}

impl PeerConnection {
    /// When it is closed if nothing comes.
    pub(super) fn silent_until(&self) -> Instant {
        self.answered.unwrap_or_else(Instant::now) + LONGEST_SILENCE
    }
}

impl Accepted {
    /// Does the handshake where there is TLS. None where it ends already.
    pub(super) fn begin<S: HttpService>(
        self,
        tls: Option<&ReloadingAcceptor>,
        limits: &Limits,
        service: &S,
    ) -> Option<PeerConnection> {
        let deadline = Instant::now() + limits.request_timeout;
        let Some(acceptor) = tls else {
            let stream = Stream::plain(self.tcp.clone(), deadline).ok()?;
            return Some(self.with(stream));
        };
        match peek(&self.tcp, limits.request_timeout) {
            Ok(first) => {
                if let Some(protocol) = Protocol::instead_of_tls(&first) {
                    let stream = Stream::plain(self.tcp.clone(), deadline).ok()?;
                    let exchange = Exchange::of(self.with(stream), limits, service);
                    exchange.refuse(&Refusal::Protocol(protocol));
                    return None;
                }
            }
            Err(error) if is_timeout(&error) => {
                service.refused(self.peer, &Refusal::NoRequest);
                return None;
            }
            // A probe that only connects.
            Err(_) => return None,
        }
        match Stream::accept(self.tcp.clone(), acceptor, deadline) {
            Ok(stream) => Some(self.with(stream)),
            Err(error) => {
                service.refused(self.peer, &of_handshake(&error.to_string()));
                None
            }
        }
    }

    fn with(self, stream: Stream) -> PeerConnection {
        PeerConnection {
            stream,
            entry: self.entry,
            peer: self.peer,
            turned_away: self.turned_away,
            answered: None,
        }
    }
}

/// Why a handshake failed: by a TLS alert that the peer sent, or by what came from there.
fn of_handshake(error: &str) -> Refusal {
    let Some((_, alert)) = error.split_once("alert ") else {
        return Refusal::Handshake(error.to_owned());
    };
    // OpenSSL's text ends with a location in its source.
    let alert = alert.split(':').next().unwrap_or(alert);
    let is_of_certificate = ["certificate", "unknown ca"]
        .iter()
        .any(|part| alert.contains(part));
    match is_of_certificate {
        true => Refusal::CertificateRejected(alert.to_owned()),
        false => Refusal::Handshake(format!("TLS alert: {alert}")),
    }
}

/// The first bytes of a connection, which stay unread.
fn peek(tcp: &TcpStream, within: Duration) -> io::Result<Vec<u8>> {
    tcp.set_read_timeout(Some(within.max(Duration::from_millis(1))))?;
    let mut first = [0; 16];
    loop {
        match tcp.peek(&mut first) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => return Ok(first.get(..count).unwrap_or_default().to_vec()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
