//! The sources of a relay, and those that store their alerts on their own threads.

use std::sync::Arc;

use super::admission::Admission;
use super::shutdown::{Member, WaitGroup};
use super::spool::{Incoming, Spool};
use super::trail::Trail;
use super::unconfirmed::Unconfirmed;
use crate::alerts::Handle;
use crate::client::Client;
use crate::delivery::{Control, Flow, Message, MessageResult, Outlet, SharedOutlet};
use crate::endpoint::Endpoint;
use crate::error::{Error, Result};
use crate::position::Position;
use crate::source::{Purpose, StartRequest};
use crate::util::rate_limited_log::RateLimitedLog;

/// What a source is called, and where it is.
#[derive(Clone)]
pub(super) struct Names {
    /// The endpoint, where it has no name of its own.
    pub name: Arc<str>,
    pub endpoint: Arc<str>,
}

impl Names {
    pub(super) fn incoming(&self, message: Message) -> Incoming {
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
}

impl RunningSource {
    /// One on gRPC, which another thread reads.
    pub(super) fn pulled(names: Names, handle: Handle) -> RunningSource {
        RunningSource { names, handle }
    }

    /// Stores alerts on the source's own thread, so that a post is answered once its alert is stored.
    /// `finished` counts it until all that came is stored.
    pub(super) fn take(
        client: &Client,
        names: Names,
        spool: &Arc<Spool>,
        admission: &Arc<Admission>,
        trail: &Arc<Trail>,
        finished: &Arc<WaitGroup>,
    ) -> Result<RunningSource> {
        let control = Control::new(client.endpoint().clone());
        let in_memory = !spool.is_on_disk();
        let outlet = SpoolOutlet(Arc::new(SpoolIntake {
            unconfirmed: in_memory.then(|| Unconfirmed::new(spool, &control)),
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
        })
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
pub(super) fn input_log(name: &Arc<str>) -> RateLimitedLog {
    RateLimitedLog::new(module_path!(), &**name)
}

/// The kind of an error between alerts, by which the log limits its lines.
pub(super) fn kind(error: &Error) -> &'static str {
    match error {
        Error::Undecodable { .. } if error.is_of_text() => "alerts as text",
        Error::Undecodable { .. } => "input that is no alert",
        Error::TooLarge { .. } => "alerts that are too large",
        _ => "other errors",
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
    /// What does not count as read though it is in the spool, which does not survive the process.
    unconfirmed: Option<Arc<Unconfirmed>>,
    /// The last field, so that the source counts as running until the spool is released.
    _member: Member,
}

impl SpoolIntake {
    fn taken(&self, number: u64) {
        match &self.unconfirmed {
            Some(unconfirmed) => unconfirmed.add(number),
            None => self.control.mark_read(number),
        }
    }
}

impl SharedOutlet for SpoolIntake {
    fn take(&self, item: MessageResult) -> Flow {
        match item {
            Ok(message) => self.take_all(vec![message]),
            Err(error) => {
                self.log.warn(kind(&error), format_args!("{error}"));
                Flow::Continue
            }
        }
    }

    fn take_all(&self, messages: Vec<Message>) -> Flow {
        let last = messages.iter().map(|message| message.number).max();
        let messages = messages.into_iter();
        let admitted = messages.filter(|message| self.admission.admits(message));
        let alerts: Vec<_> = admitted
            .map(|message| self.names.incoming(message))
            .collect();
        if !alerts.is_empty() && self.spool.put(alerts).is_err() {
            return Flow::Refuse;
        }
        self.taken(last.unwrap_or(0));
        Flow::Continue
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
