//! What goes wrong is named, with the culprit and the remedy.

use std::error::Error as _;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use falco_client::api::version::{Request, Response};
use falco_client::server::Server;
use falco_client::{Client, Config, Error, Tls};
use futures::SinkExt;
use grpcio::{
    pb_de, pb_ser, EnvBuilder, Marshaller, Method, MethodType, RpcContext, ServerBuilder,
    ServerCredentials, ServerStreamingSink, ServiceBuilder,
};

use crate::common::certificates::{self, Certificates};
use crate::common::failing::{assert_says, failure, tls};
use crate::common::process::replay;
use crate::common::Falco;

#[test]
fn a_socket_that_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let error = failure(Config::new(format!(
        "unix://{}/none.sock",
        folder.path().display()
    )));
    assert_says(
        &error,
        &["none.sock", "no such socket", "grpc.enabled", "0.44"],
    );
    let cause = error
        .source()
        .and_then(|cause| cause.downcast_ref::<std::io::Error>());
    assert_eq!(cause.unwrap().kind(), std::io::ErrorKind::NotFound);
}

#[test]
fn a_file_that_is_no_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, "").unwrap();
    let error = failure(Config::new(format!("unix://{}", path.display())));
    assert_says(&error, &["/file", "not a socket", "bind_address"]);
}

#[test]
fn a_socket_that_nobody_listens_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stale.sock");
    drop(UnixListener::bind(&path).unwrap());
    let error = failure(Config::new(format!("unix://{}", path.display())));
    assert_says(
        &error,
        &["stale.sock", "nothing listens", "Falco is running"],
    );
}

#[test]
fn a_port_that_nobody_listens_on() {
    let certificates = Certificates::new();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let config = Config::new(format!("127.0.0.1:{port}")).tls(tls(certificates.client_files()));
    assert_says(
        &failure(config),
        &["nothing listens", "grpc.enabled", "0.44"],
    );
}

#[test]
fn a_host_that_does_not_exist() {
    let certificates = Certificates::new();
    let config = Config::new("no-such-host.invalid:5060").tls(tls(certificates.client_files()));
    assert_says(
        &failure(config),
        &["no-such-host.invalid", "not found", "spelt"],
    );
}

/// A server that reads what comes and answers each connection with the same bytes.
fn answering(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for connection in listener.incoming() {
            thread::spawn(move || {
                let mut connection = connection?;
                // However much of the request came: the answer is the same.
                let _some = connection.read(&mut [0; 1024])?;
                connection.write_all(answer)?;
                connection.read(&mut [0; 1024])
            });
        }
    });
    address
}

#[test]
fn a_server_that_speaks_http1() {
    let endpoint = answering(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    let error = failure(Config::new(endpoint).plaintext(true));
    assert_says(&error, &["HTTP/1", "5060"]);
}

#[test]
fn a_server_that_speaks_something_else() {
    let endpoint = answering(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n");
    let error = failure(Config::new(endpoint).plaintext(true));
    assert_says(&error, &["does not speak gRPC", "bind_address"]);
}

/// Whatever the transport, silence has an end.
#[test]
fn a_server_that_never_answers() {
    let certificates = Certificates::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("silent.sock");
    let _listener = UnixListener::bind(&path).unwrap();
    let port = answering(b"");
    for config in [
        Config::new(&port).plaintext(true),
        Config::new(&port).tls(tls(certificates.client_files())),
        Config::new(format!("unix://{}", path.display())),
    ] {
        let config = config.connect_timeout(Duration::from_millis(300));
        let client = Client::new(config).unwrap();
        let error = client.get().unwrap().recv().unwrap().unwrap_err();
        let endpoint = client.endpoint().to_string();
        let parts = [
            &*endpoint,
            "did not answer as a gRPC server",
            "connect_timeout",
        ];
        assert_says(&error, &parts);
    }
}

#[test]
fn a_server_without_the_method() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.sock");
    let environment = Arc::new(EnvBuilder::new().cq_count(1).build());
    let mut server = ServerBuilder::new(environment).build().unwrap();
    let address = format!("unix:{}", path.display());
    server
        .add_listening_port(address, ServerCredentials::insecure())
        .unwrap();
    server.start();
    let error = failure(Config::new(format!("unix://{}", path.display())));
    assert!(matches!(error, Error::Unimplemented { .. }), "{error}");
    assert_says(
        &error,
        &[
            "falco.outputs.service/get",
            "falco.output.service/subscribe",
            "http_output",
        ],
    );
}

/// Ends a call of `version` with OK and without an answer, as no gRPC server should.
#[test]
fn a_version_without_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mute.sock");
    let method: Method<Request, Response> = Method {
        ty: MethodType::ServerStreaming,
        name: "/falco.version.service/version",
        req_mar: Marshaller {
            ser: pb_ser,
            de: pb_de,
        },
        resp_mar: Marshaller {
            ser: pb_ser,
            de: pb_de,
        },
    };
    let service = ServiceBuilder::new()
        .add_server_streaming_handler(
            &method,
            |context: RpcContext, _, mut sink: ServerStreamingSink<Response>| {
                context.spawn(async move { sink.close().await.unwrap() });
            },
        )
        .build();
    let environment = Arc::new(EnvBuilder::new().cq_count(1).build());
    let mut server = ServerBuilder::new(environment)
        .register_service(service)
        .build()
        .unwrap();
    let address = format!("unix:{}", path.display());
    server
        .add_listening_port(address, ServerCredentials::insecure())
        .unwrap();
    server.start();
    let client = Client::open(&format!("unix://{}", path.display())).unwrap();
    assert_says(&client.version().unwrap_err(), &["mute.sock", "version"]);
    client.wait_connected(crate::common::LIMIT).unwrap();
}

/// The library in a process of its own, as a user who may not write the socket.
#[test]
fn a_socket_that_may_not_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let open = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    open(folder.path(), 0o755);
    let program = folder.path().join("output_unix_socket");
    std::fs::copy(env!("CARGO_BIN_EXE_falco-client"), &program).unwrap();
    let socket = folder.path().join("falco.sock");
    let listen = format!("unix://{}", socket.display());
    let _server = Server::builder().listen(&listen).start().unwrap();
    open(&socket, 0o600);
    let mut command = Command::new(program);
    command.args(["get", "--endpoint", &listen]);
    if std::fs::metadata(folder.path()).unwrap().uid() == 0 {
        command.uid(65534).gid(65534);
    } else {
        open(&socket, 0o000);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    for part in ["falco.sock", "permission denied", "run as a user"] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn a_message_above_the_limit() {
    let falco = Falco::start();
    falco.push([0]);
    let config = Config::new(falco.endpoint()).max_message_bytes(100);
    let error = Client::new(config)
        .unwrap()
        .get()
        .unwrap()
        .recv()
        .unwrap()
        .unwrap_err();
    assert_says(&error, &["max_message_bytes"]);
}

#[test]
fn a_falco_that_dies() {
    let folder = tempfile::tempdir().unwrap();
    let listen = format!("unix://{}/falco.sock", folder.path().display());
    let path = crate::common::recordings().join("dummy_json.pb");
    let again = [path.to_str().unwrap(); 20];
    let mut falco = replay(&listen, &path, &again);
    let config = Config::new(listen).queue_bytes(1);
    let mut alerts = Client::new(config).unwrap().get().unwrap();
    alerts.recv().unwrap().unwrap();
    falco.kill().unwrap();
    falco.wait().unwrap();
    let error = alerts.iter().find_map(Result::err).unwrap();
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    assert!(alerts.recv().is_err());
}

#[test]
fn what_can_be_seen_locally_is_seen_before_any_connection() {
    let certificates = Certificates::new();
    let [ca, cert, key] = certificates.client_files();
    let wrong = certificates.write(
        "wrong.key",
        certificates::Issued::root("x", certificates::ec()).pkcs8(),
    );
    let cases: [(Config, &[&str]); 5] = [
        (Config::new(""), &["empty"]),
        (Config::new("localhost"), &["localhost", "port"]),
        (Config::new("localhost:5060"), &["TLS", "ca"]),
        (
            Config::new("localhost:5060").tls(Tls::from_files(&ca, &cert, wrong)),
            &["wrong.key", "match"],
        ),
        (
            Config::new("localhost:5060").tls(Tls::from_files(&ca, "/none.crt", &key)),
            &["/none.crt"],
        ),
    ];
    for (config, parts) in cases {
        match Client::new(config) {
            Ok(_) => panic!("no error that says {parts:?}"),
            Err(error) => assert_says(&error, parts),
        }
    }
}
