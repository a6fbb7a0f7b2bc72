//! A server that is not the limit: each answer is the same bytes, made before.

use std::fs;
use std::future::poll_fn;
use std::path::Path;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use h2::server::{self, SendResponse};
use http::{HeaderMap, HeaderValue, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use crate::corpus;

/// What is given to HTTP/2 at once.
const CHUNK: usize = 256 << 10;

pub fn serve(endpoint: &str, alerts: usize, recordings: &Path, certificates: Option<&Path>) {
    let answer: Arc<[Bytes]> = chunks(corpus::messages(recordings).take(alerts)).into();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async {
        match endpoint.strip_prefix("unix://") {
            Some(path) => {
                let listener = UnixListener::bind(path).unwrap();
                println!("ready");
                loop {
                    let (connection, _) = listener.accept().await.unwrap();
                    tokio::task::spawn_local(attend(connection, answer.clone()));
                }
            }
            None => {
                let tls = acceptor(certificates.unwrap());
                let listener = TcpListener::bind(endpoint).await.unwrap();
                println!("ready");
                loop {
                    let (connection, _) = listener.accept().await.unwrap();
                    connection.set_nodelay(true).unwrap();
                    let (tls, answer) = (tls.clone(), answer.clone());
                    tokio::task::spawn_local(async move {
                        if let Ok(connection) = tls.accept(connection).await {
                            attend(connection, answer).await;
                        }
                    });
                }
            }
        }
    });
}

/// The messages as gRPC frames them, in large pieces.
fn chunks(messages: impl Iterator<Item = Vec<u8>>) -> Vec<Bytes> {
    let mut chunks = Vec::new();
    let mut chunk = BytesMut::new();
    for message in messages {
        chunk.put_u8(0);
        chunk.put_u32(message.len() as u32);
        chunk.put_slice(&message);
        if chunk.len() >= CHUNK {
            chunks.push(chunk.split().freeze());
        }
    }
    chunks.push(chunk.freeze());
    chunks
}

fn acceptor(folder: &Path) -> TlsAcceptor {
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(&read("ca.crt")).unwrap())
        .unwrap();
    let clients = WebPkiClientVerifier::builder(roots.into()).build().unwrap();
    let chain = vec![CertificateDer::from_pem_slice(&read("server.crt")).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(&read("server.key")).unwrap();
    let mut config = ServerConfig::builder()
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

async fn attend(connection: impl AsyncRead + AsyncWrite + Unpin, answer: Arc<[Bytes]>) {
    let Ok(mut connection) = server::handshake(connection).await else {
        return;
    };
    while let Some(Ok((_, respond))) = connection.accept().await {
        tokio::task::spawn_local(send(respond, answer.clone()));
    }
}

/// A reader that goes ends it.
async fn send(mut respond: SendResponse<Bytes>, answer: Arc<[Bytes]>) -> Option<()> {
    let head = Response::builder()
        .header("content-type", "application/grpc")
        .body(())
        .unwrap();
    let mut stream = respond.send_response(head, false).ok()?;
    for chunk in answer.iter() {
        let mut chunk = chunk.clone();
        while !chunk.is_empty() {
            stream.reserve_capacity(chunk.len());
            let room = poll_fn(|cx| stream.poll_capacity(cx)).await?.ok()?;
            let part = chunk.split_to(room.min(chunk.len()));
            stream.send_data(part, false).ok()?;
        }
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    stream.send_trailers(trailers).ok()
}
