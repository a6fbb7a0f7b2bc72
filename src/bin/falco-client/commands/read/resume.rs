//! Where reading a file begins, and what is kept of how far it was read.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use falco_client::{Alert, Config, EndpointKind, Position};

use super::ReadArgs;
use crate::args::{file_of, Start};
use crate::diagnostics::{log, report, say, Failure};

/// A position is saved so long after its alert was printed: what was printed meanwhile is printed
/// again after the process was killed.
const EVERY: Duration = Duration::from_secs(1);

/// The file of `--resume`.
pub struct Resume {
    path: PathBuf,
    unsaved: Option<Position>,
    /// When it is saved.
    due: Option<Instant>,
    failed: bool,
}

/// Where reading begins, as the arguments have it.
pub fn begin(args: &ReadArgs, config: Config) -> Result<(Config, Option<Resume>), Failure> {
    let option = match (&args.resume, args.start) {
        (Some(_), _) => "--resume",
        (None, Some(_)) => "--start",
        (None, None) => {
            if args.connection.kind() == Some(EndpointKind::File) {
                explain(args, "its start");
            }
            return Ok((config, None));
        }
    };
    let file = file_of(option, &args.connection)?;
    let start = args.start.unwrap_or(Start::Beginning);
    let Some(path) = &args.resume else {
        explain(args, place(start));
        let position = start.position(&file)?;
        return Ok((with(config, position), None));
    };
    let position = match Position::load(path)? {
        Some(position) => {
            let from = format!("where {} says that it was left", path.display());
            explain(args, &from);
            Some(position)
        }
        None => {
            explain(args, place(start));
            start.position(&file)?
        }
    };
    // Before an alert is taken. Where reading begins at the end, it is also where it goes on if none
    // comes.
    match &position {
        Some(position) => position.save(path)?,
        None => check_folder(path)?,
    }
    let resume = Resume {
        path: path.clone(),
        unsaved: None,
        due: None,
        failed: false,
    };
    Ok((with(config, position), Some(resume)))
}

fn with(config: Config, position: Option<Position>) -> Config {
    match position {
        Some(position) => config.resume(position),
        None => config,
    }
}

fn place(start: Start) -> &'static str {
    match start {
        Start::Beginning => "its start",
        Start::End => "its end, without what it holds",
    }
}

fn explain(args: &ReadArgs, place: &str) {
    if log::explains() {
        if let Ok(endpoint) = args.connection.endpoint() {
            say(format_args!("reading {endpoint} from {place}"));
        }
    }
}

/// Whether a file can be made there.
fn check_folder(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().filter(|path| !path.as_os_str().is_empty());
    let made = tempfile::tempfile_in(folder.unwrap_or(Path::new(".")));
    made.map(drop).map_err(|source| Failure::Os {
        what: format!("--resume: {} cannot be written", path.display()),
        source,
    })
}

impl Resume {
    /// An alert was printed or left out, or will be by the next time that the output is shown.
    pub fn pass(&mut self, alert: &Alert) {
        if let Some(position) = alert.position() {
            self.unsaved = Some(*position);
            self.due.get_or_insert_with(|| Instant::now() + EVERY);
        }
    }

    /// How long until the position is to be saved, if it is not saved yet.
    pub fn left(&self) -> Option<Duration> {
        let due = self.due?;
        Some(due.saturating_duration_since(Instant::now()))
    }

    /// Saves the position. All alerts before it are printed by now. That it is not saved costs no
    /// alert, and does not end the command.
    pub fn save(&mut self) {
        self.due = None;
        let Some(position) = self.unsaved.take() else {
            return;
        };
        match position.save(&self.path) {
            Ok(()) => self.failed = false,
            Err(error) => {
                if !self.failed {
                    report(&error);
                    say(format_args!(
                        "what is printed from now on will be printed again"
                    ));
                }
                self.failed = true;
                self.unsaved = Some(position);
            }
        }
    }

    /// Whether the last position could not be saved.
    pub fn has_failed(&self) -> bool {
        self.failed
    }
}
