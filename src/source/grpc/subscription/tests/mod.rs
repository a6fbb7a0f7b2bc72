//! A subscription with scripted events and a clock that moves only when the script says so.

mod close;
mod fallback;
mod generations;
mod open;
mod reconnect;

use std::time::{Duration, Instant};

use grpcio::{RpcStatus, RpcStatusCode};

use super::*;
use crate::diagnose::{Finding, Step};
use crate::error::{Error, Problem, StatusCode};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn s(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

struct Script {
    subscription: Subscription,
    now: Instant,
}

impl Script {
    /// With the default times: requests each 10 ms to 250 ms, 200 ms of silence on closing, a stall
    /// after 60 s.
    fn new(purpose: Purpose, keep_trying: bool) -> Script {
        let now = Instant::now();
        let settings = SubscriptionSettings {
            purpose,
            endpoint: "unix:///falco.sock".to_owned(),
            request_interval: ms(10)..=ms(250),
            closing_silence: ms(200),
            stall_timeout: s(60),
            keep_trying,
            budget: RequestBudget::new(now),
        };
        Script {
            subscription: Subscription::new(settings, Generation::Outputs, now),
            now,
        }
    }

    fn get() -> Script {
        let mut script = Script::new(Purpose::Get, false);
        script.expect(["open Get"]);
        script
    }

    fn subscribe() -> Script {
        let mut script = Script::new(Purpose::Subscribe, false);
        script.expect(["open Sub"]);
        script
    }

    fn keep_trying() -> Script {
        let mut script = Script::new(Purpose::Subscribe, true);
        script.expect(["open Sub"]);
        script
    }

    /// A subscription that Falco has accepted.
    fn accepted() -> Script {
        let mut script = Script::subscribe();
        script.accept();
        script
    }

    /// One that has brought a message.
    fn delivering() -> Script {
        let mut script = Script::accepted();
        script.message();
        script.expect([]);
        script
    }

    /// One to a Falco before 0.24, between two calls.
    fn polling() -> Script {
        let mut script = Script::subscribe();
        script.fail(unimplemented());
        script.expect(["set Output", "open Subscribe"]);
        script.on(Event::CallEnded);
        script.expect(["following"]);
        script
    }

    /// One that was refused, for the first time.
    fn waiting() -> Script {
        let mut script = Script::subscribe();
        script.fail(unavailable());
        script.expect([
            "set Outputs",
            "renew certificates",
            "wait 100ms for a server",
            "waiting 100ms",
        ]);
        script
    }

    fn on(&mut self, event: Event) {
        self.subscription.handle(event, self.now);
    }

    /// A message came out of the call, and was delivered.
    fn message(&mut self) {
        self.subscription.message();
        self.activity();
    }

    fn activity(&mut self) {
        let now = self.now;
        self.subscription.activity(|| now);
    }

    /// The fallback's `get` brings a message.
    fn fetched(&mut self) {
        self.subscription.fetched();
        self.activity();
    }

    /// The first request is not refused.
    fn accept(&mut self) {
        self.on(Event::RequestSent);
        self.on(Event::RequestWritten);
        self.expect(["request in 10ms"]);
        self.pass(ms(100));
        self.expect(["following"]);
    }

    fn fail(&mut self, error: Error) {
        self.on(Event::CallFailed(error));
        self.on(Event::CallEnded);
    }

    fn retry(&mut self) {
        self.on(Event::RetryDue(Generation::Outputs));
    }

    fn probed(&mut self, probe: Probe, result: grpcio::Result<()>) {
        self.on(Event::Probed(probe, result));
    }

    /// Lets time pass, and reports each deadline at its time.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(deadline) = self.subscription.deadline().filter(|at| *at <= end) {
            self.now = self.now.max(deadline);
            self.on(Event::Timeout);
            let next = self.subscription.deadline();
            assert_ne!(next, Some(deadline), "the driver would spin");
        }
        self.now = end;
    }

    /// The actions since the last time that they were asked for.
    #[track_caller]
    fn expect<const N: usize>(&mut self, expected: [&str; N]) {
        let actions: Vec<_> = std::iter::from_fn(|| self.subscription.next_action()).collect();
        let actions: Vec<_> = actions.iter().map(text).collect();
        assert_eq!(actions, expected);
    }
}

fn text(action: &Action) -> String {
    match action {
        Action::Perform(operation) => match operation {
            Operation::Open { rpc, request_in } if rpc.takes_requests() => match request_in {
                &Duration::ZERO => format!("open {rpc:?}"),
                after => format!("open {rpc:?}, request in {after:?}"),
            },
            Operation::Open { rpc, .. } => format!("open {rpc:?}"),
            Operation::RequestIn(pause) => format!("request in {pause:?}"),
            Operation::StopRequests => "stop requests".to_owned(),
            Operation::CancelCalls => "cancel calls".to_owned(),
            Operation::DropCalls => "drop calls".to_owned(),
            Operation::Fetch => "fetch".to_owned(),
            Operation::Probe(probe, timeout) => format!("probe for {probe:?}, {timeout:?}"),
            Operation::Wait(wait) => match wait.unavailable {
                false => format!("wait {:?}", wait.pause),
                true => format!("wait {:?} for a server", wait.pause),
            },
            Operation::Examine => "examine".to_owned(),
            Operation::SetGeneration(generation) => format!("set {generation:?}"),
            Operation::RenewChannel => "renew channel".to_owned(),
            Operation::RenewCertificates => "renew certificates".to_owned(),
        },
        Action::Report(notice) => match notice {
            Notice::Following { reconnected: false } => "following".to_owned(),
            Notice::Following { reconnected: true } => "following, reconnected".to_owned(),
            Notice::Waiting { pause, error, .. } => match error {
                None => format!("waiting {pause:?}"),
                Some(error) => format!("waiting {pause:?}, tells the reader {}", kind(error)),
            },
            Notice::Found(finding) => format!("found {finding}"),
            Notice::Unserved => "unserved".to_owned(),
            Notice::AlertLost(error) => format!("alert lost: {}", kind(error)),
            Notice::Unconfirmed(_) => "unconfirmed".to_owned(),
            Notice::End(None) => "end".to_owned(),
            Notice::End(Some(error)) => format!("end: {}", kind(error)),
        },
    }
}

fn kind(error: &Error) -> String {
    match error {
        Error::Unavailable { .. } => "unavailable".to_owned(),
        Error::Untrusted { problem, .. } => format!("untrusted ({problem})"),
        Error::Unimplemented { .. } => "unimplemented".to_owned(),
        Error::TooLarge { .. } => "too large".to_owned(),
        Error::Timeout { after, .. } => format!("timeout {after:?}"),
        Error::Status { code, .. } => code.to_string(),
        other => panic!("{other}"),
    }
}

fn endpoint() -> String {
    "unix:///falco.sock".to_owned()
}

fn unavailable() -> Error {
    Error::unavailable(endpoint(), ("nothing listens", "start it"), None)
}

fn untrusted() -> Error {
    Error::untrusted(endpoint(), ("some CA", "give another"), None)
}

fn unimplemented() -> Error {
    Error::Unimplemented {
        endpoint: endpoint(),
        method: "falco.outputs.service/sub",
    }
}

fn too_large() -> Error {
    Error::TooLarge {
        endpoint: endpoint(),
        size: Some(6_000),
        limit: Some(5_000),
    }
}

fn status(code: StatusCode) -> Error {
    Error::Status {
        endpoint: endpoint(),
        code,
        message: String::new(),
    }
}

fn expired_certificate() -> Finding {
    Finding::failed(Step::Tls, Problem::alone("the certificate has expired"))
}

fn probe_failed(code: RpcStatusCode) -> grpcio::Result<()> {
    Err(grpcio::Error::RpcFailure(RpcStatus::new(code)))
}

fn timed_out() -> grpcio::Result<()> {
    probe_failed(RpcStatusCode::DEADLINE_EXCEEDED)
}
