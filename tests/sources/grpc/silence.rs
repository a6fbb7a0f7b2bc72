//! Waiting costs no memory, which is measured of a whole process.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;

use falco_client::api::grpcio::{
    DuplexSink, EnvBuilder, RequestStream, RpcContext, ServerBuilder, ServerCredentials,
};
use falco_client::api::outputs::{Request, Response};
use falco_client::api::outputs_grpc::{create_service, Service};
use falco_client::{Client, Config};
use futures::StreamExt as _;

use crate::common::own_process::in_own_process;
use crate::common::until;

/// A Falco without alerts, that counts what it is asked.
#[derive(Clone, Default)]
struct Silent(Arc<AtomicUsize>);

impl Service for Silent {
    fn sub(
        &mut self,
        context: RpcContext,
        mut requests: RequestStream<Request>,
        sink: DuplexSink<Response>,
    ) {
        let asked = self.0.clone();
        context.spawn(async move {
            let _sink = sink;
            while let Some(Ok(_)) = requests.next().await {
                asked.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
}

fn kilobytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    resident.trim_end_matches("kB").trim().parse().unwrap()
}

#[test]
fn forty_thousand_requests_without_an_answer_take_no_memory() {
    in_own_process(
        "grpc::silence::forty_thousand_requests_without_an_answer_take_no_memory",
        || {
            let folder = tempfile::tempdir().unwrap();
            let socket = folder.path().join("falco.sock");
            let falco = Silent::default();
            let mut server = ServerBuilder::new(Arc::new(EnvBuilder::new().cq_count(1).build()))
                .register_service(create_service(falco.clone()))
                .build()
                .unwrap();
            let address = format!("unix:{}", socket.display());
            server
                .add_listening_port(address, ServerCredentials::insecure())
                .unwrap();
            server.start();

            let often = Duration::from_millis(1);
            let config =
                Config::new(format!("unix://{}", socket.display())).request_interval(often..=often);
            let client = Client::new(config).unwrap();
            let _alerts: Vec<_> = (0..20).map(|_| client.subscribe().unwrap()).collect();
            let asked = |count| {
                until("it has been asked", || {
                    falco.0.load(Ordering::Relaxed) >= count
                });
                kilobytes()
            };
            let (before, after) = (asked(5_000), asked(45_000));
            // A hundred bytes for each would be 4 MB.
            assert!(after < before + 4_000, "{before} kB, then {after} kB");
        },
    );
}
