//! Makes a C-core server listen at an endpoint.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;

use grpcio::{CertificateRequestType, ServerCredentials, ServerCredentialsBuilder};

use crate::diagnose::socket::connectable;
use crate::endpoint::{cannot_listen, Endpoint, GrpcAddress};
use crate::error::{Error, Problem, Result};
use crate::tls::Tls;

/// Makes `core` listen at `endpoint`. Returns where it listens, with the real port in place of port 0.
pub(crate) fn listen(
    core: &mut grpcio::Server,
    endpoint: &Endpoint,
    tls: Option<&Tls>,
) -> Result<Endpoint> {
    let (address, credentials) = match (endpoint.grpc(), tls) {
        (Some(GrpcAddress::Unix(path)), None) => {
            check_path(endpoint, path)?;
            (endpoint.target(), ServerCredentials::insecure())
        }
        (Some(GrpcAddress::Tcp { .. }), Some(tls)) if tls.has_ca() && tls.has_certificate() => {
            // C-core decodes percent signs, as that of an IPv6 zone.
            let address = endpoint.to_string().replace('%', "%25");
            (address, mutual(tls)?)
        }
        (Some(GrpcAddress::Unix(_)), Some(_)) => {
            let problem = ("a unix socket carries no TLS", "leave the certificates out");
            return Err(wrong_tls(endpoint, problem));
        }
        (Some(GrpcAddress::Tcp { .. }), _) => {
            let remedy = "give it three files, the clients' CA, its certificate and its key, or \
                          listen on unix:///path";
            let problem = ("Falco serves TCP with mutual TLS only", remedy);
            return Err(wrong_tls(endpoint, problem));
        }
        (None, _) => {
            let remedy = "give unix:///path or host:port";
            let problem = ("is none where gRPC can be served", remedy);
            return Err(Error::endpoint(endpoint, problem));
        }
    };
    let bound = core
        .add_listening_port(address, credentials)
        .map_err(|error| diagnose(endpoint, error))?;
    let mut listening = endpoint.clone();
    if let Endpoint::Tcp { port, .. } = &mut listening {
        *port = bound;
    }
    Ok(listening)
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
            let remedy = "move it away, or listen at another path";
            let problem = ("a file that is not a socket lies there", remedy);
            Err(Error::listen(endpoint, problem, None))
        }
        Ok(_) => match connectable(path) {
            Ok(()) => {
                let remedy = "end it, or listen at another path";
                let problem = ("something listens there already", remedy);
                Err(Error::listen(endpoint, problem, None))
            }
            // Left behind by a process that was killed. C-core removes it, as with Falco.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
            Err(error) => Err(cannot_listen(endpoint, error)),
        },
        // Whatever else is wrong, binding fails with it.
        Err(_) => Ok(()),
    }
}

/// C-core does not say why it cannot bind, so bind once more without it.
fn diagnose(endpoint: &Endpoint, error: grpcio::Error) -> Error {
    let bound = match endpoint.grpc() {
        Some(GrpcAddress::Unix(path)) => {
            UnixListener::bind(path).map(|_| drop(fs::remove_file(path)))
        }
        Some(GrpcAddress::Tcp { host, port }) => TcpListener::bind((host, port)).map(drop),
        None => Ok(()),
    };
    match bound {
        Err(error) => cannot_listen(endpoint, error),
        Ok(()) => {
            let problem = ("gRPC cannot listen there", "see its log, which says why");
            Error::listen(endpoint, problem, Some(error.into()))
        }
    }
}

fn wrong_tls(endpoint: &Endpoint, problem: (&'static str, &'static str)) -> Error {
    Error::config("tls", Problem::from(problem).of(endpoint))
}
