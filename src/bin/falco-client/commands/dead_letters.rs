//! `dead-letters`: the alerts that the sinks of a relay could not take.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::SystemTime;

use falco_client::relay::{DeadLetter, DeadLetterFile, Sink};
use falco_client::Error;

use super::relay::{header, headers_of};
use crate::args::certificates;
use crate::diagnostics::{report, say, Code, Failure};
use crate::escape::{Escaped, JsonEscaped};
use crate::hex::Hex;
use crate::output::{Output, OutputFormat, Printer};

#[derive(clap::Args)]
pub struct DeadLettersArgs {
    /// Directory of the relay's spool
    #[arg(long, value_name = "DIR")]
    pub spool: PathBuf,
    /// Only those that this sink could not take
    ///
    /// As it is shown: without user, password and query.
    #[arg(long, value_name = "SINK")]
    pub sink: Option<String>,
    /// Print the lines of the file
    #[arg(long, conflicts_with_all = ["send_to", "remove"])]
    pub json: bool,
    /// Send them to this sink, and remove those that it takes
    ///
    /// http://…, https://…, a file, or - for standard output. Without --sink, those are sent that this sink could not take.
    #[arg(long, value_name = "SINK", conflicts_with = "remove")]
    pub send_to: Option<String>,
    /// Remove them once they are printed
    #[arg(long)]
    pub remove: bool,
    /// Header to send with each, e.g. 'Name: value'
    #[arg(long, value_name = "HEADER", requires = "send_to")]
    pub to_header: Vec<String>,
    /// File with such headers, one on a line
    #[arg(long, value_name = "FILE", requires = "send_to")]
    pub to_header_file: Option<PathBuf>,
    /// CA certificate to trust (PEM)
    #[arg(long, value_name = "FILE", requires = "send_to")]
    pub to_ca: Option<PathBuf>,
    /// Certificate to present (PEM)
    #[arg(long, value_name = "FILE", requires_all = ["send_to", "to_key"])]
    pub to_cert: Option<PathBuf>,
    /// Private key for that certificate (PEM)
    #[arg(long, value_name = "FILE", requires_all = ["send_to", "to_cert"])]
    pub to_key: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  falco-client dead-letters --spool /var/spool/falco-client
  falco-client dead-letters --spool /var/spool/falco-client --json | jq .alert
  falco-client dead-letters --spool /var/spool/falco-client \\
      --send-to http://falcosidekick:2801";

const DETAILS: &str = "\
A relay puts an alert that a sink cannot take into the file dead-letters.jsonl in the directory of \
its spool, and goes on. This command may be used while the relay runs. It removes letters only once \
they were taken or, with --remove, printed; if it is killed, up to 64 that were sent are sent again.";

pub fn help() -> String {
    EXAMPLES.to_owned()
}

pub fn details() -> String {
    format!("{DETAILS}\n\n{EXAMPLES}")
}

pub fn run(args: &DeadLettersArgs) -> Result<Code, Failure> {
    let folder = &args.spool;
    if !folder.is_dir() {
        let problem = "is no directory; give the --spool of the relay";
        return Err(Failure::Usage(format!(
            "--spool: {} {problem}",
            folder.display()
        )));
    }
    // Not while the arguments are parsed, as an error there shows passwords.
    let send_to = args.send_to.as_deref().map(str::parse::<Sink>);
    let send_to = send_to.transpose()?;
    let file = DeadLetterFile::in_folder(folder);
    let mut code = Code::Done;
    let mut letters = Vec::new();
    for letter in file.read()? {
        match letter {
            Ok(letter) => letters.push(letter),
            Err(error) => {
                report(&error);
                code = Code::Failed;
            }
        }
    }
    if letters.is_empty() {
        say(format_args!("{} has no dead letters", folder.display()));
        return Ok(code);
    }
    let of = match (&args.sink, &send_to) {
        (Some(sink), _) => Some(sink.clone()),
        (None, Some(sink)) => Some(sink.to_string()),
        (None, None) => None,
    };
    let others = sinks(&letters);
    letters.retain(|letter| match (&letter.sink, &args.sink, &send_to) {
        (None, _, _) | (_, None, None) => true,
        (sink, Some(_), _) => *sink == of,
        (_, None, Some(sink)) => sink.could_not_take(letter),
    });
    if letters.is_empty() {
        let of = of.unwrap_or_default();
        say(format_args!(
            "{} has none for {of}; it has some for {others}: choose one with --sink",
            folder.display()
        ));
        return Ok(Code::Failed);
    }
    let done = match &send_to {
        Some(sink) => send(args, &file, &letters, sink)?,
        None => {
            print(args, &letters)?;
            if args.remove {
                file.remove(&letters)?;
                say(format_args!("{} removed", letters.len()));
            }
            Code::Done
        }
    };
    Ok(match done {
        Code::Done => code,
        failed => failed,
    })
}

/// The sinks of the letters, each once.
fn sinks(letters: &[DeadLetter]) -> String {
    let mut sinks: Vec<&str> = letters
        .iter()
        .filter_map(|one| one.sink.as_deref())
        .collect();
    sinks.sort_unstable();
    sinks.dedup();
    sinks.join(", ")
}

fn print(args: &DeadLettersArgs, letters: &[DeadLetter]) -> Result<(), Failure> {
    let mut output = Output::open()?;
    let printer = Printer::new(Some(OutputFormat::Text), None, false)?;
    let is_terminal = std::io::stdout().is_terminal();
    for letter in letters {
        let json = letter.raw_json();
        match (args.json, is_terminal) {
            (true, true) => writeln!(output, "{}", JsonEscaped(json)).map_err(Failure::stdout)?,
            (true, false) => writeln!(output, "{json}").map_err(Failure::stdout)?,
            (false, _) => {
                let head = head(letter);
                writeln!(output, "{}", Escaped(&head)).map_err(Failure::stdout)?;
                match letter.alert() {
                    Ok(alert) => printer.print(&alert, &mut output)?,
                    Err(Error::Undecodable { bytes, .. }) => {
                        writeln!(output, "no alert, in hex: {}", Hex(&bytes))
                            .map_err(Failure::stdout)?;
                    }
                    Err(error) => writeln!(output, "{}", Escaped(&error.to_string()))
                        .map_err(Failure::stdout)?,
                }
                writeln!(output).map_err(Failure::stdout)?;
            }
        }
        output.alert_ends();
    }
    output.show()
}

/// When, which sink and why.
fn head(letter: &DeadLetter) -> String {
    let since = letter
        .time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let time = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    let time = jiff::Timestamp::from_second(time).unwrap_or_default();
    let to = letter.sink.as_deref().unwrap_or("any sink");
    format!("{time} from {} to {to}: {}", letter.source, letter.reason)
}

fn send(
    args: &DeadLettersArgs,
    file: &DeadLetterFile,
    letters: &[DeadLetter],
    sink: &Sink,
) -> Result<Code, Failure> {
    let mut to = sink.clone();
    for text in &args.to_header {
        let invalid = |problem| Failure::Usage(format!("--to-header: {problem}"));
        let (name, value) = header(text).map_err(invalid)?;
        to = to.header(name, value);
    }
    if let Some(file) = &args.to_header_file {
        for (name, value) in headers_of(file).map_err(Failure::Usage)? {
            to = to.header(name, value);
        }
    }
    if let Some(tls) = certificates(&args.to_ca, &args.to_cert, &args.to_key) {
        to = to.tls(tls);
    }
    let resent = file.send(letters, &to)?;
    say(format_args!("{} sent to {to} and removed", resent.taken));
    for reason in resent.refused.iter().take(10) {
        say(format_args!("{to} refused one: {reason}"));
    }
    let refused = resent.refused.len();
    if refused > 0 {
        say(format_args!("{refused} were refused and are kept"));
    }
    if let Some(problem) = &resent.failed {
        let left = letters.len() as u64 - resent.taken - refused as u64;
        say(format_args!(
            "{to}: {problem}; {left} were not sent and are kept"
        ));
    }
    Ok(match refused == 0 && resent.failed.is_none() {
        true => Code::Done,
        false => Code::Failed,
    })
}
