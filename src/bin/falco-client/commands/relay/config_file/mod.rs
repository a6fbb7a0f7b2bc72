//! The file of `--config`.

mod parts;
mod table;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum as _;
use falco_client::relay::Sink;

use super::planned_source::PlannedSource;
use crate::args::{Filter, WhenFull};
use crate::diagnostics::Failure;
use table::{File, Table};

const KEYS: &[&str] = &[
    "close_within",
    "falco",
    "filter",
    "metrics",
    "sink",
    "source",
    "spool",
];
const SPOOL: &[&str] = &["dir", "size", "when_full"];
const METRICS: &[&str] = &["address", "fields"];

#[derive(Default)]
pub struct ConfigFile {
    pub sources: Vec<PlannedSource>,
    pub sinks: Vec<Sink>,
    pub filter: Filter,
    pub spool: Option<PathBuf>,
    /// In MiB.
    pub spool_size: Option<u64>,
    pub when_full: Option<WhenFull>,
    pub falco: Option<String>,
    pub metrics: Option<String>,
    pub metrics_fields: Vec<String>,
    /// In seconds.
    pub close_within: Option<u64>,
}

impl ConfigFile {
    pub fn read(path: &Path) -> Result<ConfigFile, Failure> {
        let text = fs::read_to_string(path)
            .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?;
        ConfigFile::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<ConfigFile, Failure> {
        let mut file = File { path, text }.parse(KEYS)?;
        let mut config = ConfigFile {
            close_within: file.number("close_within", 0..=u64::MAX)?,
            falco: file.string("falco")?,
            filter: parts::filter(&mut file)?,
            ..ConfigFile::default()
        };
        if let Some(spool) = file.take("spool") {
            config.read_spool(spool.table("[spool]", SPOOL)?)?;
        }
        if let Some(metrics) = file.take("metrics") {
            let mut metrics = metrics.table("[metrics]", METRICS)?;
            config.metrics = Some(metrics.require("address")?.string()?);
            config.metrics_fields = metrics.list("fields", |field| Ok(field.to_owned()))?;
        }
        for source in file.tables("source", "[[source]]", parts::SOURCE)? {
            config.sources.push(parts::source(source)?);
        }
        for sink in file.tables("sink", "[[sink]]", parts::SINK)? {
            config.sinks.push(parts::sink(sink)?);
        }
        Ok(config)
    }

    fn read_spool(&mut self, mut spool: Table<'_>) -> Result<(), Failure> {
        self.spool = spool.path("dir")?;
        self.spool_size = spool.number("size", 1..=1 << 30)?;
        if let Some(policy) = spool.take("when_full") {
            let read = |text: &str| {
                WhenFull::from_str(text, false)
                    .map_err(|_| "write wait, drop-oldest or drop-newest".to_owned())
            };
            self.when_full = Some(policy.read(read)?);
        }
        Ok(())
    }
}
