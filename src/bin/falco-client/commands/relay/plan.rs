//! What a relay is to do, by the command line and the file of `--config`.
//!
//! Sources, sinks and `--metrics-field` are added to those of the file. Alerts have to pass both
//! filters. Any other option replaces the file's.

use std::path::PathBuf;
use std::time::Duration;

use falco_client::relay::{Relay, RelayBuilder, Sink};
use falco_client::{Config, EndpointKind, Overflow};

use super::args::RelayArgs;
use super::config_file::ConfigFile;
use super::planned_source::{configure, PlannedSource};
use crate::args::Filter;
use crate::diagnostics::Failure;
use crate::shutdown::CLOSE_WITHIN;

pub struct Plan {
    pub sources: Vec<PlannedSource>,
    pub sinks: Vec<Sink>,
    pub spool: Option<PathBuf>,
    pub metrics: Option<String>,
    pub close_within: Duration,
    filters: Vec<Filter>,
    spool_bytes: Option<u64>,
    overflow: Overflow,
    forget: Vec<Sink>,
    falco: Option<String>,
    metrics_fields: Vec<String>,
}

impl Plan {
    pub fn new(args: &RelayArgs) -> Result<Plan, Failure> {
        let file = match &args.config {
            Some(path) => ConfigFile::read(path)?,
            None => ConfigFile::default(),
        };
        let mut sources = file.sources;
        sources.extend(sources_of(args));
        let mut sinks = file.sinks;
        sinks.extend(sinks_of(args)?);
        if args.fan_out {
            // What no sink has a use for goes to all, so that it is refused and not ignored.
            let none = !sinks.iter().any(Sink::may_fan_out);
            let fanned = |sink: Sink| match none || sink.may_fan_out() {
                true => sink.fan_out(true),
                false => sink,
            };
            sinks = sinks.into_iter().map(fanned).collect();
        }
        limit(args, &mut sources);
        if let Some(port) = args.port.load()? {
            configure(&mut sources, EndpointKind::is_http, |config| {
                port.apply(config)
            });
        }
        let seconds = args.close_within.or(file.close_within);
        let size = args.spool_size.or(file.spool_size);
        let mut metrics_fields = file.metrics_fields;
        metrics_fields.extend(args.metrics_field.iter().cloned());
        let filters = [file.filter, args.filter.clone()];
        Ok(Plan {
            sources,
            sinks,
            spool: args.spool.clone().or(file.spool),
            metrics: args.metrics.clone().or(file.metrics),
            close_within: seconds.map_or(CLOSE_WITHIN, Duration::from_secs),
            filters: filters.into_iter().filter(|one| !one.is_empty()).collect(),
            forget: args.forgotten()?,
            spool_bytes: size.map(|size| size << 20),
            overflow: args
                .when_full
                .or(file.when_full)
                .map(Into::into)
                .unwrap_or_default(),
            falco: args.falco.clone().or(file.falco),
            metrics_fields,
        })
    }

    pub fn writes_stdout(&self) -> bool {
        self.sinks.iter().any(|sink| sink.to_string() == "-")
    }

    pub fn builder(&self) -> RelayBuilder {
        let mut relay = Relay::builder().overflow(self.overflow);
        for source in &self.sources {
            let config = source.config.clone();
            relay = match &source.name {
                Some(name) => relay.from_named(name.as_str(), config),
                None => relay.from(config),
            };
        }
        for sink in &self.sinks {
            relay = relay.to(sink.clone());
        }
        if let Some(folder) = &self.spool {
            relay = relay.spool(folder);
        }
        for sink in &self.forget {
            relay = relay.forget(sink.clone());
        }
        if let Some(bytes) = self.spool_bytes {
            relay = relay.spool_bytes(bytes);
        }
        if let Some(version) = &self.falco {
            relay = relay.falco(version);
        }
        if let Some(address) = &self.metrics {
            relay = relay.metrics(address);
        }
        for field in &self.metrics_fields {
            relay = relay.metrics_field(field);
        }
        if !self.filters.is_empty() {
            let filters = self.filters.clone();
            relay = relay.filter(move |alert| filters.iter().all(|one| one.matches(alert)));
        }
        relay
    }
}

/// The sources of the command line, each with the options that apply to it.
fn sources_of(args: &RelayArgs) -> Vec<PlannedSource> {
    let planned = |endpoint: &String| PlannedSource {
        endpoint: endpoint.clone(),
        name: None,
        config: Config::new(endpoint),
    };
    let mut sources: Vec<_> = args.from.iter().map(planned).collect();
    if let Some(tls) = args.tls_of_sources() {
        configure(&mut sources, EndpointKind::has_tls, |config| {
            config.tls(tls.clone())
        });
    }
    if let Some(name) = &args.server_name {
        let is_named = |kind| kind == EndpointKind::Tcp;
        configure(&mut sources, is_named, |config| config.server_name(name));
    }
    sources
}

/// Sets the limits of the command line for all sources.
fn limit(args: &RelayArgs, sources: &mut [PlannedSource]) {
    configure(sources, |_| true, |config| args.reading.apply(config));
    if let Some(most) = args.max_connections {
        configure(sources, EndpointKind::is_http, |config| {
            config.max_connections(most)
        });
    }
}

/// The sinks of the command line, each with the options that apply to it, as those of sources.
fn sinks_of(args: &RelayArgs) -> Result<Vec<Sink>, Failure> {
    let (headers, sinks) = (args.headers()?, args.sinks()?);
    let is_for = |sink: &Sink, fits: fn(&Sink) -> bool| fits(sink) || !sinks.iter().any(fits);
    let planned = |sink: &Sink| {
        let mut planned = sink.clone();
        if let Some(tls) = args
            .tls_of_sinks()
            .filter(|_| is_for(sink, Sink::may_have_tls))
        {
            planned = planned.tls(tls);
        }
        if is_for(sink, Sink::may_have_headers) {
            for (name, value) in &headers {
                planned = planned.header(name, value);
            }
        }
        planned
    };
    Ok(sinks.iter().map(planned).collect())
}
