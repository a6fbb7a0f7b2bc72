//! Sockets, ports, names, and what else may listen there.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use falco_client::api::version::{Request, Response};
use falco_client::check::{Check, Outcome, Report, Step};
use falco_client::{Client, Config, Error, Tls};
use grpcio::{
    pb_de, pb_ser, EnvBuilder, Marshaller, Method, MethodType, RpcContext, ServerBuilder,
    ServerStreamingSink, ServiceBuilder,
};
use openssl::pkey::PKey;
use openssl::ssl::{
    select_next_proto, AlpnError, SslAcceptor, SslContextBuilder, SslMethod, SslStream,
    SslVerifyMode, SslVersion,
};
use openssl::x509::X509;

use super::check;
use crate::common::certificates::Certificates;
use crate::common::{self, Falco};

fn steps(report: &Report) -> Vec<Step> {
    report
        .findings()
        .iter()
        .map(|finding| finding.step)
        .collect()
}

/// The way is broken at this step, and what is said there and by a client is the same.
#[track_caller]
fn broken(config: Config, step: Step, parts: &[&str]) -> Report {
    let report = check(&config);
    println!("{report}");
    let failed = report.failed().unwrap_or_else(|| panic!("{report}"));
    assert_eq!(failed.step, step, "{report}");
    assert_eq!(report.findings().last(), Some(failed), "{report}");
    let error = Client::new(config)
        .and_then(|client| client.version())
        .unwrap_err();
    println!("   client: {error}");
    for said in [failed.to_string(), error.to_string()] {
        for part in parts {
            assert!(said.contains(part), "{part:?} is not in: {said}");
        }
    }
    report
}

fn certificates() -> (Certificates, Tls) {
    let certificates = Certificates::new();
    let [ca, cert, key] = certificates.client_files();
    let tls = Tls::from_files(ca, cert, key);
    (certificates, tls)
}

#[test]
fn a_falco_that_is_well() {
    let falco = Falco::holding(3);
    let report = check(&Config::new(falco.endpoint()));
    assert!(report.failed().is_none(), "{report}");
    assert_eq!(
        steps(&report),
        [Step::Endpoint, Step::Socket, Step::Version, Step::Outputs]
    );
    let found: Vec<_> = report
        .findings()
        .iter()
        .map(|it| it.found.as_str())
        .collect();
    assert!(
        found[1].contains(", mode 0755, which this user may write to"),
        "{report}"
    );
    assert_eq!(
        found[2..],
        [
            "Falco 0.43.1, engine 0.58.0",
            "falco.outputs.service, as in Falco 0.24 to 0.43"
        ]
    );
    let alerts = falco.client().get().unwrap();
    assert_eq!(common::numbers(alerts), [0, 1, 2], "a check takes none");
}

#[test]
fn configs_that_cannot_be_used() {
    for (config, step, parts) in [
        (
            Config::new("falco"),
            Step::Endpoint,
            ["endpoint \"falco\": has no port", "falco:5060"],
        ),
        (
            Config::new("localhost:5060"),
            Step::Config,
            ["tls: ", "Falco requires mutual TLS"],
        ),
        (
            Config::default().call_timeout(Duration::ZERO),
            Step::Config,
            ["call_timeout: 0ns is out of range", "give 1 ms to 24 days"],
        ),
    ] {
        broken(config, step, &parts);
    }
}

#[test]
fn sockets() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name| folder.path().join(name);
    std::fs::write(path("file"), "").unwrap();
    drop(UnixListener::bind(path("stale")).unwrap());
    for (name, parts) in [
        ("none", ["no such socket", "grpc.enabled"]),
        ("file", ["not a socket", "grpc.bind_address"]),
        (
            "stale",
            [
                "nothing listens on this socket",
                "see whether Falco is running",
            ],
        ),
    ] {
        let config = Config::new(format!("unix://{}", path(name).display()));
        broken(config, Step::Socket, &parts);
    }
}

#[test]
fn a_socket_that_never_answers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("silent.sock");
    let _listener = UnixListener::bind(&path).unwrap();
    let config = Config::new(format!("unix://{}", path.display()));
    let config = config.connect_timeout(Duration::from_millis(300));
    broken(
        config,
        Step::Version,
        &["did not answer as a gRPC server", "connect_timeout"],
    );
}

#[test]
fn names_and_ports() {
    let (_folder, tls) = certificates();
    let config = Config::new("no-such-host.invalid:5060").tls(tls.clone());
    broken(
        config,
        Step::Name,
        &["the host name was not found", "spelt"],
    );

    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let config = Config::new(format!("127.0.0.1:{port}")).tls(tls);
    let report = broken(
        config,
        Step::Tcp,
        &["nothing listens there", "grpc.enabled", "0.44"],
    );
    assert_eq!(steps(&report), [Step::Endpoint, Step::Tcp]);
}

/// A server on a port of its own that does the same with each connection.
fn serving(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            let serve = serve.clone();
            thread::spawn(move || serve(connection));
        }
    });
    address
}

/// Answers whatever comes, and keeps the connection.
fn answering(answer: &'static [u8]) -> String {
    serving(move |mut connection| {
        let _some = connection.read(&mut [0; 1024]);
        let _gone = connection.write_all(answer);
        let _end = connection.read_to_end(&mut Vec::new());
    })
}

#[test]
fn what_speaks_no_tls() {
    let (_folder, tls) = certificates();
    for answer in [
        &b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"[..],
        b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n",
        // What a gRPC server in plaintext begins with.
        b"\0\0\0\x04\0\0\0\0\0",
    ] {
        let config = Config::new(answering(answer)).tls(tls.clone());
        broken(config, Step::Tls, &["speaks no TLS", "grpc.bind_address"]);
    }
}

#[test]
fn what_speaks_no_grpc() {
    for (answer, part) in [
        (
            &b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"[..],
            "does not speak gRPC",
        ),
        (
            b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n",
            "speaks HTTP/1",
        ),
    ] {
        let config = Config::new(answering(answer)).plaintext(true);
        let report = broken(config, Step::Version, &[part, "5060"]);
        assert_eq!(steps(&report), [Step::Endpoint, Step::Tcp, Step::Version]);
    }
}

#[test]
fn what_is_silent_instead_of_a_handshake() {
    let (_folder, tls) = certificates();
    let config = Config::new(answering(b"")).tls(tls);
    let config = config.connect_timeout(Duration::from_millis(500));
    broken(
        config,
        Step::Tls,
        &["did not answer as a gRPC server in time", "connect_timeout"],
    );
}

/// One byte of a TLS record every now and then keeps nobody for ever.
#[test]
fn what_dribbles_ends_in_time() {
    let (_folder, tls) = certificates();
    let endpoint = serving(|mut connection| {
        let _ = connection.write_all(b"\x16\x03\x03\x3f\xff");
        while connection.write_all(b"\x02").is_ok() {
            thread::sleep(Duration::from_millis(10));
        }
    });
    let config = Config::new(endpoint)
        .tls(tls)
        .connect_timeout(Duration::from_millis(500));
    let report = check(&config);
    assert_eq!(report.failed().unwrap().step, Step::Tls, "{report}");
}

#[test]
fn what_hangs_up_at_once() {
    let (_folder, tls) = certificates();
    let config = Config::new(serving(drop)).tls(tls);
    broken(
        config,
        Step::Tls,
        &["the connection was closed by the server"],
    );
}

/// A TLS server without gRPC behind it.
fn tls_server(
    certificates: &Certificates,
    set: impl FnOnce(&mut SslContextBuilder),
    serve: impl Fn(SslStream<TcpStream>) + Clone + Send + Sync + 'static,
) -> String {
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
    let certificate = X509::from_pem(&certificates.server.crt()).unwrap();
    acceptor.set_certificate(&certificate).unwrap();
    let key = PKey::private_key_from_pem(&certificates.server.pkcs8()).unwrap();
    acceptor.set_private_key(&key).unwrap();
    acceptor.set_alpn_select_callback(|_, offered| {
        select_next_proto(b"\x02h2", offered).ok_or(AlpnError::NOACK)
    });
    let ca = X509::from_pem(&certificates.ca.crt()).unwrap();
    acceptor.cert_store_mut().add_cert(ca).unwrap();
    set(&mut acceptor);
    let acceptor = acceptor.build();
    serving(move |connection| {
        if let Ok(stream) = acceptor.accept(connection) {
            serve(stream);
        }
    })
}

/// As a server other than C-core's refuses a client: with a TLS alert, that says why.
#[test]
fn a_tls_alert_says_why_our_certificate_is_refused() {
    let (certificates, _) = certificates();
    let foreign = Certificates::of_ca("Other CA");
    let tls = |of: &Certificates| {
        Tls::from_pem(certificates.ca.crt(), of.client.crt(), of.client.pkcs8())
    };
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let endpoint = tls_server(
            &certificates,
            |acceptor| {
                acceptor.set_min_proto_version(Some(version)).unwrap();
                acceptor.set_max_proto_version(Some(version)).unwrap();
                acceptor.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
            },
            |mut stream| drop(stream.read_to_end(&mut Vec::new())),
        );
        let parts = [
            "the server refused our certificate (O=Test, CN=localhost, signed by O=Test, CN=Other CA)",
            "it does not know the CA (TLS alert: unknown ca)",
            "the CA configured here did not sign it either",
        ];
        let config = Config::new(endpoint).tls(tls(&foreign));
        broken(config.server_name("localhost"), Step::Tls, &parts);
    }
}

#[test]
fn an_alert_about_something_else() {
    let (_folder, tls) = certificates();
    let config = Config::new(answering(b"\x15\x03\x03\0\x02\x02\x46")).tls(tls);
    let parts = [
        "ended the handshake with the TLS alert protocol version",
        "grpc.bind_address",
    ];
    broken(config, Step::Tls, &parts);
}

#[test]
fn a_server_without_http2() {
    let (certificates, tls) = certificates();
    let endpoint = tls_server(
        &certificates,
        |acceptor| acceptor.set_alpn_select_callback(|_, _| Err(AlpnError::NOACK)),
        |mut stream| drop(stream.read_to_end(&mut Vec::new())),
    );
    let config = Config::new(endpoint).tls(tls).server_name("localhost");
    let report = broken(config, Step::Alpn, &["does not agree on HTTP/2 (ALPN h2)"]);
    assert!(steps(&report).contains(&Step::Tls), "{report}");
}

#[test]
fn hostile_names_of_a_server_stay_in_one_line() {
    use crate::common::certificates::{ec, Issued};
    let hostile = "a\n\u{1b}[2J; run this";
    let ca = Issued::root("Root CA", ec());
    let server = Issued::root(hostile, ec());
    let client = ca.leaf();
    let (certificate, key) = (server.certificate.clone(), server.key.clone());
    let endpoint = tls_server(
        &Certificates::new(),
        move |acceptor| {
            acceptor.set_certificate(&certificate).unwrap();
            acceptor.set_private_key(&key).unwrap();
        },
        drop,
    );
    let tls = Tls::from_pem(ca.crt(), client.crt(), client.pkcs8());
    let config = Config::new(endpoint).tls(tls).server_name("localhost");
    let report = broken(
        config,
        Step::Tls,
        &["CN=a\\n\\u{1b}[2J, run this", "give the ca.crt"],
    );
    let failed = report.failed().unwrap();
    assert!(!failed.found.contains(char::is_control), "{failed:?}");
    assert!(
        !failed.remedy.as_deref().unwrap().contains("run this"),
        "{failed:?}"
    );
}

#[test]
fn a_check_inside_a_callback_is_refused() {
    let falco = Falco::holding(1);
    let config = Config::new(falco.endpoint());
    let (send, report) = std::sync::mpsc::channel();
    let watch = falco.client().get_with(move |_| {
        send.send(Check::new(config.clone()).run()).unwrap();
        std::ops::ControlFlow::Continue(())
    });
    let refused = report.recv_timeout(common::LIMIT).unwrap();
    assert!(matches!(
        refused,
        Err(Error::WouldDeadlock { call: "check", .. })
    ));
    watch.unwrap().wait().unwrap();
}

/// A gRPC server in plaintext on a socket, with this method for streams, or none.
fn grpc_server(folder: &std::path::Path, name: Option<&'static str>) -> (Config, grpcio::Server) {
    let mut builder = ServerBuilder::new(Arc::new(EnvBuilder::new().cq_count(1).build()));
    if let Some(name) = name {
        let method: Method<Request, Response> = Method {
            ty: MethodType::ServerStreaming,
            name,
            req_mar: Marshaller {
                ser: pb_ser,
                de: pb_de,
            },
            resp_mar: Marshaller {
                ser: pb_ser,
                de: pb_de,
            },
        };
        let asked = |_: RpcContext, _: Request, _: ServerStreamingSink<Response>| {
            panic!("a check sends no request");
        };
        let service = ServiceBuilder::new().add_server_streaming_handler(&method, asked);
        builder = builder.register_service(service.build());
    }
    let path = folder.join("other.sock");
    let mut server = builder.build().unwrap();
    let credentials = grpcio::ServerCredentials::insecure();
    server
        .add_listening_port(format!("unix:{}", path.display()), credentials)
        .unwrap();
    server.start();
    (Config::new(format!("unix://{}", path.display())), server)
}

#[test]
fn each_service_that_gives_alerts_is_recognised() {
    for (name, found) in [
        (Some("/falco.outputs.service/sub"), Ok("Falco 0.24 to 0.43")),
        (
            Some("/falco.output.service/subscribe"),
            Ok("Falco 0.18 to 0.23"),
        ),
        (
            Some("/other.service/sub"),
            Err("speaks gRPC, but provides no alerts"),
        ),
        (None, Err("Falco 0.44 and later have no gRPC")),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (config, _server) = grpc_server(folder.path(), name);
        let report = check(&config);
        let [.., version, outputs] = report.findings() else {
            panic!("{report}");
        };
        assert!(
            version.found.contains("does not report its version"),
            "{report}"
        );
        assert_eq!(outputs.step, Step::Outputs);
        let (expected, part) = match found {
            Ok(part) => (Outcome::Ok, part),
            Err(part) => (Outcome::Failed, part),
        };
        assert_eq!(outputs.outcome, expected, "{report}");
        assert!(outputs.to_string().contains(part), "{report}");
    }
}
