//! A source, a sink and a filter in the file.

use std::fs;
use std::path::Path;

use falco_client::relay::{Batching, Sink};
use falco_client::{Config, Endpoint, Tls};

use super::super::args::headers_of;
use super::super::planned_source::PlannedSource;
use super::table::{Table, Value};
use crate::args::filter::{field, glob, priority};
use crate::args::{certificates, Filter};
use crate::diagnostics::Failure;

pub const SOURCE: &[&str] = &[
    "allow_origins",
    "ca",
    "cert",
    "endpoint",
    "key",
    "max_connections",
    "max_message_bytes",
    "name",
    "plaintext",
    "server_name",
    "token_file",
];
pub const SINK: &[&str] = &[
    "address",
    "batch",
    "bearer_token_file",
    "ca",
    "cert",
    "fan_out",
    "filter",
    "gzip",
    "header_file",
    "headers",
    "key",
    "timeout",
];
pub const BATCH: &[&str] = &["alerts", "bytes", "delay", "format"];
pub const FILTER: &[&str] = &["fields", "min_priority", "rules", "sources", "tags"];

pub fn source(mut table: Table<'_>) -> Result<PlannedSource, Failure> {
    let endpoint = table.require("endpoint")?.read(|text| {
        let parsed = text.parse::<Endpoint>();
        parsed
            .map(|_| text.to_owned())
            .map_err(|error| error.to_string())
    })?;
    let mut config = Config::new(&endpoint).plaintext(table.boolean("plaintext")?);
    if let Some(tls) = tls(&mut table)? {
        config = config.tls(tls);
    }
    if let Some(name) = table.string("server_name")? {
        config = config.server_name(name);
    }
    if let Some(bytes) = number(&mut table, "max_message_bytes")? {
        config = config.max_message_bytes(bytes);
    }
    if let Some(connections) = number(&mut table, "max_connections")? {
        config = config.max_connections(connections);
    }
    if let Some(file) = table.take("token_file") {
        let folder = file.folder();
        let token = file.read(|path| {
            let path = folder.join(path);
            let token = fs::read_to_string(&path);
            token.map_err(|error| format!("{}: {error}", path.display()))
        })?;
        config = config.token(token.trim());
    }
    for origin in table.list("allow_origins", |origin| Ok(origin.to_owned()))? {
        config = config.allow_origin(origin);
    }
    let name = table.take("name").map(|name| {
        name.read(|text| match text.is_empty() {
            true => Err("a name is not empty".to_owned()),
            false => Ok(text.to_owned()),
        })
    });
    Ok(PlannedSource {
        endpoint,
        name: name.transpose()?,
        config,
    })
}

pub fn sink(mut table: Table<'_>) -> Result<Sink, Failure> {
    let mut sink = address(table.require("address")?)?;
    if let Some(tls) = tls(&mut table)? {
        sink = sink.tls(tls);
    }
    let mut headers = match table.take("headers") {
        Some(headers) => headers.strings_by_name()?,
        None => Vec::new(),
    };
    if let Some(file) = table.take("header_file") {
        let folder = file.folder();
        headers.extend(file.read(|path| headers_of(&folder.join(path)))?);
    }
    for (name, value) in headers {
        sink = sink.header(name, value);
    }
    if let Some(file) = table.path("bearer_token_file")? {
        sink = sink.bearer_token_file(file);
    }
    if let Some(batch) = table.take("batch") {
        sink = sink.batching(batching(batch.table("batch", BATCH)?)?);
    }
    sink = sink.gzip(table.boolean("gzip")?);
    if let Some(seconds) = table.take("timeout") {
        sink = sink.timeout(seconds.seconds(600.0)?);
    }
    let filter = filter(&mut table)?;
    if !filter.is_empty() {
        sink = sink.filter(move |alert| filter.matches(alert));
    }
    Ok(sink.fan_out(table.boolean("fan_out")?))
}

fn batching(mut table: Table<'_>) -> Result<Batching, Failure> {
    let mut batching = table.require("format")?.read(|text| match text {
        "array" => Ok(Batching::array()),
        "lines" => Ok(Batching::lines()),
        _ => Err("write array or lines".to_owned()),
    })?;
    if let Some(alerts) = table.number("alerts", 1..=1000)? {
        batching = batching.alerts(alerts as usize);
    }
    if let Some(bytes) = table.number("bytes", 1..=64 << 20)? {
        batching = batching.bytes(bytes as usize);
    }
    if let Some(seconds) = table.take("delay") {
        batching = batching.delay(seconds.seconds(60.0)?);
    }
    Ok(batching)
}

/// A sink; the path of a file may be relative to the folder of the file.
fn address(value: Value<'_>) -> Result<Sink, Failure> {
    let folder = value.folder().to_owned();
    value.read(|text| {
        let parse = |text: &str| text.parse::<Sink>().map_err(|error| error.to_string());
        let sink = parse(text)?;
        let is_relative = sink.to_string().starts_with("file://")
            && !text.starts_with("file://")
            && Path::new(text).is_relative();
        match (is_relative, folder.join(text).to_str()) {
            (true, Some(joined)) => parse(&format!("file://{joined}")),
            _ => Ok(sink),
        }
    })
}

fn tls(table: &mut Table<'_>) -> Result<Option<Tls>, Failure> {
    let [ca, cert, key] = [table.path("ca")?, table.path("cert")?, table.path("key")?];
    if cert.is_some() != key.is_some() {
        return Err(table.error("`cert` and `key` go together"));
    }
    Ok(certificates(&ca, &cert, &key))
}

/// The table `filter` in another one.
pub fn filter(table: &mut Table<'_>) -> Result<Filter, Failure> {
    let Some(filter) = table.take("filter") else {
        return Ok(Filter::default());
    };
    let mut filter = filter.table("filter", FILTER)?;
    let text = |text: &str| Ok(text.to_owned());
    let min_priority = filter.take("min_priority");
    Ok(Filter {
        min_priority: min_priority.map(|level| level.read(priority)).transpose()?,
        rule: filter.list("rules", glob)?,
        source: filter.list("sources", text)?,
        tag: filter.list("tags", text)?,
        field: filter.list("fields", field)?,
    })
}

fn number(table: &mut Table<'_>, key: &'static str) -> Result<Option<usize>, Failure> {
    let number = table.number(key, 1..=usize::MAX as u64)?;
    Ok(number.map(|number| number as usize))
}
