//! Whether a stream can be read, for a check.

use crate::diagnose::{Finding, Step};
use crate::endpoint::RedisAddress;
use crate::error::Problem;
use crate::redis_stream::{
    command, field_of, items, ConnectOptions, RedisConnection, StreamFailure,
};

/// Connects, logs in, and looks at the stream and its group. No entry is read.
pub(super) fn probe(
    address: &RedisAddress,
    options: &ConnectOptions,
    findings: &mut Vec<Finding>,
) -> Result<(), Finding> {
    let failed = |failure: StreamFailure| failure.finding;
    let mut connection = RedisConnection::open(address, options, findings).map_err(failed)?;
    let stream = &address.stream;
    let info = match connection.call(&command("XINFO", &["STREAM", stream])) {
        Ok(info) => info,
        Err(failure) if failure.is_gone => {
            let problem = format!("there is no stream {stream} yet");
            let remedy = "the first alert makes it: see whether something writes to it, such as \
                          falco-client relay --to";
            findings.push(Finding::warning(Step::Log, (problem, remedy)));
            return Ok(());
        }
        Err(failure) => return Err(failed(failure)),
    };
    let number = |report, name| field_of(report, name).unwrap_or_else(|| "?".to_owned());
    let text = format!(
        "the stream {stream} has {} entries",
        number(&info, "length")
    );
    findings.push(Finding::ok(Step::Log, text));
    let Some(group) = &address.group else {
        let read = command("XREAD", &["STREAMS", stream, "0"]);
        return connection.try_out(&[read]).map_err(failed);
    };
    let read = ["GROUP", group, "check", "STREAMS", stream, ">"];
    let commands = [
        command("XREADGROUP", &read),
        command("XACK", &[stream, group, "0-0"]),
    ];
    connection.try_out(&commands).map_err(failed)?;
    let groups = connection.call(&command("XINFO", &["GROUPS", stream]));
    let mut groups = items(groups.map_err(failed)?).into_iter();
    let is_it = |it: &redis::Value| field_of(it, "name").as_ref() == Some(group);
    findings.push(match groups.find(is_it) {
        Some(report) => {
            let lag = match field_of(&report, "lag") {
                Some(lag) => format!("{lag} entries to read"),
                None => "entries to read".to_owned(),
            };
            let text = format!(
                "the group {group} has {lag}, {} not acknowledged, and {} readers by name",
                number(&report, "pending"),
                number(&report, "consumers"),
            );
            Finding::ok(Step::Log, text)
        }
        None => {
            let problem = format!("there is no group {group} yet, which the first reader makes");
            Finding::warning(Step::Log, Problem::alone(problem))
        }
    });
    Ok(())
}
