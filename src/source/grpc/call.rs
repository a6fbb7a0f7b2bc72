//! The calls that bring alerts, with the messages left as bytes.

use std::io::Read;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;
use grpcio::{
    CallOption, Client, ClientDuplexReceiver, ClientDuplexSender, ClientSStreamReceiver, GrpcSlice,
    Marshaller, MessageReader, Method, MethodType,
};

use super::rpc::Rpc;
use crate::api::paths;

/// The bytes of one message.
pub(crate) type Message = Vec<u8>;

const GET: Method<(), Message> = method(MethodType::ServerStreaming, paths::GET);

const SUB: Method<(), Message> = method(MethodType::Duplex, paths::SUB);

/// With `keepalive`, the one field of its request, left at false. With true Falco 0.18 to 0.23 loses
/// alerts: one that waits in the queue is taken out, and the next is taken into its place before
/// anything is written (`server_impl::subscribe` in their source).
const SUBSCRIBE: Method<(), Message> = method(MethodType::ServerStreaming, paths::SUBSCRIBE);

pub(super) const fn method(ty: MethodType, name: &'static str) -> Method<(), Message> {
    Method {
        ty,
        name,
        req_mar: EMPTY,
        resp_mar: MESSAGE,
    }
}

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

pub(super) enum Call {
    /// Ends by itself.
    Finite(ClientSStreamReceiver<Message>),
    /// Brings more for each request, and never ends by itself.
    Duplex {
        alerts: ClientDuplexReceiver<Message>,
        requests: Option<ClientDuplexSender<()>>,
    },
}

impl Call {
    pub(super) fn open(client: &Client, rpc: Rpc) -> grpcio::Result<Call> {
        let finite = |method| client.server_streaming(method, &(), CallOption::default());
        match rpc {
            Rpc::Get => finite(&GET).map(Call::Finite),
            Rpc::Subscribe => finite(&SUBSCRIBE).map(Call::Finite),
            Rpc::Sub => {
                let (requests, alerts) = client.duplex_streaming(&SUB, CallOption::default())?;
                Ok(Call::Duplex {
                    alerts,
                    requests: Some(requests),
                })
            }
        }
    }

    /// The sender of its requests, once. Dropping it cancels the call.
    pub(super) fn take_requests(&mut self) -> Option<ClientDuplexSender<()>> {
        match self {
            Call::Finite(_) => None,
            Call::Duplex { requests, .. } => requests.take(),
        }
    }

    pub(super) fn cancel(&mut self) {
        match self {
            Call::Finite(alerts) => alerts.cancel(),
            Call::Duplex { alerts, .. } => alerts.cancel(),
        }
    }

    /// The next message, a failure, or the end.
    ///
    /// A failure may overtake messages that were received before it; the end never does.
    pub(super) fn poll_next(&mut self, cx: &mut Context) -> Poll<Option<grpcio::Result<Message>>> {
        match self {
            Call::Finite(alerts) => Pin::new(alerts).poll_next(cx),
            Call::Duplex { alerts, .. } => Pin::new(alerts).poll_next(cx),
        }
    }
}
