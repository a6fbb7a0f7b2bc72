//! The command line of `relay`.

use std::path::PathBuf;

use falco_client::relay::Sink;
use falco_client::Tls;

use crate::args::{certificates, ReadingArgs, WhenFull};
use crate::shutdown::BOUND;

pub const RELAYING: &str = "\
Sources: unix:///path and host:port (gRPC of Falco 0.18 to 0.43), listen+http://ADDR:PORT and \
listen+https://ADDR:PORT (http_output), file:///path (file_output), - (standard input).
Sinks: grpc (Falco's API on unix:///run/falco/falco.sock), unix:///path or host:port (the same there), \
http://… and https://… (each alert is posted), a file's path, - (standard output).

Every sink gets every alert. While one is down, alerts wait in the spool. Ctrl-C and SIGTERM stop in \
order: what is on its way is taken, what is in the spool delivered within --close-within, and \
standard error says what is left.

Examples:
  falco-client relay --from listen+http://0.0.0.0:2801 --to grpc
  falco-client relay --from unix:///run/falco/falco.sock --to http://falcosidekick:2801 \\
      --spool /var/spool/falco-client --metrics 127.0.0.1:9376
  falco | falco-client relay --from - --to /var/log/falco.jsonl grpc";

#[derive(clap::Args)]
pub struct RelayArgs {
    /// Where alerts come from. With several sources, each alert has an output field relay.source.
    #[arg(long, value_name = "SOURCE", num_args = 1.., required = true)]
    pub from: Vec<String>,
    /// Where they go to.
    #[arg(long, value_name = "SINK", num_args = 1.., required = true)]
    pub to: Vec<Sink>,
    /// Give every gRPC subscription every alert, where Falco gives each alert to one.
    #[arg(long)]
    pub fan_out: bool,
    /// Keep what is not delivered in this folder, so that it survives a crash. Default: in memory.
    #[arg(long, value_name = "DIR")]
    pub spool: Option<PathBuf>,
    /// How many MiB of alerts wait at most. Default: 64, and 1024 with --spool.
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..1 << 30))]
    pub spool_size: Option<u64>,
    /// What happens when the spool is full: hold up the sources, or drop some alerts and count them.
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = WhenFull::Wait)]
    pub when_full: WhenFull,
    /// The version that gRPC clients are told. Default: that of a source on gRPC.
    #[arg(long, value_name = "VERSION")]
    pub falco: Option<String>,
    /// Answer GET /healthz and /metrics (Prometheus) here.
    #[arg(long, value_name = "ADDR:PORT")]
    pub metrics: Option<String>,
    /// How many connections may be open where alerts are posted.
    #[arg(long, value_name = "N")]
    pub max_connections: Option<usize>,
    /// Give up an orderly end after so many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = BOUND.as_secs())]
    pub close_within: u64,
    /// Of sources host:port and listen+https: the authority that signed the other side's
    /// certificate, PEM. Without it, listen+https asks for no client certificates.
    #[arg(long, value_name = "FILE", requires_all = ["from_cert", "from_key"])]
    pub from_ca: Option<PathBuf>,
    /// Of these sources: our certificate, PEM.
    #[arg(long, value_name = "FILE", requires = "from_key")]
    pub from_cert: Option<PathBuf>,
    /// Of these sources: the key of our certificate, PEM.
    #[arg(long, value_name = "FILE", requires = "from_cert")]
    pub from_key: Option<PathBuf>,
    /// The name in the certificate of a source host:port, where it differs from the host.
    #[arg(long, value_name = "NAME")]
    pub server_name: Option<String>,
    /// Of sinks host:port and https: the authority that signed the other side's certificate, PEM.
    #[arg(long, value_name = "FILE", requires_all = ["to_cert", "to_key"])]
    pub to_ca: Option<PathBuf>,
    /// Of these sinks: our certificate, PEM.
    #[arg(long, value_name = "FILE", requires = "to_key")]
    pub to_cert: Option<PathBuf>,
    /// Of these sinks: the key of our certificate, PEM.
    #[arg(long, value_name = "FILE", requires = "to_cert")]
    pub to_key: Option<PathBuf>,
    #[command(flatten)]
    pub reading: ReadingArgs,
}

impl RelayArgs {
    pub fn tls_of_sources(&self) -> Option<Tls> {
        certificates(&self.from_ca, &self.from_cert, &self.from_key)
    }

    pub fn tls_of_sinks(&self) -> Option<Tls> {
        certificates(&self.to_ca, &self.to_cert, &self.to_key)
    }
}
