//! From a host name to a TCP connection.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::time::Instant;

use super::texts::{REFUSED, UNKNOWN_HOST};
use super::{Finding, Step};
use crate::error::Problem;
use crate::util::thread::spawn_named;

/// The addresses of `host`, looked up on a thread of its own, as a look-up has no deadline.
pub(super) fn resolve(
    host: &str,
    port: u16,
    until: Instant,
    found: &mut Vec<Finding>,
) -> Result<Vec<SocketAddr>, Finding> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let failed = |problem: Problem| Finding::failed(Step::Name, problem.of(host));
    let (tell, told) = mpsc::channel();
    let name = host.to_owned();
    let look_up = move || {
        let addresses = (name.as_str(), port).to_socket_addrs();
        let _nobody_waits = tell.send(addresses.map(Iterator::collect::<Vec<_>>));
    };
    spawn_named("falco-resolve", look_up)
        .map_err(|error| failed(Problem::alone(format!("cannot be looked up: {error}"))))?;
    let left = until.saturating_duration_since(Instant::now());
    let addresses = match told.recv_timeout(left) {
        Ok(Ok(addresses)) if !addresses.is_empty() => addresses,
        Ok(Ok(_)) => return Err(failed(UNKNOWN_HOST)),
        Ok(Err(error)) => return Err(failed(unknown_host(&error))),
        Err(_) => {
            return Err(failed(Problem::fixed(
                "the look-up of the host name took too long",
                "see whether the name servers of this machine answer, or give the IP address",
            )))
        }
    };
    // Literals of IPv6 with a zone come this way too, which only the system can read.
    if !host.contains(':') {
        let shown: Vec<_> = addresses.iter().map(|it| it.ip().to_string()).collect();
        found.push(Finding::ok(
            Step::Name,
            format!("{host} is {}", shown.join(", ")),
        ));
    }
    Ok(addresses)
}

fn unknown_host(error: &io::Error) -> Problem {
    let reason = error.to_string();
    let prefix = "failed to lookup address information: ";
    UNKNOWN_HOST.because(reason.strip_prefix(prefix).unwrap_or(&reason))
}

/// A connection to the first of the addresses that takes one, as C-core makes it.
pub(super) fn connect(
    addresses: &[SocketAddr],
    until: Instant,
    found: &mut Vec<Finding>,
) -> Result<(TcpStream, SocketAddr), Finding> {
    let mut failure = Finding::failed(Step::Tcp, UNKNOWN_HOST);
    for address in addresses {
        match open(address, until) {
            Ok(stream) => {
                found.push(Finding::ok(
                    Step::Tcp,
                    format!("{address} takes connections"),
                ));
                return Ok((stream, *address));
            }
            Err(error) => failure = Finding::failed(Step::Tcp, refusal(address, &error)),
        }
    }
    Err(failure)
}

pub(super) fn open(address: &SocketAddr, until: Instant) -> io::Result<TcpStream> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    TcpStream::connect_timeout(address, left)
}

fn refusal(address: &SocketAddr, error: &io::Error) -> Problem {
    let problem = match error.kind() {
        io::ErrorKind::ConnectionRefused => REFUSED,
        io::ErrorKind::TimedOut => Problem::fixed(
            "no answer to a connection in time",
            "see whether the address is right and no firewall drops the packets, or allow more \
             with connect_timeout",
        ),
        _ => {
            let remedy = "see whether the address is right and this machine has a route to it";
            (error.to_string(), remedy).into()
        }
    };
    problem.of(address)
}
