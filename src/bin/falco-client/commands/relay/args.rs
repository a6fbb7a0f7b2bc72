//! The arguments of `relay`.

use std::fs;
use std::path::{Path, PathBuf};

use falco_client::relay::Sink;
use falco_client::Tls;

use crate::args::{certificates, Filter, PortArgs, ReadingArgs, WhenFull};
use crate::diagnostics::Failure;

#[derive(clap::Args)]
pub struct RelayArgs {
    /// Where to read alerts, see below
    ///
    /// With several sources, each alert gets an output field relay.source.
    #[arg(long, value_name = "SOURCE", num_args = 1.., required_unless_present = "config")]
    pub from: Vec<String>,
    /// Where to send them; each sink gets every alert
    #[arg(long, value_name = "SINK", num_args = 1.., required_unless_present = "config")]
    pub to: Vec<String>,
    /// File (TOML) with sources, sinks and their options
    ///
    /// For options that differ between several sources or sinks. Paths in it are relative to its folder. Sources, sinks and
    /// --metrics-field given as arguments are added to those in the file; filters must both hold; other arguments replace what
    /// the file says. --from-ca and the like apply to the sources of --from alone, --to-ca and --to-header to the sinks of --to.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Check options, sources and sinks, then exit
    ///
    /// Sources are checked as by the command check, sinks up to TLS; nothing is read or sent. Exit code 0 if all can be used, else 1,
    /// and 2 for wrong options. A relay that runs already holds its ports and its spool, and is reported.
    #[arg(long)]
    pub check: bool,
    /// Print the report of --check as JSON
    #[arg(long, hide_short_help = true, requires = "check")]
    pub json: bool,
    /// Give every gRPC subscriber every alert
    ///
    /// Without it, each alert goes to one of them, as in Falco.
    #[arg(long, hide_short_help = true)]
    pub fan_out: bool,
    /// Keep undelivered alerts in this directory
    ///
    /// They survive a crash there, and are delivered at the next start. Default: in memory.
    #[arg(long, value_name = "DIR")]
    pub spool: Option<PathBuf>,
    /// Size of the spool [default: 64; 1024 on disk]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..1 << 30))]
    pub spool_size: Option<u64>,
    /// Drop what waits in the spool for a former sink
    ///
    /// Without it, the relay does not start while alerts wait there for a sink that --to does not name any more. Sinks are known by
    /// their addresses, however these are spelt; passwords, tokens and queries can be left out.
    #[arg(long, hide_short_help = true, value_name = "SINK")]
    pub forget: Vec<String>,
    /// Policy when the spool is full [default: wait]
    #[arg(long, value_enum, value_name = "POLICY")]
    pub when_full: Option<WhenFull>,
    /// Falco version to report to gRPC clients
    ///
    /// Default: that of a source over gRPC.
    #[arg(long, hide_short_help = true, value_name = "VERSION")]
    pub falco: Option<String>,
    /// Serve /healthz, /livez and /metrics (Prometheus)
    ///
    /// /livez answers 200 as long as the relay runs: for a liveness probe. /healthz fails while alerts cannot move: for a readiness
    /// probe and for monitoring.
    #[arg(long, value_name = "ADDR:PORT")]
    pub metrics: Option<String>,
    /// Count alerts by this output field, too, e.g. k8s.ns.name
    ///
    /// In /metrics, beside rule, priority, source and hostname.
    #[arg(long, hide_short_help = true, value_name = "FIELD")]
    pub metrics_field: Vec<String>,
    /// HTTP connections to accept [default: half of `ulimit -Hn`]
    ///
    /// At most 4096 by default. Each Falco keeps one. Beyond it, one that has posted no alert yet makes way; where all have, the new one
    /// is answered 503.
    #[arg(long, hide_short_help = true, value_name = "N")]
    pub max_connections: Option<usize>,
    /// Time limit for graceful shutdown [default: 20]
    ///
    /// Within it, what is left in the spool is delivered.
    #[arg(long, value_name = "SECS")]
    pub close_within: Option<u64>,
    /// CA certificate to trust for sources (PEM)
    ///
    /// It must have signed the peer's certificate. For sources host:port and listen+https. Without it, listen+https asks for no client
    /// certificates.
    #[arg(long, hide_short_help = true, value_name = "FILE", requires_all = ["from", "from_cert", "from_key"])]
    pub from_ca: Option<PathBuf>,
    /// Certificate to present to sources (PEM)
    #[arg(long, hide_short_help = true, value_name = "FILE", requires_all = ["from", "from_key"])]
    pub from_cert: Option<PathBuf>,
    /// Private key for that certificate (PEM)
    #[arg(long, hide_short_help = true, value_name = "FILE", requires_all = ["from", "from_cert"])]
    pub from_key: Option<PathBuf>,
    /// Server name to verify for sources
    #[arg(long, hide_short_help = true, value_name = "NAME", requires = "from")]
    pub server_name: Option<String>,
    /// Header to send to HTTP sinks, e.g. 'Name: value'
    #[arg(long, hide_short_help = true, value_name = "HEADER", requires = "to")]
    pub to_header: Vec<String>,
    /// File with headers for HTTP sinks, one on a line
    ///
    /// For what is secret, such as "Authorization: Bearer TOKEN": other users of this machine can read the arguments of a process.
    #[arg(long, value_name = "FILE", requires = "to")]
    pub to_header_file: Option<PathBuf>,
    /// CA certificate to trust for sinks (PEM)
    ///
    /// It must have signed the peer's certificate. For sinks host:port, whose clients need a certificate of this CA, and https, where
    /// it replaces the system's CAs.
    #[arg(long, hide_short_help = true, value_name = "FILE", requires = "to")]
    pub to_ca: Option<PathBuf>,
    /// Certificate to present to sinks (PEM)
    #[arg(long, hide_short_help = true, value_name = "FILE", requires_all = ["to", "to_key"])]
    pub to_cert: Option<PathBuf>,
    /// Private key for that certificate (PEM)
    #[arg(long, hide_short_help = true, value_name = "FILE", requires_all = ["to", "to_cert"])]
    pub to_key: Option<PathBuf>,
    #[command(flatten)]
    pub filter: Filter,
    #[command(flatten)]
    pub reading: ReadingArgs,
    #[command(flatten)]
    pub port: PortArgs,
}

pub fn header(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.trim().to_owned())),
        // Without the text, which may be secret.
        _ => Err("write a header as 'Name: value'".to_owned()),
    }
}

/// The headers in a file, one on a line.
pub fn headers_of(file: &Path) -> Result<Vec<(String, String)>, String> {
    let failed = |problem: String| format!("reading headers from {}: {problem}", file.display());
    let text = fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| header(line).map_err(failed)).collect()
}

/// Not while the arguments are parsed, as an error there shows passwords.
fn sinks(addresses: &[String]) -> Result<Vec<Sink>, Failure> {
    let sinks = addresses.iter().map(|address| Ok(address.parse()?));
    sinks.collect()
}

impl RelayArgs {
    /// The headers for HTTP sinks, of the arguments and of the file.
    pub fn headers(&self) -> Result<Vec<(String, String)>, Failure> {
        // Not while the arguments are parsed, as an error there shows the value.
        let invalid = |problem| Failure::Usage(format!("--to-header: {problem}"));
        let given = self.to_header.iter();
        let given = given.map(|text| header(text).map_err(invalid));
        let mut headers = given.collect::<Result<Vec<_>, _>>()?;
        if let Some(file) = &self.to_header_file {
            headers.extend(headers_of(file).map_err(Failure::Usage)?);
        }
        Ok(headers)
    }

    /// The sinks of `--to`.
    pub fn sinks(&self) -> Result<Vec<Sink>, Failure> {
        sinks(&self.to)
    }

    /// The sinks of `--forget`.
    pub fn forgotten(&self) -> Result<Vec<Sink>, Failure> {
        sinks(&self.forget)
    }

    pub fn tls_of_sources(&self) -> Option<Tls> {
        certificates(&self.from_ca, &self.from_cert, &self.from_key)
    }

    pub fn tls_of_sinks(&self) -> Option<Tls> {
        certificates(&self.to_ca, &self.to_cert, &self.to_key)
    }
}
