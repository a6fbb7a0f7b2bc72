//! Moves the alerts of a source into the spool.

use std::sync::Arc;
use std::thread::JoinHandle;

use log::Level;

use super::admission::Admission;
use super::shutdown::{Member, WaitGroup};
use super::spool::{Incoming, Spool};
use super::trail::Trail;
use crate::alerts::{Alerts, Handle};
use crate::client::Client;
use crate::delivery::{Control, Flow, Message, MessageResult, Outlet, SharedOutlet};
use crate::endpoint::Endpoint;
use crate::error::{Error, Result};
use crate::position::Position;
use crate::source::{Purpose, StartRequest};
use crate::util::rate_limited_log::RateLimitedLog;
use crate::util::thread::spawn_named;

/// How many alerts are stored together, at most.
const BATCH: usize = 256;

/// What a source is called, and where it is.
#[derive(Clone)]
pub(super) struct Names {
    /// The endpoint, where it has no name of its own.
    pub name: Arc<str>,
    pub endpoint: Arc<str>,
}

impl Names {
    fn incoming(&self, message: Message) -> Incoming {
        Incoming {
            source: self.name.clone(),
            endpoint: self.endpoint.clone(),
            message,
        }
    }
}

/// A source that runs.
pub(super) struct RunningSource {
    pub names: Names,
    pub handle: Handle,
    /// Stores the alerts of a source on gRPC.
    thread: Option<JoinHandle<()>>,
}

impl RunningSource {
    /// Starts a source, which `finished` counts until all that came is stored.
    pub(super) fn start(
        client: &Client,
        names: Names,
        spool: &Arc<Spool>,
        admission: &Arc<Admission>,
        trail: &Arc<Trail>,
        finished: &Arc<WaitGroup>,
    ) -> Result<RunningSource> {
        match client.endpoint().grpc() {
            Some(_) => RunningSource::pull(client, names, spool, admission, finished),
            None => RunningSource::take(client, names, spool, admission, trail, finished),
        }
    }

    /// Stores alerts on a thread of its own: gRPC delivers on one thread for all connections, which must
    /// not wait for a spool.
    fn pull(
        client: &Client,
        names: Names,
        spool: &Arc<Spool>,
        admission: &Arc<Admission>,
        finished: &Arc<WaitGroup>,
    ) -> Result<RunningSource> {
        let alerts = client.subscribe()?;
        let handle = alerts.handle();
        let run = {
            let (names, spool, member) = (names.clone(), spool.clone(), finished.enter());
            let admission = admission.clone();
            move || {
                pull(alerts, &names, &spool, &admission);
                drop(spool);
                drop(member);
            }
        };
        let thread = spawn_named("relay-source", run)
            .map_err(|error| Error::no_thread(&names.name, "to read it", error))?;
        Ok(RunningSource {
            names,
            handle,
            thread: Some(thread),
        })
    }

    /// Stores alerts on the source's own thread, so that a post is answered once its alert is stored.
    fn take(
        client: &Client,
        names: Names,
        spool: &Arc<Spool>,
        admission: &Arc<Admission>,
        trail: &Arc<Trail>,
        finished: &Arc<WaitGroup>,
    ) -> Result<RunningSource> {
        let control = Control::new(client.endpoint().clone());
        let outlet = SpoolOutlet(Arc::new(SpoolIntake {
            spool: spool.clone(),
            admission: admission.clone(),
            log: input_log(&names.name),
            names: names.clone(),
            control: control.clone(),
            _member: finished.enter(),
        }));
        client.start(StartRequest {
            purpose: Purpose::Subscribe,
            outlet: Box::new(outlet),
            control: control.clone(),
            from: position(spool, client.endpoint()),
            post_guard: Some(trail.clone()),
        })?;
        Ok(RunningSource {
            names,
            handle: Handle::new(control),
            thread: None,
        })
    }

    /// Waits until what it has received is stored.
    pub(super) fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic was reported by the thread itself.
            let _ = thread.join();
        }
    }
}

/// Where a source goes on. A file is the same however it was spelt before; of several positions in
/// it, the last one counts.
fn position(spool: &Spool, endpoint: &Endpoint) -> Option<Position> {
    let (name, place) = (endpoint.to_string(), endpoint.place());
    let is_it = |of: &str| {
        let of: Option<Endpoint> = of.parse().ok();
        of.is_some_and(|of| of.to_string() == name || of.place().is_same(&place))
    };
    let positions = spool.positions().into_iter();
    let positions = positions.filter(|(of, _)| is_it(of));
    positions
        .map(|(_, position)| position)
        .max_by_key(Position::order)
}

/// A sender or a wrong setting can make any number of errors.
fn input_log(name: &Arc<str>) -> RateLimitedLog {
    RateLimitedLog::new(module_path!(), &**name)
}

/// The kind of an error between alerts, by which the log limits its lines.
fn kind(error: &Error) -> &'static str {
    match error {
        Error::Undecodable { .. } if error.is_of_text() => "alerts as text",
        Error::Undecodable { .. } => "input that is no alert",
        Error::TooLarge { .. } => "alerts that are too large",
        _ => "other errors",
    }
}

fn pull(mut alerts: Alerts, names: &Names, spool: &Spool, admission: &Admission) {
    let incoming = |message| names.incoming(Message::grpc(message));
    let name = &names.name;
    let log = input_log(name);
    let mut batch = Vec::new();
    while let Ok(first) = alerts.recv() {
        let mut next = Some(first);
        while let Some(item) = next.take() {
            match item {
                Ok(alert) if !admission.admits_alert(&alert) => {}
                Ok(alert) => batch.push(incoming(alert.into_bytes())),
                // A client on gRPC may be able to decode it.
                Err(Error::Undecodable { bytes, .. }) => batch.push(incoming(bytes.into_vec())),
                Err(error) => log.log(Level::Error, kind(&error), format_args!("{error}")),
            }
            if batch.len() < BATCH {
                next = alerts.try_recv().ok();
            }
        }
        let mut count = batch.len();
        if count > 0 && spool.put(std::mem::take(&mut batch)).is_err() {
            alerts.handle().cancel();
            count += alerts.into_iter().filter(Result::is_ok).count();
            log::error!("{name}: {count} alerts were received and found no room in the spool");
            return;
        }
    }
}

/// Stores what a source brings before it takes more from there.
struct SpoolOutlet(Arc<SpoolIntake>);

struct SpoolIntake {
    spool: Arc<Spool>,
    admission: Arc<Admission>,
    log: RateLimitedLog,
    names: Names,
    control: Arc<Control>,
    /// The last field, so that the source counts as running until the spool is released.
    _member: Member,
}

impl SharedOutlet for SpoolIntake {
    fn take(&self, item: MessageResult) -> Flow {
        let message = match item {
            Ok(message) => message,
            Err(error) => {
                self.log.warn(kind(&error), format_args!("{error}"));
                return Flow::Continue;
            }
        };
        let number = message.number;
        if !self.admission.admits(&message) {
            self.control.mark_read(number);
            return Flow::Continue;
        }
        match self.spool.put(vec![self.names.incoming(message)]) {
            Ok(()) => {
                self.control.mark_read(number);
                Flow::Continue
            }
            Err(_) => Flow::Refuse,
        }
    }
}

impl Outlet for SpoolOutlet {
    fn take(&mut self, item: MessageResult) -> Flow {
        self.0.take(item)
    }

    fn shared(&self) -> Option<Arc<dyn SharedOutlet>> {
        Some(self.0.clone())
    }

    fn has_room(&mut self) -> bool {
        true
    }

    fn end(&mut self, error: Option<Error>) {
        if let Some(error) = error {
            log::error!("{error}");
        }
        // Before the process may end.
        self.0.log.flush();
    }
}
