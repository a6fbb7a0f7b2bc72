use super::parse::LONGEST_PATH;
use super::*;
use crate::error::Error;

use std::io::Read;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::sync::{mpsc, Arc};
use std::thread;
use std::time::Duration;

use grpcio::{ChannelBuilder, Environment};

fn problem(text: &str) -> String {
    match text.parse::<Endpoint>() {
        Err(Error::Endpoint {
            endpoint,
            problem,
            remedy,
        }) => {
            assert_eq!(endpoint, text);
            format!("{problem}; {}", remedy.unwrap())
        }
        other => panic!("{text:?} gave {other:?}"),
    }
}

#[test]
fn good_endpoints_display_as_they_were_written() {
    let tcp = |host: &str, port| Endpoint::Tcp {
        host: host.into(),
        port,
    };
    let unix = |path: &str| Endpoint::Unix(path.into());
    let listen = |tls, host: &str, port| Endpoint::Listen {
        tls,
        host: host.into(),
        port,
    };
    for (text, endpoint) in [
        (Endpoint::DEFAULT, unix("/run/falco/falco.sock")),
        ("unix:///a b/%41?#.sock", unix("/a b/%41?#.sock")),
        ("localhost:5060", tcp("localhost", 5060)),
        (
            "falco_1.example.org.:65535",
            tcp("falco_1.example.org.", 65535),
        ),
        ("127.0.0.1:1", tcp("127.0.0.1", 1)),
        ("[::1]:5060", tcp("::1", 5060)),
        ("[fe80::1%eth0]:5060", tcp("fe80::1%eth0", 5060)),
        ("dns:5060", tcp("dns", 5060)),
        ("listen+http://0.0.0.0:0", listen(false, "0.0.0.0", 0)),
        ("listen+https://[::1]:2801", listen(true, "::1", 2801)),
        (
            "file:///var/log/a b.log",
            Endpoint::File("/var/log/a b.log".into()),
        ),
        ("-", Endpoint::Stdin),
    ] {
        assert_eq!(text.parse::<Endpoint>().unwrap(), endpoint);
        assert_eq!(endpoint.to_string(), text);
    }
    let longest = format!("unix:///{}", "x".repeat(LONGEST_PATH - 1));
    assert_eq!(longest.parse::<Endpoint>().unwrap().to_string(), longest);
}

#[test]
fn each_bad_endpoint_names_its_remedy() {
    let long = format!("unix:///{}", "x".repeat(LONGEST_PATH));
    for (text, parts) in [
        (
            "",
            ["is empty", "unix:///run/falco/falco.sock or host:port"],
        ),
        (" \t", ["is empty", "localhost:5060"]),
        ("localhost", ["no port", "write localhost:5060"]),
        ("localhost:", ["no port", "write localhost:5060"]),
        ("[::1]", ["no port", "write [::1]:5060"]),
        (":5060", ["no host", "write localhost:5060"]),
        (
            "/run/falco.sock",
            ["path without a scheme", "write unix:///run/falco.sock"],
        ),
        (
            "run/falco.sock",
            [
                "neither an absolute path nor",
                "unix:///run/falco/falco.sock",
            ],
        ),
        ("http://x:1", ["an address to send to", "listen+http://x:1"]),
        (
            "/var/log/falco/events.json",
            [
                "without a scheme",
                "write file:///var/log/falco/events.json",
            ],
        ),
        (
            "file:/var/log/falco.log",
            ["two slashes", "write file:///var/log/falco.log"],
        ),
        (
            "listen+http://0.0.0.0",
            ["no port", "write listen+http://0.0.0.0:2801"],
        ),
        (
            "listen+https://:2801",
            ["no host", "write listen+https://0.0.0.0:2801"],
        ),
        (
            "listen+http://::1",
            ["colon", "write listen+http://[::1]:2801"],
        ),
        (
            "http://:2801",
            ["send to", "write listen+http://0.0.0.0:2801"],
        ),
        ("listen+https://x:1/alerts", ["has a path", "leave it out"]),
        (
            "file://falco.log",
            ["no absolute path", "file:///var/log/falco.log"],
        ),
        ("file:///", ["no absolute path", "write the file's"]),
        ("tcp://localhost:5060", ["scheme tcp", "host:port"]),
        (
            "localhost:0",
            ["port 0", "1 to 65535 (Falco's default is 5060)"],
        ),
        ("localhost:70000", ["port 70000", "1 to 65535"]),
        ("localhost:-1", ["port -1", "1 to 65535"]),
        ("localhost:+80", ["port +80", "1 to 65535"]),
        ("localhost:grpc", ["port grpc", "1 to 65535"]),
        ("[::1]:99999999999", ["port 99999999999", "1 to 65535"]),
        ("::1", ["more than one colon", "write [::1]:5060"]),
        (
            "::1:5060",
            ["put an IPv6 address in brackets", "write [::1]:5060"],
        ),
        (
            "[::1:5060",
            ["no IPv6 address in its brackets", "write [::1]:5060"],
        ),
        (
            "[localhost]:5060",
            ["no IPv6 address in its brackets", "write [::1]:5060"],
        ),
        (
            "a b:5060",
            ["neither a DNS name nor an IP address", "localhost:5060"],
        ),
        (
            "user@host:5060",
            ["neither a DNS name nor an IP address", "localhost:5060"],
        ),
        ("unix:///run/a,b.sock", ["comma", "symbolic link"]),
        ("unix://", ["no path", "write unix:///run/falco/falco.sock"]),
        (
            "unix:",
            ["no absolute path", "write unix:///run/falco/falco.sock"],
        ),
        (
            "unix:/run/f.sock",
            ["lacks two slashes", "write unix:///run/f.sock"],
        ),
        (
            "unix://run/f.sock",
            ["relative path run/f.sock", "write an absolute one"],
        ),
        (
            &long,
            ["bytes, and a socket's address holds", "use a shorter path"],
        ),
        (
            "unix:///run/f\0.sock",
            ["a NUL", "write unix:///run/falco/falco.sock"],
        ),
        ("localhost:5060\n", ["a line break", "localhost:5060"]),
    ] {
        let problem = problem(text);
        for part in parts {
            assert!(
                problem.contains(part),
                "{text:?}: {problem} (expected {part:?})"
            );
        }
    }
}

#[test]
fn the_longest_path_is_the_systems() {
    use std::os::unix::net::SocketAddr;
    assert!(SocketAddr::from_pathname("x".repeat(LONGEST_PATH)).is_ok());
    assert!(SocketAddr::from_pathname("x".repeat(LONGEST_PATH + 1)).is_err());
}

/// What C-core says first on the connection it makes to `endpoint`'s target.
fn greeting<L, S: Read + 'static>(endpoint: Endpoint, listener: L, accept: fn(&L) -> S) -> Vec<u8>
where
    L: Send + 'static,
{
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut greeting = [0; 14];
        accept(&listener).read_exact(&mut greeting).unwrap();
        sender.send(greeting.to_vec())
    });
    let environment = Arc::new(Environment::new(1));
    let channel = ChannelBuilder::new(environment).connect(&endpoint.target());
    channel.check_connectivity_state(true);
    receiver
        .recv_timeout(Duration::from_secs(20))
        .expect("no connection arrived")
}

#[test]
fn c_core_connects_to_a_unix_socket_of_any_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a b%41?c#d é:[]\\.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let greeting = greeting(Endpoint::Unix(path), listener, |l| l.accept().unwrap().0);
    assert_eq!(greeting, b"PRI * HTTP/2.0");
}

#[test]
fn c_core_connects_to_names_and_addresses() {
    for host in ["localhost", "127.0.0.1", "::1"] {
        let listener = match TcpListener::bind((host, 0)) {
            Ok(listener) => listener,
            // Some containers have no IPv6.
            Err(error) if host == "::1" => return eprintln!("skipped {host}: {error}"),
            Err(error) => panic!("{host}: {error}"),
        };
        let port = listener.local_addr().unwrap().port();
        let endpoint = Endpoint::Tcp {
            host: host.into(),
            port,
        };
        let greeting = greeting(endpoint, listener, |l| l.accept().unwrap().0);
        assert_eq!(greeting, b"PRI * HTTP/2.0", "{host}");
    }
}

#[cfg(feature = "server")]
#[test]
fn a_server_may_leave_the_port_to_the_system() {
    let endpoint = Endpoint::for_listening("[::]:0").unwrap();
    assert_eq!(
        endpoint,
        Endpoint::Tcp {
            host: "::".into(),
            port: 0
        }
    );
    assert!(Endpoint::for_listening("[::]:65536").is_err());
}

#[test]
fn slashes_before_a_path_are_one() {
    let endpoint: Endpoint = "unix:////run/a.sock".parse().unwrap();
    assert_eq!(endpoint.to_string(), "unix:///run/a.sock");
}
