//! Readers with tonic and prost, each a process of its own.
//!
//! A reader's name says what it is made of: `current` or `multi` for tokio's runtime, `json`, and
//! `openssl` instead of rustls.

use std::fs;
use std::path::Path;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use openssl::ssl::{SslConnector, SslFiletype, SslMethod};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;
use tokio_stream::wrappers::IntervalStream;
use tokio_stream::StreamExt;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity, Uri};
use tonic::Streaming;
use tonic_prost::ProstCodec;
use tower::service_fn;

use crate::json;
use crate::measured::{Measured, Read};
use crate::prost_alert::Alert;

#[derive(Clone, PartialEq, prost::Message)]
struct Request {}

fn run(reader: &str, read: impl std::future::Future<Output = Read>) {
    let runtime = match reader.contains("current") {
        true => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build(),
        false => tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build(),
    };
    let measured = Measured::begin();
    measured.end(runtime.unwrap().block_on(read));
}

/// Reads a backlog.
pub fn read(reader: &str, endpoint: &str, certificates: Option<&Path>) {
    run(reader, async {
        let channel = match certificates {
            None => connect(endpoint).await,
            Some(folder) if reader.contains("openssl") => with_openssl(endpoint, folder).await,
            Some(folder) => with_rustls(endpoint, folder).await,
        };
        let mut client = client(channel).await;
        let path = PathAndQuery::from_static("/falco.outputs.service/get");
        let request = tonic::Request::new(Request {});
        let answer = client.server_streaming(request, path, codec()).await;
        let mut alerts: Streaming<Alert> = answer.unwrap().into_inner();
        let mut read = Read::default();
        let mut line = Vec::new();
        let json = reader.contains("json");
        while let Some(alert) = alerts.message().await.unwrap() {
            add(&mut read, &alert);
            if json {
                line.clear();
                json::write(&alert, &mut line);
                read.wrote(line.len());
            }
        }
        read
    });
}

/// Subscribes, and asks for more every 100 ms, or every second as the Go client's example does.
pub fn watch(reader: &str, endpoint: &str, alerts: u64) {
    let interval = match reader.contains("1s") {
        true => Duration::from_secs(1),
        false => Duration::from_millis(100),
    };
    run(reader, async {
        let mut client = client(connect(endpoint).await).await;
        let path = PathAndQuery::from_static("/falco.outputs.service/sub");
        let requests = IntervalStream::new(tokio::time::interval(interval)).map(|_| Request {});
        let answer = client.streaming(tonic::Request::new(requests), path, codec());
        let mut received: Streaming<Alert> = answer.await.unwrap().into_inner();
        let mut read = Read::default();
        while read.alerts() < alerts {
            let alert = received.message().await.unwrap().unwrap();
            let time = alert.time.unwrap_or_default();
            if read.alerts() > 0 {
                read.came(time.seconds, time.nanos);
            }
            add(&mut read, &alert);
        }
        read
    });
}

pub fn add(read: &mut Read, alert: &Alert) {
    read.add(&alert.rule, alert.priority, |name| {
        alert.output_fields.get(name).map(String::as_str)
    });
}

fn codec() -> ProstCodec<Request, Alert> {
    ProstCodec::default()
}

async fn client(channel: Channel) -> Grpc<Channel> {
    let mut client = Grpc::new(channel);
    client.ready().await.unwrap();
    client
}

async fn connect(endpoint: &str) -> Channel {
    let endpoint = Endpoint::from_shared(endpoint.to_owned()).unwrap();
    endpoint.connect().await.unwrap()
}

async fn with_rustls(endpoint: &str, folder: &Path) -> Channel {
    let file = |name: &str| fs::read(folder.join(name)).unwrap();
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(file("ca.crt")))
        .identity(Identity::from_pem(file("client.crt"), file("client.key")));
    let endpoint = Endpoint::from_shared(format!("https://{endpoint}")).unwrap();
    endpoint.tls_config(tls).unwrap().connect().await.unwrap()
}

async fn with_openssl(endpoint: &str, folder: &Path) -> Channel {
    let mut tls = SslConnector::builder(SslMethod::tls()).unwrap();
    tls.set_ca_file(folder.join("ca.crt")).unwrap();
    tls.set_certificate_chain_file(folder.join("client.crt"))
        .unwrap();
    tls.set_private_key_file(folder.join("client.key"), SslFiletype::PEM)
        .unwrap();
    tls.set_alpn_protos(b"\x02h2").unwrap();
    let tls = tls.build();
    let address = endpoint.to_owned();
    let connect = service_fn(move |_: Uri| {
        let (tls, address) = (tls.clone(), address.clone());
        async move {
            let connection = TcpStream::connect(&address).await?;
            connection.set_nodelay(true)?;
            let ssl = tls.configure()?.into_ssl("localhost")?;
            let mut stream = SslStream::new(ssl, connection)?;
            std::pin::Pin::new(&mut stream)
                .connect()
                .await
                .map_err(std::io::Error::other)?;
            Ok::<_, std::io::Error>(TokioIo::new(stream))
        }
    });
    // The scheme says only that tonic shall add no TLS of its own.
    let endpoint = Endpoint::from_shared(format!("http://{endpoint}")).unwrap();
    endpoint.connect_with_connector(connect).await.unwrap()
}
