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

use super::queue::{QueueDrain, QueueReader};
use super::slots::{Slot, Slots};
use super::stall::{holds_up, StallTimer};
use super::state::ServerState;
use crate::api::outputs::Request;
use crate::api::{paths, version, version_grpc};

// As the generated methods, except for the responses, which are serialised already.
const GET: Method<Request, GrpcSlice> = outputs(MethodType::ServerStreaming, paths::GET);
const SUB: Method<Request, GrpcSlice> = outputs(MethodType::Duplex, paths::SUB);
// The messages of the older service are those of the newer, but for one field of the request.
const SUBSCRIBE: Method<Request, GrpcSlice> =
    outputs(MethodType::ServerStreaming, paths::SUBSCRIBE);

/// How long a client that takes nothing is given to take why its stream has ended.
const FAREWELL: Duration = Duration::from_secs(30);

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
            context.spawn(get(for_get.clone(), context.peer(), sink));
        })
        .add_duplex_streaming_handler(&SUB, move |context: RpcContext<'_>, requests, sink| {
            context.spawn(sub(for_sub.clone(), context.peer(), requests, sink));
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
        mut sink: UnarySink<version::Response>,
    ) {
        if let Some(metadata) = self.0.version_metadata() {
            sink.set_headers(metadata);
        }
        context.spawn(sink.success(self.0.version()).map(drop));
    }
}

async fn get(state: Arc<ServerState>, peer: String, mut sink: ServerStreamingSink<GrpcSlice>) {
    let _slot = match turn(&state.gets, &mut sink).await {
        Turn::Now(slot) => slot,
        Turn::Never => return drop(sink.fail(stopping()).await),
        Turn::Cancelled => return,
    };
    let mut timer = state.stall_timer();
    let reader = state.queue.read();
    match drain(reader.drain(), &mut sink, &mut timer, || {
        state.is_stopping()
    })
    .await
    {
        Ok(()) => drop(sink.close().await),
        Err(DrainEnd::Over) => {}
        Err(DrainEnd::Stalled) => {
            drop(reader);
            state.report_stalled(&peer);
            // The slot is kept, so that few of them wait here.
            drop(sink.fail(stalled(&state)).await);
        }
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
        true => follow(&state, &mut sink).await.map_err(DrainEnd::from),
        // When Falco stops, it writes the rest first.
        false => {
            let mut timer = state.stall_timer();
            drain(state.queue.drain(), &mut sink, &mut timer, || false).await
        }
    };
    if written.is_ok() {
        let _ = sink.close().await;
    }
}

async fn sub(
    state: Arc<ServerState>,
    peer: String,
    mut requests: RequestStream<Request>,
    mut sink: DuplexSink<GrpcSlice>,
) {
    let slot = match turn(&state.subs, &mut sink).await {
        Turn::Now(slot) => slot,
        Turn::Never => return drop(sink.fail(stopping()).await),
        Turn::Cancelled => return,
    };
    let part = state.queue.subscribe();
    let end = serve(&state, &part, &mut requests, &mut sink).await;
    drop(part);
    drop(slot);
    match end {
        SubEnd::Over => {}
        SubEnd::Stopping => drop(sink.close().await),
        // Falco serves the next stream and never ends this one.
        SubEnd::Unasked => cancelled(&mut sink).await,
        SubEnd::Stalled => {
            state.report_stalled(&peer);
            // It is cancelled when the stream of requests is dropped.
            select(sink.fail(stalled(&state)), Delay::new(FAREWELL)).await;
        }
    }
}

/// Why a `sub` ends.
enum SubEnd {
    /// The call is over.
    Over,
    Stopping,
    /// The client half-closed, or sent an undecodable request.
    Unasked,
    /// It takes nothing.
    Stalled,
}

/// Answers the requests of a `sub`.
async fn serve(
    state: &ServerState,
    part: &QueueReader<'_>,
    requests: &mut RequestStream<Request>,
    sink: &mut DuplexSink<GrpcSlice>,
) -> SubEnd {
    let mut timer = state.stall_timer();
    let mut stalled = pin!(holds_up(part, state.stall_timeout()));
    loop {
        match select(requests.next(), stalled.as_mut()).await {
            Either::Left((Some(Ok(_)), _)) => {}
            Either::Left((Some(Err(_)) | None, _)) => return SubEnd::Unasked,
            Either::Right(((), _)) => return SubEnd::Stalled,
        }
        let stopping = || state.is_stopping();
        match drain(part.drain(), sink, &mut timer, stopping).await {
            Ok(()) => {}
            Err(DrainEnd::Over) => return SubEnd::Over,
            Err(DrainEnd::Stalled) => return SubEnd::Stalled,
        }
        if state.is_stopping() {
            return SubEnd::Stopping;
        }
    }
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

fn stalled(state: &ServerState) -> RpcStatus {
    let seconds = state.stall_timeout().unwrap_or_default().as_secs();
    let text = format!("it has taken nothing for {seconds} s while there were alerts for it");
    RpcStatus::with_message(RpcStatusCode::DEADLINE_EXCEEDED, text)
}

trait AlertSink: Sink<(GrpcSlice, WriteFlags), Error = grpcio::Error> + Unpin {}
impl<S: Sink<(GrpcSlice, WriteFlags), Error = grpcio::Error> + Unpin> AlertSink for S {}

/// Why writing ends before the queue is empty.
enum DrainEnd {
    /// The call is over. The sink must not be used afterwards.
    Over,
    /// The client takes nothing.
    Stalled,
}

impl From<grpcio::Error> for DrainEnd {
    fn from(_: grpcio::Error) -> DrainEnd {
        DrainEnd::Over
    }
}

/// Writes until the queue is empty, or until `enough`.
async fn drain<S: AlertSink>(
    mut drain: QueueDrain<'_>,
    sink: &mut S,
    timer: &mut StallTimer,
    enough: impl Fn() -> bool,
) -> Result<(), DrainEnd> {
    timer.begin(0);
    loop {
        poll_fn(|context| match sink.poll_ready_unpin(context) {
            Poll::Ready(ready) => Poll::Ready(ready.map_err(DrainEnd::from)),
            Poll::Pending => timer.poll(context).map(|()| Err(DrainEnd::Stalled)),
        })
        .await?;
        if enough() {
            return Ok(());
        }
        let Some((alert, more)) = drain.next() else {
            return Ok(());
        };
        timer.begin(alert.len());
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
