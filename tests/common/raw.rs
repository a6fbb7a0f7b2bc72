//! A client of the embedded Falco that knows no more than gRPC, so that nothing is glossed over.

use std::io::Read as _;
use std::sync::Arc;

use falco_client::api::grpcio::{
    self, CallOption, Channel, ChannelBuilder, ChannelCredentials, ClientDuplexReceiver,
    ClientSStreamReceiver, EnvBuilder, Environment, GrpcSlice, Marshaller, Method, MethodType,
    RpcStatus, RpcStatusCode, StreamingCallSink, WriteFlags,
};
use falco_client::api::{outputs, outputs_grpc, version, version_grpc};
use falco_client::server::{Server, ServerBuilder};
use futures::executor::block_on;
use futures::{FutureExt as _, SinkExt as _, StreamExt as _};
use tempfile::TempDir;

use super::LIMIT;

/// A server on a socket in a folder of its own.
pub fn server() -> (Server, TempDir) {
    server_with(|builder| builder)
}

pub fn server_with(set: impl FnOnce(ServerBuilder) -> ServerBuilder) -> (Server, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let listen = format!("unix://{}", folder.path().join("falco.sock").display());
    (
        set(Server::builder().listen(listen)).start().unwrap(),
        folder,
    )
}

/// A message that this number can be read from.
pub fn numbered(number: usize) -> Vec<u8> {
    use falco_client::api::protobuf::Message as _;
    let message = outputs::Response {
        rule: number.to_string(),
        ..Default::default()
    };
    message.write_to_bytes().unwrap()
}

pub fn push(server: &Server, numbers: std::ops::Range<usize>) {
    numbers.for_each(|number| server.push_bytes(numbered(number)));
}

pub struct Raw {
    pub channel: Channel,
    pub outputs: outputs_grpc::ServiceClient,
    version: version_grpc::ServiceClient,
    // Last, as the rest uses it.
    pub env: Arc<Environment>,
}

impl Raw {
    pub fn new(server: &Server) -> Raw {
        Raw::over(
            server.endpoint().to_string(),
            ChannelCredentials::insecure(),
        )
    }

    pub fn over(target: String, credentials: ChannelCredentials) -> Raw {
        let env = Arc::new(EnvBuilder::new().cq_count(1).name_prefix("raw").build());
        let channel = ChannelBuilder::new(env.clone())
            .max_receive_message_len(-1)
            .set_credentials(credentials)
            .connect(&target);
        Raw {
            outputs: outputs_grpc::ServiceClient::new(channel.clone()),
            version: version_grpc::ServiceClient::new(channel.clone()),
            channel,
            env,
        }
    }

    pub fn version(&self) -> grpcio::Result<version::Response> {
        let limit = CallOption::default().timeout(LIMIT);
        self.version.version_opt(&version::Request::new(), limit)
    }

    /// Time enough for what must not happen, in the server's own measure: it has handled this
    /// many calls that came later.
    pub fn round_trips(&self) {
        (0..50).for_each(|_| drop(self.version().unwrap()));
    }

    pub fn get(&self) -> ClientSStreamReceiver<outputs::Response> {
        self.outputs.get(&outputs::Request::new()).unwrap()
    }

    /// Everything that one `get` gives, and its status.
    pub fn get_all(&self) -> (Vec<usize>, grpcio::Result<()>) {
        take(self.get(), usize::MAX)
    }

    /// A `get` of any bytes, for any bytes.
    pub fn get_bytes(&self, request: &[u8]) -> grpcio::Result<Vec<Vec<u8>>> {
        let mut receiver = grpcio::Client::new(self.channel.clone()).server_streaming(
            &bytes_method(MethodType::ServerStreaming, "/falco.outputs.service/get"),
            &request.to_vec(),
            CallOption::default(),
        )?;
        block_on(async {
            let mut messages = Vec::new();
            while let Some(message) = receiver.next().await {
                messages.push(message?);
            }
            Ok(messages)
        })
    }

    /// The call of Falco 0.18 to 0.23, with any bytes as its request.
    pub fn subscribe(&self, request: &[u8]) -> ClientSStreamReceiver<outputs::Response> {
        let bytes = bytes_method(
            MethodType::ServerStreaming,
            "/falco.output.service/subscribe",
        );
        let method = Method {
            ty: bytes.ty,
            name: bytes.name,
            req_mar: bytes.req_mar,
            resp_mar: Marshaller {
                ser: grpcio::pb_ser,
                de: grpcio::pb_de,
            },
        };
        grpcio::Client::new(self.channel.clone())
            .server_streaming(&method, &request.to_vec(), CallOption::default())
            .unwrap()
    }

    pub fn sub(&self) -> Sub<outputs::Request, outputs::Response> {
        let (requests, alerts) = self.outputs.sub().unwrap();
        Sub { requests, alerts }
    }

    /// So many `sub`s that are certainly being served, and wait for their next request.
    pub fn served(
        &self,
        server: &Server,
        count: usize,
    ) -> Vec<Sub<outputs::Request, outputs::Response>> {
        let serve = || {
            let mut sub = self.sub();
            push(server, 0..1);
            sub.ask();
            sub.take(1);
            // Until the server has seen that its write is done, it goes on writing.
            self.round_trips();
            sub
        };
        (0..count).map(|_| serve()).collect()
    }

    /// A `sub` whose requests may be any bytes.
    pub fn sub_bytes(&self) -> Sub<Vec<u8>, Vec<u8>> {
        let method = bytes_method(MethodType::Duplex, "/falco.outputs.service/sub");
        let client = grpcio::Client::new(self.channel.clone());
        let (requests, alerts) = client
            .duplex_streaming(&method, CallOption::default())
            .unwrap();
        Sub { requests, alerts }
    }
}

fn bytes_method(ty: MethodType, name: &'static str) -> Method<Vec<u8>, Vec<u8>> {
    fn marshaller() -> Marshaller<Vec<u8>> {
        Marshaller {
            ser: |bytes, slice| {
                *slice = GrpcSlice::from(bytes.as_slice());
                Ok(())
            },
            de: |mut reader| {
                let mut bytes = Vec::new();
                reader.read_to_end(&mut bytes).unwrap();
                Ok(bytes)
            },
        }
    }
    Method {
        ty,
        name,
        req_mar: marshaller(),
        resp_mar: marshaller(),
    }
}

pub struct Sub<Q, P> {
    pub requests: StreamingCallSink<Q>,
    pub alerts: ClientDuplexReceiver<P>,
}

impl<Q: Default, P> Sub<Q, P> {
    pub fn ask(&mut self) {
        self.send(Q::default());
    }

    pub fn send(&mut self, request: Q) {
        match block_on(self.requests.send((request, WriteFlags::default()))) {
            // The answer may be the end of the stream, and be there already.
            Ok(()) | Err(grpcio::Error::RpcFinished(_)) => {}
            Err(error) => panic!("cannot ask: {error}"),
        }
    }

    /// Whether neither an alert nor a status has arrived.
    pub fn is_silent(&mut self) -> bool {
        self.alerts.next().now_or_never().is_none()
    }

    /// Waits for the end of the stream, at which nothing more may have come.
    pub fn status(&mut self) -> grpcio::Result<()> {
        match block_on(self.alerts.next()) {
            None => Ok(()),
            Some(Err(error)) => Err(error),
            Some(Ok(_)) => panic!("an alert, and no status"),
        }
    }
}

impl Sub<outputs::Request, outputs::Response> {
    /// Waits for this many alerts.
    pub fn take(&mut self, count: usize) -> Vec<usize> {
        let (numbers, status) = take(&mut self.alerts, count);
        assert_eq!(numbers.len(), count, "then {status:?}");
        numbers
    }
}

/// At most so many alerts, and the status if it came first.
pub fn take<S>(mut alerts: S, count: usize) -> (Vec<usize>, grpcio::Result<()>)
where
    S: futures::Stream<Item = grpcio::Result<outputs::Response>> + Unpin,
{
    let mut numbers = Vec::new();
    while numbers.len() < count {
        match block_on(alerts.next()) {
            Some(Ok(alert)) => numbers.push(alert.rule.parse().unwrap()),
            Some(Err(error)) => return (numbers, Err(error)),
            None => break,
        }
    }
    (numbers, Ok(()))
}

pub fn status<T: std::fmt::Debug>(result: grpcio::Result<T>) -> RpcStatus {
    match result {
        Err(grpcio::Error::RpcFailure(status)) => status,
        Err(grpcio::Error::RpcFinished(Some(status))) => status,
        other => panic!("no status: {other:?}"),
    }
}

pub fn is_unavailable<T: std::fmt::Debug>(result: grpcio::Result<T>) -> bool {
    result.is_err() && status(result).code() == RpcStatusCode::UNAVAILABLE
}
