//! From an endpoint to a C-core server that listens there.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;

use grpcio::{CertificateRequestType, ServerCredentials, ServerCredentialsBuilder};

use crate::diagnose::socket::probe;
use crate::endpoint::cannot_listen;
use crate::endpoint::Endpoint;
use crate::error::{Error, Result};
use crate::tls::Tls;

/// Makes `core` listen at `endpoint`, and returns where it does: any free port stands for port 0.
pub(crate) fn listen(
    core: &mut grpcio::Server,
    endpoint: &Endpoint,
    tls: Option<&Tls>,
) -> Result<Endpoint> {
    let credentials = match (endpoint, tls) {
        (Endpoint::Unix(path), None) => {
            check_path(endpoint, path)?;
            ServerCredentials::insecure()
        }
        (Endpoint::Tcp { .. }, Some(tls)) if tls.is_mutual() => mutual(tls)?,
        (Endpoint::Unix(_), Some(_)) => {
            let problem = "a unix socket carries no TLS; leave the certificates out";
            return Err(wrong_tls(endpoint, problem));
        }
        (Endpoint::Tcp { .. }, _) => {
            let problem = "Falco serves TCP with mutual TLS only; give it three files, the \
                           clients' CA, its certificate and its key, or listen on unix:///path";
            return Err(wrong_tls(endpoint, problem));
        }
        _ => {
            return Err(Error::Endpoint {
                endpoint: endpoint.to_string(),
                problem: "is none where gRPC can be served; give unix:///path or host:port".into(),
            });
        }
    };
    let address = match endpoint {
        Endpoint::Unix(_) => endpoint.target(),
        // A server wants no scheme here, and decodes what it gets, as an IPv6 zone's sign.
        _ => endpoint.to_string().replace('%', "%25"),
    };
    match (core.add_listening_port(address, credentials), endpoint) {
        (Ok(port), Endpoint::Tcp { host, .. }) => Ok(Endpoint::Tcp {
            host: host.clone(),
            port,
        }),
        (Ok(_), _) => Ok(endpoint.clone()),
        (Err(error), _) => Err(diagnose(endpoint, error)),
    }
}

fn mutual(tls: &Tls) -> Result<ServerCredentials> {
    let pem = tls.load()?;
    let demand = CertificateRequestType::RequestAndRequireClientCertificateAndVerify;
    Ok(ServerCredentialsBuilder::new()
        .root_cert(pem.ca, demand)
        .add_cert(pem.cert, pem.key)
        .build())
}

/// C-core removes any socket file before it binds, even one where something listens.
fn check_path(endpoint: &Endpoint, path: &Path) -> Result<()> {
    match fs::metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            let problem = "a file that is not a socket lies there; move it away, or listen at \
                           another path";
            Err(refused(endpoint, problem))
        }
        Ok(_) => match probe(path) {
            Ok(()) => {
                let problem = "something listens there already; end it, or listen at another path";
                Err(refused(endpoint, problem))
            }
            // Left over from a process that was killed: as with Falco, no hindrance.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
            Err(error) => Err(cannot_listen(endpoint, error)),
        },
        // Whatever else is wrong, binding tells.
        Err(_) => Ok(()),
    }
}

/// C-core keeps to itself why it cannot bind, so ask the system again.
fn diagnose(endpoint: &Endpoint, error: grpcio::Error) -> Error {
    let bound = match endpoint {
        Endpoint::Unix(path) => UnixListener::bind(path).map(|_| drop(fs::remove_file(path))),
        Endpoint::Tcp { host, port } => TcpListener::bind((host.as_str(), *port)).map(drop),
        _ => Ok(()),
    };
    match bound {
        Err(error) => cannot_listen(endpoint, error),
        Ok(()) => Error::Listen {
            endpoint: endpoint.to_string(),
            problem: "gRPC cannot listen there; its log says why".into(),
            source: Some(error.into()),
        },
    }
}

fn refused(endpoint: &Endpoint, problem: &str) -> Error {
    Error::Listen {
        endpoint: endpoint.to_string(),
        problem: problem.to_owned(),
        source: None,
    }
}

fn wrong_tls(endpoint: &Endpoint, problem: &str) -> Error {
    Error::Config {
        option: "tls",
        problem: format!("{endpoint}: {problem}"),
    }
}
