//! The server with a service that knows no alerts.

use std::fmt;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ureq_proto::http::{Method, StatusCode};

use super::*;
use crate::util::lock::lock;

const LIMIT: Duration = Duration::from_secs(60);

/// Answers with method, path and body; has no path `/secret`.
#[derive(Default)]
struct Echo {
    refused: Mutex<Vec<(&'static str, String)>>,
}

impl HttpService for Echo {
    fn check(&self, head: &RequestHead) -> Result<(), Rejection> {
        match (&head.method, head.uri.path()) {
            (_, "/secret") => Err(Rejection {
                kind: "tokens",
                reason: "it has no token".to_owned(),
                response: HttpResponse::text(StatusCode::UNAUTHORIZED, "a token, please\n"),
            }),
            (&Method::GET | &Method::HEAD | &Method::POST, _) => Ok(()),
            _ => Err(Rejection::method(head, "GET, HEAD, POST")),
        }
    }

    fn call(&self, request: HttpRequest) -> Option<HttpResponse> {
        let body = String::from_utf8(request.body).unwrap();
        let text = format!("{} {} {body}", request.head.method, request.head.uri.path());
        Some(HttpResponse::text(StatusCode::OK, text))
    }

    fn refused(&self, _: SocketAddr, refusal: &Refusal) {
        lock(&self.refused).push((refusal.kind(), refusal.to_string()));
    }

    fn failed(&self, problem: fmt::Arguments<'_>) {
        panic!("{problem}");
    }
}

struct EndSignal(UnixStream);

impl ShutdownSignal for EndSignal {
    fn readable(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    fn requested(&self) -> Shutdown {
        match (&self.0).read(&mut [0]).is_ok() {
            true => Shutdown::Graceful,
            false => Shutdown::No,
        }
    }
}

struct Running {
    echo: Arc<Echo>,
    port: u16,
    end: UnixStream,
    thread: JoinHandle<()>,
}

impl Running {
    fn start() -> Running {
        let options = ListenOptions {
            host: "127.0.0.1".to_owned(),
            port: 0,
            tls: None,
            max_body: 1024,
            request_timeout: LIMIT,
            max_connections: 8,
        };
        let listener = Arc::new(Listener::bind(options).unwrap());
        let (end, signal) = UnixStream::pair().unwrap();
        signal.set_nonblocking(true).unwrap();
        let echo = Arc::new(Echo::default());
        let (port, service) = (listener.port(), echo.clone());
        Running {
            echo,
            port,
            end,
            thread: thread::spawn(move || listener.serve(&service, &EndSignal(signal))),
        }
    }

    fn connect(&self) -> Peer {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        Peer(BufReader::new(stream))
    }

    fn refused(&self) -> Vec<(&'static str, String)> {
        lock(&self.echo.refused).clone()
    }

    fn end(self) {
        self.end.shutdown(std::net::Shutdown::Both).unwrap();
        self.thread.join().unwrap();
    }
}

struct Peer(BufReader<TcpStream>);

impl Peer {
    fn send(&mut self, request: &str) {
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
    }

    /// The status line, the headers and, where there is one, the body.
    fn receive(&mut self, has_body: bool) -> (String, String, String) {
        let (mut status, mut headers, mut length) = (String::new(), String::new(), 0);
        self.0.read_line(&mut status).unwrap();
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            if line.trim().is_empty() {
                break;
            }
            headers += &line.to_ascii_lowercase();
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; if has_body { length } else { 0 }];
        self.0.read_exact(&mut body).unwrap();
        let status = status.trim().to_owned();
        (status, headers, String::from_utf8(body).unwrap())
    }

    fn is_closed(&mut self) -> bool {
        self.0.read(&mut [0]).unwrap() == 0
    }
}

#[test]
fn a_service_decides_by_method_and_path_what_it_serves() {
    let running = Running::start();
    let mut peer = running.connect();
    peer.send("GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n");
    let (status, _, body) = peer.receive(true);
    assert_eq!((&*status, &*body), ("HTTP/1.1 200 OK", "GET /a "));

    peer.send("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n");
    let (status, headers, _) = peer.receive(false);
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert!(headers.contains("content-length: 8"), "{headers}");

    peer.send("POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi");
    assert_eq!(peer.receive(true).2, "POST /b hi");

    peer.send("DELETE /b HTTP/1.1\r\nHost: x\r\n\r\n");
    let (status, headers, _) = peer.receive(true);
    assert_eq!(status, "HTTP/1.1 405 Method Not Allowed");
    assert!(headers.contains("allow: get, head, post"), "{headers}");

    peer.send("GET /secret HTTP/1.1\r\nHost: x\r\n\r\n");
    let (status, _, body) = peer.receive(true);
    assert_eq!(
        (&*status, &*body),
        ("HTTP/1.1 401 Unauthorized", "a token, please\n")
    );
    let refused = running.refused();
    let kinds: Vec<_> = refused.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, ["methods that are not served", "tokens"]);
    assert_eq!(refused[0].1, "DELETE /b is not served");
    running.end();
}

#[test]
fn a_body_that_is_not_read_is_not_taken_for_a_request() {
    let running = Running::start();
    let hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n";
    let length = hidden.len();
    // The body of a request that is rejected, and one that the method does not have.
    for (request, has_body) in [("POST /secret", true), ("HEAD /a", false)] {
        let mut peer = running.connect();
        peer.send(&format!(
            "{request} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{hidden}"
        ));
        let (_, headers, _) = peer.receive(has_body);
        assert!(headers.contains("connection: close"), "{headers}");
        assert!(peer.is_closed(), "{request}");
    }
    running.end();
}

#[test]
fn a_graceful_shutdown_answers_what_has_arrived() {
    let running = Running::start();
    let (mut idle, mut peer) = (running.connect(), running.connect());
    idle.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    idle.receive(true);
    peer.send("POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    assert_eq!(peer.receive(false).0, "HTTP/1.1 100 Continue");
    let end = thread::spawn(move || running.end());
    assert!(idle.is_closed());
    peer.send("hi");
    let (_, headers, body) = peer.receive(true);
    assert_eq!(body, "POST /a hi");
    assert!(headers.contains("connection: close"), "{headers}");
    end.join().unwrap();
}
