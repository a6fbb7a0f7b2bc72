//! What listens there and is no Falco.

use std::io::Write as _;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use falco_client::api::version::{Request, Response};
use falco_client::check::{Outcome, Step};
use falco_client::Config;
use grpcio::{
    pb_de, pb_ser, EnvBuilder, Marshaller, Method, MethodType, RpcContext, ServerBuilder,
    ServerStreamingSink, ServiceBuilder,
};

use super::{answering, broken, certificates, serving, steps};
use crate::check::check;

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
