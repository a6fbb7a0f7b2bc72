//! `get` and `watch`: alerts from Falco to standard output.

pub mod args;

use std::sync::mpsc::TryRecvError;
use std::time::Duration;

use falco_client::{Alert, Alerts, Client, Endpoint, Error};

use crate::diagnostics::{report, report_bytes, say, Code, Failure};
use crate::endpoint::EndpointKind;
use crate::output::{Output, Printer};
use crate::shutdown::{on_closed_output, Interrupt};
use args::ReadArgs;

#[derive(Clone, Copy)]
pub enum Call {
    Get,
    Subscribe,
}

/// With a limit, this is the queue between what is received and what is printed, in bytes.
const AHEAD_OF_LIMIT: usize = 16 * 1024;

/// What Falco has written arrives within this.
const ON_ITS_WAY: Duration = Duration::from_millis(200);

pub fn run(args: &ReadArgs, call: Call) -> Result<Code, Failure> {
    let printer = Printer::new(args.format, args.proto.as_deref())?;
    let config = args.reading.apply(args.connection.config());
    let mut config = config.overflow(args.when_full.into());
    if args.limit.is_some() {
        // What Falco has written beyond the limit is lost, so it is kept from writing far ahead.
        config = config.queue_bytes(AHEAD_OF_LIMIT);
        if args.connection.kind().is_some_and(EndpointKind::is_grpc) {
            // Without the probe the connection's window stays at 64 KiB.
            config = config.channel_arg("grpc.http2.bdp_probe", 0);
        }
    }
    let client = Client::new(config)?;
    let output = Output::new();
    let bound = Duration::from_secs(args.close_within);
    let interrupt = Interrupt::catch(bound, output.shown())?;
    let alerts = match call {
        Call::Get => client.get()?,
        Call::Subscribe => client.subscribe()?,
    };
    interrupt.ends(alerts.handle());
    if let Endpoint::Listen { .. } = client.endpoint() {
        say(format_args!(
            "waiting for Falco's http_output at {}",
            client.endpoint()
        ));
    }
    let closed = interrupt.clone();
    on_closed_output(move || closed.output_closed())?;
    let reader = Reader {
        args,
        interrupt,
        printer,
        output,
        code: Code::Done,
        left: args.limit,
    };
    reader.read(alerts)
}

struct Reader<'a> {
    args: &'a ReadArgs,
    interrupt: Interrupt,
    printer: Printer,
    output: Output,
    code: Code,
    /// How many are still to be printed, where there is a limit.
    left: Option<u64>,
}

impl Reader<'_> {
    fn read(mut self, mut alerts: Alerts) -> Result<Code, Failure> {
        while self.left != Some(0) {
            let Some(next) = self.next(&mut alerts)? else {
                break;
            };
            match next {
                Ok(alert) => self.print(&alert)?,
                Err(error) => self.fail(report(&error)),
            }
            self.output.alert_ends();
        }
        self.output.show()?;
        let code = self.interrupt.all_is_printed();
        if self.left == Some(0) {
            count_the_rest(alerts);
        }
        if code != Code::Done {
            self.fail(code);
        }
        Ok(self.code)
    }

    /// Before it waits, all that was printed is shown; while alerts are waiting they share writes.
    fn next(&mut self, alerts: &mut Alerts) -> Result<Option<Result<Alert, Error>>, Failure> {
        match alerts.try_recv() {
            Ok(next) => Ok(Some(next)),
            Err(TryRecvError::Disconnected) => Ok(None),
            Err(TryRecvError::Empty) => {
                self.output.show()?;
                Ok(alerts.recv().ok())
            }
        }
    }

    fn print(&mut self, alert: &Alert) -> Result<(), Failure> {
        if !self.args.filter.lets_pass(alert) {
            return Ok(());
        }
        match self.printer.print(alert, &mut self.output) {
            Ok(()) => self.left = self.left.map(|left| left - 1),
            // The descriptor does not fit this alert, whose bytes must not be lost for it.
            Err(Failure::Library(error)) => {
                report(&error);
                self.fail(report_bytes(alert.as_bytes()));
            }
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    /// It goes on: an alert may follow one that could not be decoded, and after any other error
    /// the sequence ends by itself.
    fn fail(&mut self, code: Code) {
        self.code = match (self.code, code) {
            (Code::Done | Code::Undecodable, Code::Undecodable) => Code::Undecodable,
            _ => Code::Failed,
        };
    }
}

/// Says what a limit has cost. A call that ends by itself, or is silent, has cost nothing.
fn count_the_rest(mut alerts: Alerts) {
    let Ok(first) = alerts.recv_timeout(ON_ITS_WAY) else {
        return;
    };
    alerts.handle().cancel();
    let received = std::iter::once(first)
        .chain(alerts)
        .filter(|next| matches!(next, Ok(_) | Err(Error::Undecodable { .. })))
        .count();
    say(format_args!(
        "{received} more alerts had come when the limit was reached, and others may have been on \
         their way; they are gone from Falco and not printed"
    ));
}
