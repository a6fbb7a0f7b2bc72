//! Whether the host of `http_output.url` is where the endpoint listens.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::time::Instant;

use crate::diagnose::tcp::resolve;

/// Where a host leads to, as seen from this machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::check) enum HostPlace {
    /// An address of this machine that its loopback interface has.
    Loopback(Vec<IpAddr>),
    /// Another address of this machine.
    Here(Vec<IpAddr>),
    /// No address of this machine.
    Elsewhere(Vec<IpAddr>),
    /// The host cannot be looked up here.
    Unknown,
}

impl HostPlace {
    pub fn of(host: &str, deadline: Instant) -> HostPlace {
        let Ok(found) = resolve(host, 0, deadline, &mut Vec::new()) else {
            return HostPlace::Unknown;
        };
        // A connection to no address in particular goes to this machine.
        let mut addresses: Vec<_> = found.iter().map(|it| connected(it.ip())).collect();
        addresses.dedup();
        if addresses.iter().any(IpAddr::is_loopback) {
            HostPlace::Loopback(addresses)
        } else if addresses.iter().copied().any(is_of_this_machine) {
            HostPlace::Here(addresses)
        } else {
            HostPlace::Elsewhere(addresses)
        }
    }

    pub fn addresses(&self) -> &[IpAddr] {
        match self {
            HostPlace::Loopback(it) | HostPlace::Here(it) | HostPlace::Elsewhere(it) => it,
            HostPlace::Unknown => &[],
        }
    }

    pub fn is_this_machine(&self) -> bool {
        matches!(self, HostPlace::Loopback(_) | HostPlace::Here(_))
    }
}

fn connected(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(it) if it.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(it) if it.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        other => other.to_canonical(),
    }
}

/// The system lets only its own addresses be bound.
fn is_of_this_machine(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

/// Which addresses a listener takes connections at.
pub(super) enum Listens {
    Everywhere,
    /// All that are IPv4.
    EverywhereV4,
    At(IpAddr),
    Unknown,
}

impl Listens {
    pub fn of(host: &str, deadline: Instant) -> Listens {
        let found = resolve(host, 0, deadline, &mut Vec::new()).unwrap_or_default();
        // The listener binds the first that it can.
        let address = found
            .iter()
            .map(|it| it.ip())
            .find(|it| is_of_this_machine(*it));
        match address {
            Some(IpAddr::V6(it)) if it.is_unspecified() => Listens::Everywhere,
            Some(IpAddr::V4(it)) if it.is_unspecified() => Listens::EverywhereV4,
            Some(address) => Listens::At(address),
            None => Listens::Unknown,
        }
    }

    pub fn takes(&self, address: IpAddr) -> bool {
        match self {
            Listens::Everywhere | Listens::Unknown => true,
            Listens::EverywhereV4 => address.is_ipv4(),
            Listens::At(own) => *own == address,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::time::Duration;

    fn place(host: &str) -> HostPlace {
        HostPlace::of(host, Instant::now() + Duration::from_secs(60))
    }

    #[test]
    fn hosts_are_of_this_machine_or_not() {
        for host in ["127.0.0.1", "127.1.2.3", "0.0.0.0", "localhost", "::1"] {
            assert!(matches!(place(host), HostPlace::Loopback(_)), "{host}");
        }
        // A network for documentation.
        assert!(matches!(place("192.0.2.1"), HostPlace::Elsewhere(_)));
        assert_eq!(place("no-such-host.invalid"), HostPlace::Unknown);
    }

    #[test]
    fn a_listener_takes_what_it_is_bound_to() {
        let deadline = Instant::now() + Duration::from_secs(60);
        let v4: IpAddr = [192, 0, 2, 1].into();
        let v6: IpAddr = Ipv6Addr::LOCALHOST.into();
        let all = Listens::of("0.0.0.0", deadline);
        assert!(all.takes(v4) && !all.takes(v6));
        let one = Listens::of("127.0.0.1", deadline);
        assert!(one.takes([127, 0, 0, 1].into()) && !one.takes([127, 0, 0, 2].into()));
        assert!(Listens::Everywhere.takes(v4) && Listens::Everywhere.takes(v6));
    }
}
