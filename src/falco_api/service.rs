//! `falco.outputs.service` and `falco.version.service`, which behave as in Falco 0.43, and their
//! predecessor `falco.output.service`, which behaves as in Falco 0.23.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::{select, Either};
use futures::{FutureExt as _, Sink, SinkExt as _, StreamExt as _};
use futures_timer::Delay;
use grpcio::{
    pb_de, pb_ser, DuplexSink, GrpcSlice, Marshaller, MessageReader, Method, MethodType,
    RequestStream, RpcContext, RpcStatus, RpcStatusCode, ServerStreamingSink, Service,
    ServiceBuilder, UnarySink, WriteFlags,
};
use protobuf::UnknownValueRef;

use super::queue::QueueDrain;
use super::slots::{Slot, Slots};
use super::state::ServerState;
use crate::api::outputs::Request;
use crate::api::{paths, version, version_grpc};

// As the generated methods, except for the responses, which are serialised already.
const GET: Method<Request, GrpcSlice> = outputs(MethodType::ServerStreaming, paths::GET);
const SUB: Method<Request, GrpcSlice> = outputs(MethodType::Duplex, paths::SUB);
// The messages of the older service are those of the newer, but for one field of the request.
const SUBSCRIBE: Method<Request, GrpcSlice> =
    outputs(MethodType::ServerStreaming, paths::SUBSCRIBE);

/// How often a waiting `subscribe` polls the queue. Falco spins.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

const fn outputs(ty: MethodType, name: &'static str) -> Method<Request, GrpcSlice> {
    Method {
        ty,
        name,
        req_mar: Marshaller {
            ser: pb_ser,
            de: pb_de,
        },
        resp_mar: Marshaller {
            ser: hand_over,
            de: read,
        },
    }
}

/// Shares the bytes instead of copying them.
fn hand_over(alert: &GrpcSlice, slice: &mut GrpcSlice) -> grpcio::Result<()> {
    *slice = alert.clone();
    Ok(())
}

/// A server needs no decoder of responses, and the type demands one.
fn read(_: MessageReader) -> grpcio::Result<GrpcSlice> {
    Err(grpcio::Error::Codec("a server reads no responses".into()))
}

pub(crate) fn outputs_service(state: &Arc<ServerState>) -> Service {
    let (for_get, for_sub) = (state.clone(), state.clone());
    ServiceBuilder::new()
        .add_server_streaming_handler(&GET, move |context: RpcContext<'_>, _request, sink| {
            context.spawn(get(for_get.clone(), sink));
        })
        .add_duplex_streaming_handler(&SUB, move |context: RpcContext<'_>, requests, sink| {
            context.spawn(sub(for_sub.clone(), requests, sink));
        })
        .build()
}

pub(crate) fn output_service(state: &Arc<ServerState>) -> Service {
    let state = state.clone();
    ServiceBuilder::new()
        .add_server_streaming_handler(&SUBSCRIBE, move |context: RpcContext<'_>, request, sink| {
            context.spawn(subscribe(state.clone(), keepalive(&request), sink));
        })
        .build()
}

/// Field 1 of `falco.output.request`.
fn keepalive(request: &Request) -> bool {
    let fields = request.special_fields.unknown_fields().iter();
    let values = fields.filter_map(|field| match field {
        (1, UnknownValueRef::Varint(value)) => Some(value != 0),
        _ => None,
    });
    values.last().unwrap_or(false)
}

pub(crate) fn version_service(state: &Arc<ServerState>) -> Service {
    version_grpc::create_service(Version(state.clone()))
}

#[derive(Clone)]
struct Version(Arc<ServerState>);

impl version_grpc::Service for Version {
    fn version(
        &mut self,
        context: RpcContext<'_>,
        _request: version::Request,
        sink: UnarySink<version::Response>,
    ) {
        context.spawn(sink.success(self.0.version()).map(drop));
    }
}

async fn get(state: Arc<ServerState>, mut sink: ServerStreamingSink<GrpcSlice>) {
    let _slot = match turn(&state.gets, &mut sink).await {
        Turn::Now(slot) => slot,
        Turn::Never => return drop(sink.fail(stopping()).await),
        Turn::Cancelled => return,
    };
    if drain(state.queue.drain(), &mut sink, || state.is_stopping())
        .await
        .is_ok()
    {
        let _ = sink.close().await;
    }
}

async fn subscribe(
    state: Arc<ServerState>,
    keepalive: bool,
    mut sink: ServerStreamingSink<GrpcSlice>,
) {
    let _slot = match turn(&state.subscribes, &mut sink).await {
        Turn::Now(slot) => slot,
        Turn::Never => return drop(sink.fail(stopping()).await),
        Turn::Cancelled => return,
    };
    let written = match keepalive {
        true => follow(&state, &mut sink).await,
        // When Falco stops, it writes the rest first.
        false => drain(state.queue.drain(), &mut sink, || false).await,
    };
    if written.is_ok() {
        let _ = sink.close().await;
    }
}

async fn sub(
    state: Arc<ServerState>,
    mut requests: RequestStream<Request>,
    mut sink: DuplexSink<GrpcSlice>,
) {
    let slot = match turn(&state.subs, &mut sink).await {
        Turn::Now(slot) => slot,
        Turn::Never => return drop(sink.fail(stopping()).await),
        Turn::Cancelled => return,
    };
    let part = state.queue.subscribe();
    while let Some(Ok(_)) = requests.next().await {
        if drain(part.drain(), &mut sink, || state.is_stopping())
            .await
            .is_err()
        {
            return;
        }
        if state.is_stopping() {
            let _ = sink.close().await;
            return;
        }
    }
    // The client half-closed, or sent an undecodable request. Falco serves the next stream and never
    // ends this one.
    drop(part);
    drop(slot);
    cancelled(&mut sink).await;
}

enum Turn {
    Now(Slot),
    Never,
    Cancelled,
}

async fn turn<S: AlertSink>(slots: &Slots, sink: &mut S) -> Turn {
    match select(slots.take(), pin!(cancelled(sink))).await {
        Either::Left((Ok(slot), _)) => Turn::Now(slot),
        Either::Left((Err(oneshot::Canceled), _)) => Turn::Never,
        Either::Right(_) => Turn::Cancelled,
    }
}

fn stopping() -> RpcStatus {
    RpcStatus::with_message(RpcStatusCode::UNAVAILABLE, "Server shutdown".to_owned())
}

trait AlertSink: Sink<(GrpcSlice, WriteFlags), Error = grpcio::Error> + Unpin {}
impl<S: Sink<(GrpcSlice, WriteFlags), Error = grpcio::Error> + Unpin> AlertSink for S {}

/// Writes until the queue is empty, or until `enough`. An error means that the call is over; the sink
/// must not be used afterwards.
async fn drain<S: AlertSink>(
    mut drain: QueueDrain<'_>,
    sink: &mut S,
    enough: impl Fn() -> bool,
) -> grpcio::Result<()> {
    loop {
        poll_fn(|context| sink.poll_ready_unpin(context)).await?;
        if enough() {
            return Ok(());
        }
        let Some((alert, more)) = drain.next() else {
            return Ok(());
        };
        sink.start_send_unpin((alert.into(), WriteFlags::default().buffer_hint(more)))?;
    }
}

/// Writes until the server stops, with the defect of Falco 0.18 to 0.23: an alert that is found at
/// once is overwritten by the next one, which it then waits for.
///
/// As in Falco, it does not notice the end of the call while it waits, and then loses the next alert.
async fn follow<S: AlertSink>(state: &ServerState, sink: &mut S) -> grpcio::Result<()> {
    loop {
        poll_fn(|context| sink.poll_ready_unpin(context)).await?;
        drop(state.queue.pop());
        let alert = loop {
            if state.is_stopping() {
                return Ok(());
            }
            match state.queue.take() {
                Some(alert) => break alert,
                None => Delay::new(POLL_INTERVAL).await,
            }
        };
        sink.start_send_unpin((alert.into(), WriteFlags::default()))?;
    }
}

/// Resolves when the call is over. The sink must not be used afterwards.
async fn cancelled<S: AlertSink>(sink: &mut S) {
    poll_fn(|context| match sink.poll_ready_unpin(context) {
        Poll::Ready(Err(_)) => Poll::Ready(()),
        // Ready for a write; it wakes this task when the call ends.
        Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
    })
    .await;
}
