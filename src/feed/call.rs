//! The two calls that carry alerts, with the messages left as bytes.

use std::io::Read;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;
use grpcio::{
    CallOption, Client, ClientDuplexReceiver, ClientDuplexSender, ClientSStreamReceiver, GrpcSlice,
    Marshaller, MessageReader, Method, MethodType,
};

/// The bytes of one message.
pub(crate) type Frame = Vec<u8>;

/// What the queue of Falco 0.24 to 0.43 holds now, then the end.
pub(crate) const GET: Method<(), Frame> = Method {
    ty: MethodType::ServerStreaming,
    name: "/falco.outputs.service/get",
    req_mar: EMPTY,
    resp_mar: FRAME,
};

/// What the queue holds, for each request.
pub(crate) const SUB: Method<(), Frame> = Method {
    ty: MethodType::Duplex,
    name: "/falco.outputs.service/sub",
    req_mar: EMPTY,
    resp_mar: FRAME,
};

// A request has no fields, so its encoding has no bytes.
const EMPTY: Marshaller<()> = Marshaller {
    ser: |_, _: &mut GrpcSlice| Ok(()),
    de: |_| Ok(()),
};

const FRAME: Marshaller<Frame> = Marshaller {
    ser: write,
    de: read,
};

fn read(mut message: MessageReader) -> grpcio::Result<Frame> {
    let mut frame = Vec::with_capacity(message.len());
    match message.read_to_end(&mut frame) {
        Ok(_) => Ok(frame),
        Err(error) => Err(grpcio::Error::Codec(error.into())),
    }
}

fn write(frame: &Frame, into: &mut GrpcSlice) -> grpcio::Result<()> {
    *into = GrpcSlice::from(frame.as_slice());
    Ok(())
}

pub(crate) enum Call {
    Get(ClientSStreamReceiver<Frame>),
    Sub {
        alerts: ClientDuplexReceiver<Frame>,
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
    pub(super) fn poll_next(&mut self, cx: &mut Context) -> Poll<Option<grpcio::Result<Frame>>> {
        match self {
            Call::Get(alerts) => Pin::new(alerts).poll_next(cx),
            Call::Sub { alerts, .. } => Pin::new(alerts).poll_next(cx),
        }
    }
}
