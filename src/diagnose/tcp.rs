//! Probes the host name and the TCP connection.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::time::Instant;

use super::texts::UNKNOWN_HOST;
use super::{Finding, Step};
use crate::error::Problem;
use crate::util::lock::time_until;
use crate::util::thread::spawn_named;

/// Looks up the addresses of `host`, on a thread of its own, as a lookup has no deadline.
pub(crate) fn resolve(
    host: &str,
    port: u16,
    deadline: Instant,
    findings: &mut Vec<Finding>,
) -> Result<Vec<SocketAddr>, Finding> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let failed = |problem: Problem| Finding::failed(Step::Name, problem.of(host));
    let (sender, receiver) = mpsc::channel();
    let name = host.to_owned();
    let look_up = move || {
        let addresses = (name.as_str(), port).to_socket_addrs();
        let _caller_is_gone = sender.send(addresses.map(Iterator::collect::<Vec<_>>));
    };
    spawn_named("falco-resolve", look_up)
        .map_err(|error| failed(Problem::alone(format!("cannot be looked up: {error}"))))?;
    let addresses = match receiver.recv_timeout(time_until(deadline)) {
        Ok(Ok(addresses)) if !addresses.is_empty() => addresses,
        Ok(Ok(_)) => return Err(failed(UNKNOWN_HOST)),
        Ok(Err(error)) => return Err(failed(unknown_host(&error))),
        Err(_) => {
            return Err(failed(Problem::fixed(
                "the lookup of the host name took too long",
                "see whether the name servers of this machine answer, or give the IP address",
            )))
        }
    };
    // IPv6 literals with a zone are looked up as well: only the system can parse them.
    if !host.contains(':') {
        let shown: Vec<_> = addresses.iter().map(|it| it.ip().to_string()).collect();
        findings.push(Finding::ok(
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

/// Connects to the first of the addresses that accepts, as C-core does. `refused` is the problem where
/// nothing listens.
pub(super) fn connect(
    addresses: &[SocketAddr],
    deadline: Instant,
    refused: &Problem,
    findings: &mut Vec<Finding>,
) -> Result<(TcpStream, SocketAddr), Finding> {
    let mut failure = Finding::failed(Step::Tcp, UNKNOWN_HOST);
    for address in addresses {
        match open(address, deadline) {
            Ok(stream) => {
                findings.push(Finding::ok(
                    Step::Tcp,
                    format!("{address} accepts connections"),
                ));
                return Ok((stream, *address));
            }
            Err(error) => failure = Finding::failed(Step::Tcp, refusal(address, &error, refused)),
        }
    }
    Err(failure)
}

pub(super) fn open(address: &SocketAddr, deadline: Instant) -> io::Result<TcpStream> {
    let left = time_until(deadline);
    if left.is_zero() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    TcpStream::connect_timeout(address, left)
}

fn refusal(address: &SocketAddr, error: &io::Error, refused: &Problem) -> Problem {
    let problem = match error.kind() {
        io::ErrorKind::ConnectionRefused => refused.clone(),
        io::ErrorKind::TimedOut => Problem::fixed(
            "the connection timed out",
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
