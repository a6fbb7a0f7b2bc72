//! The embedded Falco behaves as Falco does: its queue, `get`, `sub`, `version`.

use std::collections::BTreeSet;
use std::sync::mpsc;

use falco_client::api::grpcio::{self, CallOption, Method, MethodType, RpcStatusCode};
use falco_client::api::protobuf::Message as _;
use falco_client::api::version;
use falco_client::server::Server;
use falco_client::Alert;
use futures::executor::block_on;
use futures::{FutureExt as _, SinkExt as _, StreamExt as _};

use crate::common::raw::{numbered, push, server, server_with, status, take, Raw};
use crate::common::until;

#[test]
fn a_server_can_be_shared_between_threads() {
    fn check<T: Send + Sync + 'static>() {}
    check::<Server>();
}

#[test]
fn get_takes_what_there_is_and_ends_with_ok() {
    let (server, _folder) = server();
    push(&server, 0..1000);
    let (numbers, end) = Raw::new(&server).get_all();
    assert!(end.is_ok(), "{end:?}");
    assert_eq!(numbers, (0..1000).collect::<Vec<_>>());
    assert_eq!((server.queued(), server.written()), (0, 1000));
}

#[test]
fn alerts_can_be_pushed_one_by_one_or_many_at_once() {
    let alert = |rule: &str| Alert::builder().without_time().rule(rule).build();
    let (server, _folder) = server();
    server.push(alert("0"));
    server.extend([alert("1"), alert("2")]);
    assert_eq!(server.queued(), 3);
    assert_eq!(Raw::new(&server).get_all().0, [0, 1, 2]);
}

#[test]
fn get_on_an_empty_queue_ends_at_once_without_a_message() {
    let (server, _folder) = server();
    let client = Raw::new(&server);
    let (numbers, end) = client.get_all();
    assert!(end.is_ok() && numbers.is_empty(), "{numbers:?} {end:?}");
    push(&server, 0..1);
    assert_eq!(client.get_all().0, [0]);
}

#[test]
fn messages_arrive_byte_for_byte() {
    let (server, _folder) = server();
    let messages = [
        b"".to_vec(),
        b"\x22\x02\xff\xfe".to_vec(),
        vec![0xff; 5 << 20],
        vec![7; 900],
    ];
    messages
        .iter()
        .for_each(|message| server.push_bytes(message.as_slice()));
    assert_eq!(Raw::new(&server).get_bytes(b"").unwrap(), messages);
}

#[test]
fn sub_is_silent_until_asked() {
    let (server, _folder) = server();
    let client = Raw::new(&server);
    let mut sub = client.sub();
    push(&server, 0..3);
    client.round_trips();
    assert!(
        sub.alerts.headers().now_or_never().is_none(),
        "headers before the first alert"
    );
    assert_eq!(server.queued(), 3);

    sub.ask();
    assert_eq!(sub.take(3), [0, 1, 2]);
    assert!(block_on(sub.alerts.headers()).is_ok());

    client.round_trips();
    push(&server, 3..5);
    client.round_trips();
    assert!(sub.is_silent());
    assert_eq!(server.queued(), 2);
    sub.ask();
    assert_eq!(sub.take(2), [3, 4]);
}

#[test]
fn a_thousand_requests_on_an_empty_queue_do_no_harm() {
    let (server, _folder) = server();
    let client = Raw::new(&server);
    let mut sub = client.sub();
    (0..1000).for_each(|_| sub.ask());
    push(&server, 0..1);
    sub.ask();
    assert_eq!(sub.take(1), [0]);
}

#[test]
fn whoever_asks_gets_what_there_is() {
    let (server, _folder) = server();
    let client = Raw::new(&server);
    let (mut one, mut other) = (client.sub(), client.sub());
    for (sub, numbers) in [(&mut one, 0..10), (&mut other, 10..20)] {
        push(&server, numbers.clone());
        sub.ask();
        assert_eq!(sub.take(10), numbers.collect::<Vec<_>>());
        client.round_trips();
    }
}

#[test]
fn an_alert_reaches_one_client_once() {
    let (server, _folder) = server_with(|builder| builder.threadiness(2));
    let client = Raw::new(&server);
    let (mut one, mut other) = (client.sub(), client.sub());
    push(&server, 0..5000);
    one.ask();
    other.ask();
    let (sender, receiver) = mpsc::channel();
    let others = [client.get(), client.get()];
    let streams = [one.alerts.boxed(), other.alerts.boxed()].into_iter();
    for mut alerts in streams.chain(others.map(|get| get.boxed())) {
        let sender = sender.clone();
        client.outputs.spawn(async move {
            while let Some(Ok(alert)) = alerts.next().await {
                sender.send(alert.rule.parse::<usize>().unwrap()).unwrap();
            }
        });
    }
    let received: Vec<_> = receiver.iter().take(5000).collect();
    assert_eq!(
        received.iter().copied().collect::<BTreeSet<_>>(),
        (0..5000).collect()
    );
    drop((one.requests, other.requests));
    drop(sender);
    assert_eq!(receiver.iter().count(), 0);
}

#[test]
fn a_half_closed_sub_gets_no_status() {
    let (server, _folder) = server();
    let client = Raw::new(&server);
    let mut sub = client.sub();
    block_on(sub.requests.close()).unwrap();
    push(&server, 0..1);
    client.round_trips();
    assert!(sub.is_silent());
}

#[test]
fn an_undecodable_request_ends_a_get_and_hangs_a_sub() {
    let (server, _folder) = server();
    push(&server, 0..1);
    let client = Raw::new(&server);
    let end = status(client.get_bytes(b"\xff\xff"));
    assert_eq!(end.code(), RpcStatusCode::INTERNAL);

    let mut sub = client.sub_bytes();
    sub.send(b"\xff\xff".to_vec());
    sub.ask();
    client.round_trips();
    assert!(sub.is_silent());
    assert_eq!(server.queued(), 1);
    // Unknown fields are no harm.
    assert_eq!(client.get_bytes(b"\x08\x01").unwrap(), [numbered(0)]);
}

#[test]
fn ten_streams_per_thread_are_served_and_the_others_wait() {
    let (server, _folder) = server();
    let client = Raw::new(&server);
    let mut served = client.served(&server, 10);
    let (mut next, mut after) = (client.sub(), client.sub());
    next.ask();
    client.round_trips();
    push(&server, 1..2);
    client.round_trips();
    assert_eq!(server.queued(), 1);
    assert!(next.is_silent());
    // The limit is of each kind of stream.
    assert_eq!(client.get_all().0, [1]);

    served.remove(3);
    push(&server, 2..3);
    next.ask();
    assert_eq!(next.take(1), [2]);
    after.ask();
    client.round_trips();
    assert!(after.is_silent());
}

#[test]
fn a_stream_that_was_cancelled_while_it_waited_takes_nobody_s_turn() {
    let (server, _folder) = server();
    let client = Raw::new(&server);
    let served = client.served(&server, 10);
    let waiting: Vec<_> = (0..5).map(|_| client.sub()).collect();
    client.round_trips();
    drop(waiting);
    let mut next = client.sub();
    next.ask();
    drop(served);
    push(&server, 1..2);
    next.ask();
    assert_eq!(next.take(1), [1]);
}

#[test]
fn cancelling_loses_what_was_written_and_nothing_else() {
    let (server, _folder) = server();
    let client = Raw::new(&server);
    let big = |number: usize| {
        [
            numbered(number),
            b"\x2a\x80\x80\x40".to_vec(),
            vec![b'x'; 1 << 20],
        ]
        .concat()
    };
    (0..64).for_each(|number| server.push_bytes(big(number)));
    let mut stalled = client.get();
    let (numbers, _) = take(&mut stalled, 1);
    assert_eq!(numbers, [0]);
    drop(stalled);
    until("what was not written is in the queue again", || {
        server.queued() as u64 + server.written() == 64
    });
    let written = server.written() as usize;
    assert!(written < 64, "the stream did not stall");
    assert_eq!(client.get_all().0, (written..64).collect::<Vec<_>>());
}

#[test]
fn version_is_answered_as_recorded_or_as_set() {
    let (server, _folder) = server();
    let recorded = include_bytes!("../recordings/version_unix.bin");
    let expected = version::Response::parse_from_bytes(recorded).unwrap();
    assert_eq!(Raw::new(&server).version().unwrap(), expected);

    let old = version::Response {
        version: "0.33.0".into(),
        minor: 33,
        ..Default::default()
    };
    let (server, _folder) = server_with(|builder| builder.version(old.clone()));
    assert_eq!(Raw::new(&server).version().unwrap(), old);
}

#[test]
fn what_the_server_does_not_have_is_unimplemented() {
    let (server, _folder) = server();
    let client = grpcio::Client::new(Raw::new(&server).channel);
    let subscribe: Method<version::Request, version::Response> = Method {
        ty: MethodType::Unary,
        name: "/falco.output.service/subscribe",
        req_mar: grpcio::Marshaller {
            ser: grpcio::pb_ser,
            de: grpcio::pb_de,
        },
        resp_mar: grpcio::Marshaller {
            ser: grpcio::pb_ser,
            de: grpcio::pb_de,
        },
    };
    let answer = client.unary_call(&subscribe, &version::Request::new(), CallOption::default());
    let end = status(answer);
    assert_eq!(
        (end.code(), end.message()),
        (RpcStatusCode::UNIMPLEMENTED, "")
    );
}
