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
use crate::delivery::Outlet;

/// The bytes of one message, which C-core holds in pieces.
pub(super) type Pieces = MessageReader;

const GET: Method<(), Pieces> = method(MethodType::ServerStreaming, paths::GET);

const SUB: Method<(), Pieces> = method(MethodType::Duplex, paths::SUB);

/// With `keepalive`, the one field of its request, left at false. With true Falco 0.18 to 0.23 loses
/// alerts: one that waits in the queue is taken out, and the next is taken into its place before
/// anything is written (`server_impl::subscribe` in their source).
const SUBSCRIBE: Method<(), Pieces> = method(MethodType::ServerStreaming, paths::SUBSCRIBE);

pub(super) const fn method(ty: MethodType, name: &'static str) -> Method<(), Pieces> {
    Method {
        ty,
        name,
        req_mar: EMPTY,
        resp_mar: PIECES,
    }
}

// A request has no fields, so its encoding has no bytes.
const EMPTY: Marshaller<()> = Marshaller {
    ser: |_, _: &mut GrpcSlice| Ok(()),
    de: |_| Ok(()),
};

const PIECES: Marshaller<Pieces> = Marshaller {
    // A client sends none.
    ser: |_, _: &mut GrpcSlice| Ok(()),
    de: |pieces| Ok(pieces),
};

/// Puts a message into a buffer that is given for its length.
pub(super) fn read(
    mut pieces: Pieces,
    buffer: impl FnOnce(usize) -> Vec<u8>,
) -> grpcio::Result<Vec<u8>> {
    let mut bytes = buffer(pieces.len());
    match pieces.read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => Err(grpcio::Error::Codec(error.into())),
    }
}

pub(super) enum Call {
    /// Ends by itself.
    Finite(ClientSStreamReceiver<Pieces>),
    /// Brings more for each request, and never ends by itself.
    Duplex {
        alerts: ClientDuplexReceiver<Pieces>,
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

    /// The next message, in a buffer of the outlet; a failure, or the end.
    ///
    /// A failure may overtake messages that were received before it; the end never does.
    pub(super) fn poll_next(
        &mut self,
        cx: &mut Context,
        outlet: &mut dyn Outlet,
    ) -> Poll<Option<grpcio::Result<Vec<u8>>>> {
        let next = match self {
            Call::Finite(alerts) => Pin::new(alerts).poll_next(cx),
            Call::Duplex { alerts, .. } => Pin::new(alerts).poll_next(cx),
        };
        let read = |pieces| read(pieces, |len| outlet.buffer(len));
        next.map(|next| next.map(|pieces| pieces.and_then(read)))
    }
}
