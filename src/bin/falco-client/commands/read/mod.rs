//! What `get` and `watch` share: alerts from an endpoint to standard output.

mod args;
mod resume;

use std::sync::mpsc::{RecvTimeoutError, TryRecvError};
use std::time::Duration;

use falco_client::{Alert, Alerts, Client, Config, EndpointKind, Error};

use crate::counts::Summary;
use crate::diagnostics::{say, say_listening, Code, Failure, InputErrors};
use crate::output::{Output, Printer};
use crate::shutdown::{after_failure, on_closed_output, Shutdown};
pub use args::{ReadArgs, DETAILS};
use resume::Resume;

/// With a limit, this is the queue between what is received and what is printed, in bytes.
const AHEAD_OF_LIMIT: usize = 16 * 1024;

/// What Falco has written arrives within this.
const IN_FLIGHT: Duration = Duration::from_millis(200);

/// Prints the alerts that `start` makes a client read which has this configuration.
pub fn run(
    args: &ReadArgs,
    config: Config,
    start: impl FnOnce(&Client) -> falco_client::Result<Alerts>,
) -> Result<Code, Failure> {
    let printer = Printer::new(args.format, args.proto.as_deref(), args.utc)?;
    let config = args.reading.apply(config);
    let mut config = config.overflow(args.when_full.into());
    if args.limit.is_some() {
        // What Falco has written beyond the limit is lost, so it is kept from writing far ahead.
        config = config.queue_bytes(AHEAD_OF_LIMIT);
        if args.connection.kind().is_some_and(EndpointKind::is_grpc) {
            // Without the probe the connection's window stays at 64 KiB.
            config = config.channel_arg("grpc.http2.bdp_probe", 0);
        }
    }
    let output = Output::open()?;
    let (config, resume) = resume::begin(args, config)?;
    let client = Client::new(config)?;
    let kind = EndpointKind::of(client.endpoint());
    let limit = Duration::from_secs(args.close_within);
    let shutdown = Shutdown::install(kind, limit, output.printed())?;
    let alerts = start(&client)?;
    shutdown.control(alerts.handle());
    say_listening(&client);
    let closed = shutdown.clone();
    on_closed_output(move || closed.output_closed())?;
    let reader = Reader {
        args,
        kind,
        shutdown,
        printer,
        output,
        resume,
        errors: InputErrors::of(&client.endpoint().to_string()),
        code: Code::Done,
        left: args.limit,
        summary: args.summary.then(Summary::default),
    };
    reader.run(alerts)
}

struct Reader<'a> {
    args: &'a ReadArgs,
    kind: EndpointKind,
    shutdown: Shutdown,
    printer: Printer,
    output: Output,
    resume: Option<Resume>,
    errors: InputErrors,
    code: Code,
    /// How many alerts are still to be printed, where there is a limit.
    left: Option<u64>,
    summary: Option<Summary>,
}

impl Reader<'_> {
    fn run(mut self, alerts: Alerts) -> Result<Code, Failure> {
        let read = self.read(alerts);
        if let Some(summary) = self.summary {
            summary.print();
        }
        read
    }

    fn read(&mut self, mut alerts: Alerts) -> Result<Code, Failure> {
        if let Err(failure) = self.print_all(&mut alerts) {
            self.report_unprinted(&failure, &alerts);
            return Err(failure);
        }
        let code = self.shutdown.finish();
        if self.left == Some(0) && !self.kind.keeps_alerts() {
            report_beyond_limit(alerts);
        }
        if code != Code::Done {
            self.fail(code);
        }
        Ok(self.code)
    }

    fn print_all(&mut self, alerts: &mut Alerts) -> Result<(), Failure> {
        while self.left != Some(0) {
            let Some(next) = self.next(alerts)? else {
                break;
            };
            match next {
                Ok(alert) => self.print(&alert)?,
                Err(error) => {
                    let code = self.errors.report(&error);
                    self.fail(code);
                }
            }
            self.output.alert_ends();
            if self.save_within() == Some(Duration::ZERO) {
                self.save()?;
            }
        }
        self.save()?;
        if self.resume.as_ref().is_some_and(Resume::has_failed) {
            self.fail(Code::Failed);
        }
        Ok(())
    }

    /// How long until the position of `--resume` is to be saved.
    fn save_within(&self) -> Option<Duration> {
        self.resume.as_ref().and_then(Resume::left)
    }

    /// Shows all that was printed, and then keeps how far that is.
    fn save(&mut self) -> Result<(), Failure> {
        self.output.show()?;
        if let Some(resume) = &mut self.resume {
            resume.save();
        }
        Ok(())
    }

    /// Before it waits, all that was printed is shown; while alerts are waiting they share writes.
    fn next(&mut self, alerts: &mut Alerts) -> Result<Option<Result<Alert, Error>>, Failure> {
        if self.kind.is_log() {
            // A log counts an alert as read once the next one is asked for.
            self.output.show()?;
        }
        match alerts.try_recv() {
            Ok(next) => Ok(Some(next)),
            Err(TryRecvError::Disconnected) => Ok(None),
            Err(TryRecvError::Empty) => {
                self.output.show()?;
                if let Some(within) = self.save_within() {
                    match alerts.recv_timeout(within) {
                        Ok(next) => return Ok(Some(next)),
                        Err(RecvTimeoutError::Disconnected) => return Ok(None),
                        Err(RecvTimeoutError::Timeout) => self.save()?,
                    }
                }
                Ok(alerts.recv().ok())
            }
        }
    }

    fn print(&mut self, alert: &Alert) -> Result<(), Failure> {
        self.print_matching(alert)?;
        if let Some(resume) = &mut self.resume {
            resume.pass(alert);
        }
        Ok(())
    }

    fn print_matching(&mut self, alert: &Alert) -> Result<(), Failure> {
        if !self.args.filter.matches(alert) {
            return Ok(());
        }
        match self.printer.print(alert, &mut self.output) {
            Ok(()) => {
                self.left = self.left.map(|left| left - 1);
                if let Some(summary) = &mut self.summary {
                    summary.add(alert);
                }
            }
            // The descriptor does not fit this alert, which must not be lost for it.
            Err(Failure::Library(error)) => {
                let code = self.errors.report_unfit(&error, alert.as_bytes());
                self.fail(code);
            }
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    /// Goes on: an alert may follow one that could not be decoded, and after any other error the
    /// sequence ends by itself.
    fn fail(&mut self, code: Code) {
        self.code = match (self.code, code) {
            (Code::Done | Code::Undecodable, Code::Undecodable) => Code::Undecodable,
            _ => Code::Failed,
        };
    }

    /// A reader that has closed its end wants no more alerts; any other failure is a loss.
    fn report_unprinted(&self, failure: &Failure, alerts: &Alerts) {
        if matches!(failure, Failure::Closed) {
            return;
        }
        let counters = alerts.counters();
        let received = counters.alerts.saturating_sub(counters.dropped);
        say(format_args!(
            "{} alerts were received but not printed: {}",
            received.saturating_sub(self.output.count()),
            after_failure(self.kind)
        ));
    }
}

/// Reports what a limit has cost. A call that ends by itself, or is silent, has cost nothing.
fn report_beyond_limit(mut alerts: Alerts) {
    let Ok(first) = alerts.recv_timeout(IN_FLIGHT) else {
        return;
    };
    alerts.handle().cancel();
    let received = std::iter::once(first)
        .chain(alerts)
        .filter(|next| matches!(next, Ok(_) | Err(Error::Undecodable { .. })))
        .count();
    say(format_args!(
        "{received} more alerts were received when the limit was reached; they are lost, as may be \
         others in flight"
    ));
}
