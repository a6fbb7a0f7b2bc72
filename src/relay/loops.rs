//! Finds a relay whose sink leads back to one of its sources, however the two are spelt.

use std::fs;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::endpoint::Place;

impl Place {
    /// Whether alerts that go to the one come from the other.
    pub(super) fn is_same(&self, other: &Place) -> bool {
        match (self, other) {
            (Place::Path(one), Place::Path(other)) => is_same_file(one, other),
            (
                Place::Port { host, port },
                Place::Port {
                    host: other,
                    port: other_port,
                },
            ) => port == other_port && is_same_host(host, other, *port),
            (
                Place::Stream { host, port, name },
                Place::Stream {
                    host: other,
                    port: other_port,
                    name: other_name,
                },
            ) => port == other_port && name == other_name && is_same_host(host, other, *port),
            (
                Place::Topic { brokers, name },
                Place::Topic {
                    brokers: others,
                    name: other_name,
                },
            ) => {
                // One broker that is the same makes the cluster the same.
                let is_one = |(host, port): &(String, u16)| {
                    others.iter().any(|(other, other_port)| {
                        port == other_port && is_same_host(host, other, *port)
                    })
                };
                name == other_name && brokers.iter().any(is_one)
            }
            (
                Place::Path(_)
                | Place::Port { .. }
                | Place::Stream { .. }
                | Place::Topic { .. }
                | Place::Stdio,
                _,
            ) => false,
        }
    }
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    let id = |path: &Path| fs::metadata(path).map(|file| (file.dev(), file.ino()));
    match (id(one), id(other)) {
        (Ok(one), Ok(other)) => one == other,
        // One that is not there yet is told by its folder.
        _ => canonical(one) == canonical(other),
    }
}

/// The path without symbolic links, also of a file that is not there yet.
fn canonical(path: &Path) -> PathBuf {
    let canonical = fs::canonicalize(path).or_else(|_| {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let name = path.file_name().unwrap_or_default();
        fs::canonicalize(folder).map(|folder| folder.join(name))
    });
    canonical.unwrap_or_else(|_| path.to_owned())
}

/// The absolute path of a file, without symbolic links in its folder as far as that is there. What the
/// file itself links to may change.
pub(super) fn with_real_folder(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return path;
    };
    let real = folder.ancestors().find_map(|there| {
        let rest = folder.strip_prefix(there).ok()?;
        Some(fs::canonicalize(there).ok()?.join(rest).join(name))
    });
    real.unwrap_or(path)
}

/// Whether both are this machine, or the same other one.
fn is_same_host(one: &str, other: &str, port: u16) -> bool {
    if one.eq_ignore_ascii_case(other) {
        return true;
    }
    let (one, other) = (addresses(one, port), addresses(other, port));
    let is_any = |addresses: &[IpAddr]| addresses.iter().any(IpAddr::is_unspecified);
    if is_any(&one) || is_any(&other) {
        return one.iter().any(is_local) && other.iter().any(is_local);
    }
    one.iter().any(|address| other.contains(address))
}

fn addresses(host: &str, port: u16) -> Vec<IpAddr> {
    let found = (host, port).to_socket_addrs();
    let plain = |address: SocketAddr| address.ip().to_canonical();
    found.map_or_else(|_| Vec::new(), |found| found.map(plain).collect())
}

/// Whether it is an address of this machine: only such can be bound.
fn is_local(address: &IpAddr) -> bool {
    address.is_loopback() || address.is_unspecified() || UdpSocket::bind((*address, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(host: &str, port: u16) -> Place {
        let host = host.to_owned();
        Place::Port { host, port }
    }

    #[test]
    fn a_port_is_the_same_however_its_host_is_spelt() {
        for (one, other) in [
            ("127.0.0.1", "localhost"),
            ("localhost", "LOCALHOST"),
            ("0.0.0.0", "127.0.0.1"),
            ("0.0.0.0", "localhost"),
            ("::", "127.0.0.1"),
            ("::ffff:127.0.0.1", "127.0.0.1"),
        ] {
            assert!(port(one, 2801).is_same(&port(other, 2801)), "{one} {other}");
            assert!(port(other, 2801).is_same(&port(one, 2801)), "{one} {other}");
            assert!(!port(one, 2801).is_same(&port(other, 2802)));
        }
        // An address of the documentation, of no machine (RFC 5737).
        assert!(!port("0.0.0.0", 2801).is_same(&port("192.0.2.1", 2801)));
        assert!(!port("127.0.0.1", 2801).is_same(&port("192.0.2.1", 2801)));
    }

    #[test]
    fn a_file_is_the_same_however_its_path_is_spelt() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("alerts");
        let path = |text: &str| Place::Path(folder.path().join(text));
        // Before it is there, and then.
        for _ in 0..2 {
            assert!(path("alerts").is_same(&path("./alerts")));
            assert!(path("alerts").is_same(&path("../").join_name(folder.path(), "alerts")));
            assert!(!path("alerts").is_same(&path("others")));
            fs::write(&file, "").unwrap();
        }
        std::os::unix::fs::symlink(&file, folder.path().join("link")).unwrap();
        fs::hard_link(&file, folder.path().join("hard")).unwrap();
        assert!(path("link").is_same(&path("alerts")));
        assert!(path("hard").is_same(&path("alerts")));
        assert!(!Place::Stdio.is_same(&Place::Stdio));
    }

    #[test]
    fn links_in_a_folder_are_resolved_as_far_as_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let real = fs::canonicalize(folder.path()).unwrap();
        fs::create_dir(real.join("a")).unwrap();
        std::os::unix::fs::symlink(real.join("a"), real.join("link")).unwrap();
        std::os::unix::fs::symlink("b", real.join("a/file")).unwrap();
        for (path, resolved) in [
            ("link/./file", "a/file"),
            ("link/../a//file", "a/file"),
            ("link/not/there/./file", "a/not/there/file"),
        ] {
            assert_eq!(with_real_folder(&real.join(path)), real.join(resolved));
        }
        assert_eq!(with_real_folder(Path::new("/")), Path::new("/"));
    }

    impl Place {
        /// Up, and down again by the folder's own name.
        fn join_name(self, folder: &Path, name: &str) -> Place {
            match self {
                Place::Path(path) => Place::Path(path.join(folder.file_name().unwrap()).join(name)),
                other => other,
            }
        }
    }
}
