//! The calls: which version Falco reports, and which service it has for alerts.

use std::task::{Context, Poll};

use futures::future::{poll_fn, select};
use futures::StreamExt as _;
use futures_timer::Delay;
use grpcio::{
    CallOption, ClientDuplexReceiver, ClientDuplexSender, Marshaller, Method, MethodType,
    RpcStatusCode,
};

use crate::api::paths::{SUB, SUBSCRIBE};
use crate::check::{Finding, Step};
use crate::client::Client;
use crate::error::{Error, Problem};
use crate::source::grpc::explain;
use crate::source::grpc::Connection;
use crate::util::wait::wait;

pub(super) fn probe(client: &Client, findings: &mut Vec<Finding>) -> Result<(), Finding> {
    findings.push(version(client)?);
    findings.push(outputs(client)?);
    Ok(())
}

fn version(client: &Client) -> Result<Finding, Finding> {
    match client.version() {
        Ok(answer) => {
            let engine = match answer.engine_version.as_str() {
                "" => answer.engine_minor.to_string(),
                version => version.to_owned(),
            };
            let text = format!("Falco {}, engine {engine}", answer.version);
            Ok(Finding::ok(Step::Version, text))
        }
        Err(Error::Unimplemented { .. }) => Ok(Finding::ok(
            Step::Version,
            "the server does not report its version, as Falco before 0.20",
        )),
        Err(error) => Err(Finding::failed(Step::Version, &error)),
    }
}

/// Opens the calls that provide alerts, and sends no request, so that Falco writes none. A server
/// without the method ends the call at once.
fn outputs(client: &Client) -> Result<Finding, Finding> {
    let failed = |error: Error| Finding::failed(Step::Outputs, &error);
    let endpoint = client.endpoint();
    let connection = client.connection().map_err(failed)?;
    let open = |method| {
        let explain = |error| explain(endpoint, method, None, error);
        ProbeCall::new(connection, method)
            .map_err(explain)
            .map_err(failed)
    };
    let (mut sub, mut subscribe) = (open(SUB)?, open(SUBSCRIBE)?);
    // A round trip later, a refusal is on its way. Falco refuses one of the two calls.
    round_trip(client)?;
    let one_ends = poll_fn(|cx| match sub.ended(cx) | subscribe.ended(cx) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    });
    // A server that is not Falco may have both.
    let limit = Delay::new(*connection.config().call_timeout);
    wait(select(one_ends, limit));
    round_trip(client)?;
    let refused = |call: &mut ProbeCall, method| {
        wait(poll_fn(|cx| Poll::Ready(call.ended(cx))));
        call.refused()
            .map_err(|error| failed(explain(endpoint, method, None, error)))
    };
    match (refused(&mut sub, SUB)?, refused(&mut subscribe, SUBSCRIBE)?) {
        (false, _) => Ok(Finding::ok(
            Step::Outputs,
            "falco.outputs.service, as in Falco 0.24 to 0.43",
        )),
        (true, false) => Ok(Finding::ok(
            Step::Outputs,
            "falco.output.service, as in Falco 0.18 to 0.23",
        )),
        (true, true) => Err(Finding::failed(
            Step::Outputs,
            Problem::fixed(
                "the server speaks gRPC, but provides no alerts",
                "see whether this is Falco's grpc.bind_address. Falco 0.44 and later have no \
                 gRPC: let http_output send the alerts to the endpoint listen+http://ADDR:PORT",
            ),
        )),
    }
}

fn round_trip(client: &Client) -> Result<(), Finding> {
    version(client).map(drop).map_err(|finding| Finding {
        step: Step::Outputs,
        ..finding
    })
}

/// A call without a request, cancelled when it is dropped.
struct ProbeCall {
    answers: ClientDuplexReceiver<()>,
    _requests: ClientDuplexSender<()>,
    end: Option<grpcio::Result<()>>,
}

impl ProbeCall {
    fn new(connection: &Connection, name: &'static str) -> grpcio::Result<ProbeCall> {
        const NOTHING: Marshaller<()> = Marshaller {
            ser: |_, _| Ok(()),
            de: |_| Ok(()),
        };
        let method = Method {
            // The type does not show on the wire, and a duplex call waits with its request.
            ty: MethodType::Duplex,
            name,
            req_mar: NOTHING,
            resp_mar: NOTHING,
        };
        let channel = connection.current().client;
        let (_requests, answers) = channel.duplex_streaming(&method, CallOption::default())?;
        Ok(ProbeCall {
            answers,
            _requests,
            end: None,
        })
    }

    fn ended(&mut self, cx: &mut Context) -> bool {
        if self.end.is_none() {
            if let Poll::Ready(end) = self.answers.poll_next_unpin(cx) {
                // Falco sends no answer without a request.
                self.end = Some(end.unwrap_or(Ok(())));
            }
        }
        self.end.is_some()
    }

    /// Whether the server has reported that it does not have the method.
    fn refused(&mut self) -> grpcio::Result<bool> {
        match self.end.take() {
            Some(Err(grpcio::Error::RpcFailure(status)))
                if status.code() == RpcStatusCode::UNIMPLEMENTED =>
            {
                Ok(true)
            }
            Some(Err(error)) => Err(error),
            Some(Ok(())) | None => Ok(false),
        }
    }
}
