//! Peers that are connected and silent.
#![cfg(target_os = "linux")] // The threads of a process are read from /proc.

use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::mpsc::RecvTimeoutError;

use falco_client::{Config, Endpoint, Tls};
use openssl::ssl::{SslConnector, SslMethod};

use super::Listening;
use crate::common::certificates::Certificates;
use crate::common::own_process::in_own_process;
use crate::common::posting::Poster;
use crate::common::{line, until, LIMIT};

const FALCOS: usize = 60;

/// The threads of this process that serve a connection.
fn serving() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.trim() == "falco-http").count()
}

fn until_all_are_silent() {
    until("no connection has a thread", || serving() == 0);
}

#[test]
fn silent_falcos_keep_no_threads_and_are_heard_again() {
    let name = "http::idle::silent_falcos_keep_no_threads_and_are_heard_again";
    in_own_process(name, || {
        let mut listening = Listening::start();
        let mut falcos: Vec<Poster> = (0..FALCOS).map(|_| listening.poster()).collect();
        for turn in 0..3 {
            for (at, falco) in falcos.iter_mut().enumerate() {
                let number = turn * FALCOS + at;
                assert_eq!(falco.post(&line(number)).unwrap(), 200);
                assert_eq!(listening.number(), number);
            }
            until_all_are_silent();
        }
        // Some leave, all at once.
        falcos.truncate(FALCOS / 2);
        for falco in &mut falcos {
            assert_eq!(falco.post(&line(7)).unwrap(), 200);
            assert_eq!(listening.number(), 7);
        }
        until_all_are_silent();

        // The port is closed while one has begun a request and the others are silent.
        let text = line(8);
        let (begin, rest) = text.split_at(9);
        let mut falco = falcos[0].stream();
        write!(falco, "{}{begin}", head(&text)).unwrap();
        until("its request is read", || serving() == 1);
        listening.alerts.handle().close();
        write!(falco, "{rest}").unwrap();
        assert_eq!(listening.number(), 8);
        assert_eq!(status(&mut BufReader::new(falco)), "HTTP/1.1 200 OK");
        let end = listening.alerts.recv_timeout(LIMIT);
        assert!(
            matches!(end, Err(RecvTimeoutError::Disconnected)),
            "{end:?}"
        );
    });
}

#[test]
fn over_tls_as_well() {
    in_own_process("http::idle::over_tls_as_well", || {
        let certificates = Certificates::for_names(&["localhost"]);
        let [ca, cert, key] = certificates.server_files();
        let mut listening = Listening::of(
            Config::new("listen+https://localhost:0").tls(Tls::server_from_files(cert, key)),
        );
        let Endpoint::Listen { port, .. } = *listening.client.endpoint() else {
            panic!("{}", listening.client.endpoint());
        };
        let mut connector = SslConnector::builder(SslMethod::tls()).unwrap();
        connector.set_ca_file(ca).unwrap();
        let tcp = TcpStream::connect(("localhost", port)).unwrap();
        tcp.set_read_timeout(Some(LIMIT)).unwrap();
        let falco = connector.build().connect("localhost", tcp).unwrap();
        let mut falco = BufReader::new(falco);
        for number in 0..3 {
            // Two at once: the second is decrypted with the first.
            let text = line(number);
            let post = format!("{}{text}", head(&text));
            let stream = falco.get_mut();
            stream.write_all(post.repeat(2).as_bytes()).unwrap();
            for _ in 0..2 {
                assert_eq!(status(&mut falco), "HTTP/1.1 200 OK");
                assert_eq!(listening.number(), number);
            }
            until_all_are_silent();
        }
    });
}

fn head(body: &str) -> String {
    format!(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
}

/// The status of the next answer, which has no body.
fn status(falco: &mut impl BufRead) -> String {
    let (mut status, mut line) = (String::new(), String::new());
    while line != "\r\n" {
        line.clear();
        assert_ne!(falco.read_line(&mut line).unwrap(), 0, "it is closed");
        if status.is_empty() {
            status = line.trim().to_owned();
        }
    }
    status
}
