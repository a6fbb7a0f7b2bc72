//! `top`: which rules fire, and how often, over the last minutes.

mod args;
mod keys;
mod model;
mod reader;
mod screen;
mod view;

use std::io::{self, IsTerminal as _};
use std::mem::ManuallyDrop;
use std::sync::atomic::Ordering;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use falco_client::{Client, EndpointKind, Handle, State};
use ratatui::crossterm::cursor::Show;

use crate::args::table;
use crate::commands::keep::Keep;
use crate::counts::Summary;
use crate::diagnostics::{held, say, say_listening, Code, Failure, InputErrors};
use crate::lock::lock;
use crate::output::colour_is_welcome;
use crate::shutdown::{after_failure, on_closed_output, Shutdown};
pub use args::TopArgs;
use model::Model;
use reader::TopReader;
use screen::Header;
use view::View;

const DETAILS: &str = "\
Shows the groups that have alerts in the last --minutes, by arrival: rules, priorities, hosts, \
containers or namespaces, each with a sparkline of the time and its newest alert.

Falco gives each alert once, to one reader; only a file or a log keeps what was read. --keep FILE keeps what \
is read. q, Ctrl-C, SIGINT, SIGTERM and SIGHUP end it gracefully: the alerts in flight are read, and \
counted in a table on standard error. A second signal stops it at once.

Keys: g or Tab groups by something else, / filters by name, p or Space pauses the display, Up and \
Down select, Enter opens the newest alert of a group, Esc goes back, q quits.";

const EXAMPLES: &str = "\
Examples:
  falco-client top --keep alerts.jsonl
  falco-client top --endpoint listen+http://0.0.0.0:2801 --minutes 60
  falco-client top --min-priority warning --endpoint file:///var/log/falco.json";

/// What writing to a terminal that was closed fails with.
const EIO: i32 = rustix::io::Errno::IO.raw_os_error();

/// How often the screen is drawn anew.
const TICK: Duration = Duration::from_millis(250);

pub fn help() -> String {
    let table = table(EndpointKind::ALL);
    format!("{table}\n\nMore: falco-client help top")
}

pub fn details() -> String {
    let table = table(EndpointKind::ALL);
    format!("{DETAILS}\n\n{table}\n\n{EXAMPLES}")
}

pub fn run(args: TopArgs) -> Result<Code, Failure> {
    if !io::stdout().is_terminal() {
        let problem = "top needs a terminal; elsewhere use watch --summary";
        return Err(Failure::Usage(problem.to_owned()));
    }
    let keep = args.keep.as_deref().map(Keep::open).transpose()?;
    let mut config = args.reading.apply(args.connection.config());
    if let Some(port) = args.port.load()? {
        config = port.apply(config);
    }
    let client = Client::new(config)?;
    let kind = EndpointKind::of(client.endpoint());
    let window = Duration::from_secs(60 * u64::from(args.minutes.get()));
    let start = Instant::now();
    let reader = TopReader {
        model: Arc::new(Model::new(window).into()),
        start,
        filter: args.filter,
        keep,
        safe: Arc::default(),
        pending: 0,
        summary: Summary::default(),
        errors: InputErrors::of(&client.endpoint().to_string()),
        code: Code::Done,
    };
    let limit = Duration::from_secs(args.close_within);
    let shutdown = Shutdown::install(kind, limit, reader.safe.clone())?;
    let mut alerts = client.subscribe()?;
    let handle = alerts.handle();
    shutdown.control(handle.clone());
    let gone = shutdown.clone();
    on_closed_output(move || gone.request())?;

    let screen = TopScreen {
        endpoint: client.endpoint().to_string(),
        hint: match (&args.keep, kind.keeps_alerts()) {
            (Some(path), _) => format!("kept in {}", path.display()),
            (None, true) => String::new(),
            (None, false) => {
                "Falco gives each alert once; --keep FILE keeps those that are read here".to_owned()
            }
        },
        handle: handle.clone(),
        shutdown: shutdown.clone(),
        model: reader.model.clone(),
        start,
    };
    let messages = held::hold();
    let thread = thread::Builder::new().name("reader".to_owned());
    let reading = thread
        .spawn(move || {
            let (reader, read) = reader.run(&mut alerts);
            (reader, read, alerts)
        })
        .map_err(|source| Failure::Os {
            what: "reading alerts".to_owned(),
            source,
        })?;
    let shown = screen.show(&client, || reading.is_finished());
    drop(messages);
    shutdown.request();
    let Ok((reader, read, alerts)) = reading.join() else {
        // Its message was shown.
        return Ok(Code::Failed);
    };
    let code = shutdown.finish();
    reader.summary.print();
    if let Err(failure) = read {
        let safe = reader.safe.load(Ordering::Relaxed);
        say(format_args!(
            "{} alerts were received and not kept: {}",
            alerts.counters().alerts.saturating_sub(safe),
            after_failure(kind),
        ));
        return Err(failure);
    }
    match shown {
        // The terminal has gone, which is no failure.
        Err(Failure::Os { source, .. }) if source.raw_os_error() == Some(EIO) => {}
        shown => shown?,
    }
    Ok(match code {
        Code::Done => reader.code,
        forced => forced,
    })
}

struct TopScreen {
    endpoint: String,
    /// What becomes of the alerts.
    hint: String,
    handle: Handle,
    shutdown: Shutdown,
    model: Arc<Mutex<Model>>,
    start: Instant,
}

/// The terminal as it was, on every way out but a kill. After a panic, ratatui sees to it.
struct Restored;

impl Drop for Restored {
    fn drop(&mut self) {
        // A terminal that has gone needs nothing.
        let _ = ratatui::crossterm::execute!(io::stdout(), Show);
        let _ = ratatui::try_restore();
    }
}

impl TopScreen {
    /// Shows it until the user or a signal ends it, or the reader has failed.
    fn show(&self, client: &Client, has_ended: impl Fn() -> bool) -> Result<(), Failure> {
        let failed = |source| Failure::Os {
            what: "the terminal".to_owned(),
            source,
        };
        let _restored = Restored;
        // Dropping it would write to a standard error that may have gone, and panic.
        let mut terminal = ManuallyDrop::new(ratatui::try_init().map_err(failed)?);
        let keys = keys::read().map_err(failed)?;
        say_listening(client);
        let mut view = View::new();
        // The end of a pipe is still looked at; a failure is not to be missed.
        while !self.shutdown.is_closing() && (!has_ended() || self.handle.state() == State::Ended) {
            let now = self.start.elapsed();
            view.update(&lock(&self.model), now);
            let header = self.header(now);
            terminal
                .draw(|frame| screen::draw(frame, &view, &header))
                .map_err(failed)?;
            let mut next = keys.recv_timeout(TICK);
            // All keys that were pressed, before it is drawn.
            while let Ok(key) = next {
                if view.key(key) {
                    return Ok(());
                }
                // The next key may be for a row that this one has brought.
                view.update(&lock(&self.model), now);
                next = keys.try_recv().map_err(|_| RecvTimeoutError::Timeout);
            }
            if next == Err(RecvTimeoutError::Disconnected) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn header(&self, now: Duration) -> Header {
        let model = lock(&self.model);
        Header {
            endpoint: self.endpoint.clone(),
            state: match self.handle.state() {
                State::Connecting => "connecting".to_owned(),
                State::Following => "following".to_owned(),
                State::Waiting { why, .. } => format!("waiting: {why}"),
                State::Ended => "ended".to_owned(),
                // The library may add some.
                _ => String::new(),
            },
            total: model.total(),
            in_window: model.in_window(now),
            window: model.window(),
            counted: now.clamp(Duration::from_secs(1), model.window()),
            coloured: colour_is_welcome(),
            message: held::latest().unwrap_or_else(|| self.hint.clone()),
        }
    }
}
