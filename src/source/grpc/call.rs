//! The two calls that carry alerts, with the messages left as bytes.

use std::io::Read;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;
use grpcio::{
    CallOption, Client, ClientDuplexReceiver, ClientDuplexSender, ClientSStreamReceiver, GrpcSlice,
    Marshaller, MessageReader, Method, MethodType,
};

use super::channel::Generation;
use crate::api::paths;

/// The bytes of one message.
pub(crate) type Message = Vec<u8>;

/// What the queue of Falco 0.24 to 0.43 holds now, then the end.
pub(crate) const GET: Method<(), Message> = Method {
    ty: MethodType::ServerStreaming,
    name: paths::GET,
    req_mar: EMPTY,
    resp_mar: MESSAGE,
};

/// What the queue holds, for each request.
pub(crate) const SUB: Method<(), Message> = Method {
    ty: MethodType::Duplex,
    name: paths::SUB,
    req_mar: EMPTY,
    resp_mar: MESSAGE,
};

/// What the queue of Falco 0.18 to 0.23 holds now, then the end: with `keepalive`, the request's one
/// field, left at false.
///
/// With `keepalive` these Falcos lose alerts: one that waits in the queue is taken out, and the next
/// is taken into its place before anything is written (`server_impl::subscribe` in their source).
pub(crate) const SUBSCRIBE: Method<(), Message> = Method {
    ty: MethodType::ServerStreaming,
    name: paths::SUBSCRIBE,
    req_mar: EMPTY,
    resp_mar: MESSAGE,
};

// A request has no fields, so its encoding has no bytes.
pub(super) const EMPTY: Marshaller<()> = Marshaller {
    ser: |_, _: &mut GrpcSlice| Ok(()),
    de: |_| Ok(()),
};

pub(super) const MESSAGE: Marshaller<Message> = Marshaller {
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

pub(crate) enum Call {
    /// Ends by itself.
    Drain(ClientSStreamReceiver<Message>),
    /// Brings more for each request, and never ends by itself.
    Sub {
        alerts: ClientDuplexReceiver<Message>,
        requests: Option<ClientDuplexSender<()>>,
    },
}

impl Call {
    /// What the queue holds now, then the end.
    pub(crate) fn get(client: &Client, generation: Generation) -> grpcio::Result<Call> {
        let method = match generation {
            Generation::Outputs => &GET,
            Generation::Output => &SUBSCRIBE,
        };
        let alerts = client.server_streaming(method, &(), CallOption::default())?;
        Ok(Call::Drain(alerts))
    }

    /// One call of a subscription. Of the older generation it has to be made again and again.
    pub(crate) fn subscribe(client: &Client, generation: Generation) -> grpcio::Result<Call> {
        if generation == Generation::Output {
            return Call::get(client, generation);
        }
        let (requests, alerts) = client.duplex_streaming(&SUB, CallOption::default())?;
        Ok(Call::Sub {
            alerts,
            requests: Some(requests),
        })
    }

    /// The sender of a `sub`'s requests, once. Dropping it cancels the call.
    pub(super) fn take_requests(&mut self) -> Option<ClientDuplexSender<()>> {
        match self {
            Call::Drain(_) => None,
            Call::Sub { requests, .. } => requests.take(),
        }
    }

    pub(super) fn cancel(&mut self) {
        match self {
            Call::Drain(alerts) => alerts.cancel(),
            Call::Sub { alerts, .. } => alerts.cancel(),
        }
    }

    /// The next message, a failure, or the end.
    ///
    /// A failure may overtake messages that were received before it; the end never does.
    pub(super) fn poll_next(&mut self, cx: &mut Context) -> Poll<Option<grpcio::Result<Message>>> {
        match self {
            Call::Drain(alerts) => Pin::new(alerts).poll_next(cx),
            Call::Sub { alerts, .. } => Pin::new(alerts).poll_next(cx),
        }
    }
}
