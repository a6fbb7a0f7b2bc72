//! The two calls that carry alerts, with the messages left as bytes.

use std::future::Future;
use std::io::Read;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::{Stream, StreamExt};
use grpcio::{
    CallOption, Client, ClientDuplexReceiver, ClientDuplexSender, ClientSStreamReceiver, GrpcSlice,
    Marshaller, MessageReader, Method, MethodType,
};

/// The bytes of one message.
pub(crate) type Message = Vec<u8>;

/// What the queue of Falco 0.24 to 0.43 holds now, then the end.
pub(crate) const GET: Method<(), Message> = Method {
    ty: MethodType::ServerStreaming,
    name: "/falco.outputs.service/get",
    req_mar: EMPTY,
    resp_mar: MESSAGE,
};

/// What the queue holds, for each request.
pub(crate) const SUB: Method<(), Message> = Method {
    ty: MethodType::Duplex,
    name: "/falco.outputs.service/sub",
    req_mar: EMPTY,
    resp_mar: MESSAGE,
};

/// What Falco 0.20 to 0.43 says of itself. Called as a stream of one, since grpcio panics where
/// the answer to a unary call is missing.
pub(crate) const VERSION: Method<(), Message> = Method {
    ty: MethodType::ServerStreaming,
    name: "/falco.version.service/version",
    req_mar: EMPTY,
    resp_mar: MESSAGE,
};

// A request has no fields, so its encoding has no bytes.
const EMPTY: Marshaller<()> = Marshaller {
    ser: |_, _: &mut GrpcSlice| Ok(()),
    de: |_| Ok(()),
};

const MESSAGE: Marshaller<Message> = Marshaller {
    ser: write,
    de: read,
};

fn read(mut message: MessageReader) -> grpcio::Result<Message> {
    let mut bytes = Vec::with_capacity(message.len());
    match message.read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => Err(grpcio::Error::Codec(error.into())),
    }
}

fn write(message: &Message, into: &mut GrpcSlice) -> grpcio::Result<()> {
    *into = GrpcSlice::from(message.as_slice());
    Ok(())
}

/// The answer of `version`, if there is one.
pub(crate) fn version(
    client: &Client,
    deadline: Duration,
) -> grpcio::Result<impl Future<Output = grpcio::Result<Option<Message>>> + Send> {
    let option = CallOption::default().timeout(deadline);
    let mut answers = client.server_streaming(&VERSION, &(), option)?;
    Ok(async move {
        let mut answer = None;
        // To the end, where the status is.
        while let Some(next) = answers.next().await {
            answer = Some(next?);
        }
        Ok(answer)
    })
}

pub(crate) enum Call {
    Get(ClientSStreamReceiver<Message>),
    Sub {
        alerts: ClientDuplexReceiver<Message>,
        requests: Option<ClientDuplexSender<()>>,
    },
}

impl Call {
    pub(crate) fn get(client: &Client) -> grpcio::Result<Call> {
        Ok(Call::Get(client.server_streaming(
            &GET,
            &(),
            CallOption::default(),
        )?))
    }

    pub(crate) fn sub(client: &Client) -> grpcio::Result<Call> {
        let (requests, alerts) = client.duplex_streaming(&SUB, CallOption::default())?;
        Ok(Call::Sub {
            alerts,
            requests: Some(requests),
        })
    }

    /// The sender of a `sub`'s requests, once. Dropping it cancels the call.
    pub(super) fn take_requests(&mut self) -> Option<ClientDuplexSender<()>> {
        match self {
            Call::Get(_) => None,
            Call::Sub { requests, .. } => requests.take(),
        }
    }

    pub(super) fn cancel(&mut self) {
        match self {
            Call::Get(alerts) => alerts.cancel(),
            Call::Sub { alerts, .. } => alerts.cancel(),
        }
    }

    /// The next message, a failure, or the end.
    ///
    /// A failure may overtake messages that were received before it; the end never does.
    pub(super) fn poll_next(&mut self, cx: &mut Context) -> Poll<Option<grpcio::Result<Message>>> {
        match self {
            Call::Get(alerts) => Pin::new(alerts).poll_next(cx),
            Call::Sub { alerts, .. } => Pin::new(alerts).poll_next(cx),
        }
    }
}
