//! The arguments of `relay`.

use std::fs;
use std::io;
use std::path::PathBuf;

use falco_client::relay::Sink;
use falco_client::Tls;

use crate::args::{certificates, Filter, ReadingArgs, WhenFull};
use crate::diagnostics::Failure;
use crate::shutdown::CLOSE_WITHIN;

#[derive(clap::Args)]
pub struct RelayArgs {
    /// Where to read alerts, see below
    ///
    /// With several sources, each alert gets an output field relay.source.
    #[arg(long, value_name = "SOURCE", num_args = 1.., required = true)]
    pub from: Vec<String>,
    /// Where to send them; each sink gets every alert
    #[arg(long, value_name = "SINK", num_args = 1.., required = true)]
    pub to: Vec<Sink>,
    /// Give every gRPC subscriber every alert
    ///
    /// Without it, each alert goes to one of them, as in Falco.
    #[arg(long)]
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
    #[arg(long, value_name = "SINK", requires = "spool")]
    pub forget: Vec<Sink>,
    /// Policy when the spool is full
    #[arg(long, value_enum, value_name = "POLICY", default_value_t = WhenFull::Wait)]
    pub when_full: WhenFull,
    /// Falco version to report to gRPC clients
    ///
    /// Default: that of a source over gRPC.
    #[arg(long, value_name = "VERSION")]
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
    #[arg(long, value_name = "FIELD", requires = "metrics")]
    pub metrics_field: Vec<String>,
    /// HTTP connections to accept [default: 512]
    #[arg(long, value_name = "N")]
    pub max_connections: Option<usize>,
    /// Time limit for graceful shutdown
    ///
    /// Within it, what is left in the spool is delivered.
    #[arg(long, value_name = "SECS", default_value_t = CLOSE_WITHIN.as_secs())]
    pub close_within: u64,
    /// CA certificate to trust for sources (PEM)
    ///
    /// It must have signed the peer's certificate. For sources host:port and listen+https. Without it, listen+https asks for no client
    /// certificates.
    #[arg(long, value_name = "FILE", requires_all = ["from_cert", "from_key"])]
    pub from_ca: Option<PathBuf>,
    /// Certificate to present to sources (PEM)
    #[arg(long, value_name = "FILE", requires = "from_key")]
    pub from_cert: Option<PathBuf>,
    /// Private key for that certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "from_cert")]
    pub from_key: Option<PathBuf>,
    /// Server name to verify for sources
    #[arg(long, value_name = "NAME")]
    pub server_name: Option<String>,
    /// Header to send to HTTP sinks, e.g. 'Name: value'
    #[arg(long, value_name = "HEADER", value_parser = header)]
    pub to_header: Vec<(String, String)>,
    /// File with such headers, one on a line
    ///
    /// For what is secret, such as "Authorization: Bearer TOKEN": other users of this machine can read the arguments of a process.
    #[arg(long, value_name = "FILE")]
    pub to_header_file: Option<PathBuf>,
    /// CA certificate to trust for sinks (PEM)
    ///
    /// It must have signed the peer's certificate. For sinks host:port, whose clients need a certificate of this CA, and https.
    #[arg(long, value_name = "FILE", requires_all = ["to_cert", "to_key"])]
    pub to_ca: Option<PathBuf>,
    /// Certificate to present to sinks (PEM)
    #[arg(long, value_name = "FILE", requires = "to_key")]
    pub to_cert: Option<PathBuf>,
    /// Private key for that certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "to_cert")]
    pub to_key: Option<PathBuf>,
    #[command(flatten)]
    pub filter: Filter,
    #[command(flatten)]
    pub reading: ReadingArgs,
}

fn header(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.trim().to_owned())),
        // Without the text, which may be secret.
        _ => Err("write a header as 'Name: value'".to_owned()),
    }
}

impl RelayArgs {
    /// The headers for HTTP sinks, of the arguments and of the file.
    pub fn headers(&self) -> Result<Vec<(String, String)>, Failure> {
        let mut headers = self.to_header.clone();
        let Some(file) = &self.to_header_file else {
            return Ok(headers);
        };
        let failed = |source| Failure::Os {
            what: format!("reading headers from {}", file.display()),
            source,
        };
        let text = fs::read_to_string(file).map_err(failed)?;
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let invalid = |problem| failed(io::Error::new(io::ErrorKind::InvalidData, problem));
            headers.push(header(line).map_err(invalid)?);
        }
        Ok(headers)
    }

    pub fn tls_of_sources(&self) -> Option<Tls> {
        certificates(&self.from_ca, &self.from_cert, &self.from_key)
    }

    pub fn tls_of_sinks(&self) -> Option<Tls> {
        certificates(&self.to_ca, &self.to_cert, &self.to_key)
    }
}
