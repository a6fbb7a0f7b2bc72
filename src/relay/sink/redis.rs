//! A stream of Redis or Valkey as a sink: each alert is an entry.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::target::{RunningSink, StartSink, Target};
use super::Sink;
use crate::diagnose::{Finding, Step};
use crate::endpoint::{LogUse, Place, RedisAddress};
use crate::error::{Error, Result};
use crate::redis_stream::{command, ConnectOptions, RedisConnection, StreamFailure, FIELD};
use crate::relay::deliver::{Deliver, Delivery, Failure, Reason, RefusedAlert};
use crate::relay::identity::SinkIdentity;
use crate::relay::json_line::json_line;
use crate::relay::spool::Entry;
use crate::util::url::without_secrets;

/// How long it may take to connect, and to answer.
const OPTIONS: ConnectOptions = ConnectOptions {
    connect_timeout: Duration::from_secs(5),
    answer_timeout: Duration::from_secs(30),
    largest: 1 << 20,
};

#[derive(Clone, Debug)]
pub(super) struct RedisSink {
    address: Arc<RedisAddress>,
}

impl RedisSink {
    /// Of `redis://…` or `rediss://…`.
    pub(super) fn parse(text: &str) -> Result<RedisSink> {
        let address = RedisAddress::parse(text, LogUse::Write);
        let address = address.map_err(|problem| Error::endpoint(without_secrets(text), problem))?;
        Ok(RedisSink {
            address: Arc::new(address),
        })
    }
}

/// The address without what is secret.
impl fmt::Display for RedisSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.endpoint().fmt(f)
    }
}

impl Target for RedisSink {
    fn identity(&self) -> SinkIdentity {
        // A stream is the same over TLS, and by another spelling of its host.
        let mut plain = RedisAddress::clone(&self.address);
        plain.tls = false;
        plain.host.make_ascii_lowercase();
        SinkIdentity::new(plain.endpoint().to_string())
    }

    fn place(&self) -> Place {
        let address = &self.address;
        Place::stream(
            &address.host,
            address.port,
            address.database,
            &address.stream,
        )
    }

    fn may_have_tls(&self) -> bool {
        false
    }

    /// Connects, logs in, and asks whether an entry may be added.
    fn check(&self, _sink: &Sink, findings: &mut Vec<Finding>) -> Result<(), Finding> {
        let failed = |failure: StreamFailure| failure.finding;
        let opened = RedisConnection::open(&self.address, &OPTIONS, findings);
        let mut connection = opened.map_err(failed)?;
        let stream = &self.address.stream;
        let add = command("XADD", &[stream, "*", FIELD, ""]);
        connection.try_out(&[add]).map_err(failed)?;
        let info = command("XINFO", &["STREAM", stream]);
        match connection.call(&info) {
            Ok(_) => {}
            Err(failure) if failure.is_gone || failure.is("NOPERM") => {}
            Err(failure) => return Err(failed(failure)),
        }
        let text = format!("entries may be added to the stream {stream}");
        findings.push(Finding::ok(Step::Log, text));
        Ok(())
    }

    fn start(&self, start: StartSink<'_>) -> Result<Arc<dyn RunningSink>> {
        let adder = StreamAdder {
            address: self.address.clone(),
            connection: None,
            labelled: start.labelled,
        };
        start.deliver(adder)
    }
}

struct StreamAdder {
    address: Arc<RedisAddress>,
    connection: Option<RedisConnection>,
    labelled: bool,
}

impl StreamAdder {
    /// Adds an entry for each line, in one round trip: all of them, or none.
    fn add(&mut self, lines: &[String]) -> Result<(), StreamFailure> {
        let mut kept = self.connection.take();
        let kept = kept.take_if(RedisConnection::is_usable);
        let mut connection = match kept {
            Some(connection) => connection,
            None => RedisConnection::open(&self.address, &OPTIONS, &mut Vec::new())?,
        };
        let add = |line: &String| {
            let mut add = redis::cmd("XADD");
            add.arg(&self.address.stream);
            if let Some(most) = self.address.maxlen {
                add.arg("MAXLEN").arg("~").arg(most);
            }
            add.arg("*").arg(FIELD).arg(line);
            add
        };
        let commands: Vec<_> = lines.iter().map(add).collect();
        connection.transaction(&commands)?;
        self.connection = Some(connection);
        Ok(())
    }
}

impl Deliver for StreamAdder {
    fn batch_size(&self) -> usize {
        256
    }

    fn deliver(&mut self, batch: &[Entry]) -> Result<Delivery, Failure> {
        let (mut lines, mut refused) = (Vec::new(), Vec::new());
        for entry in batch {
            match json_line(entry, self.labelled) {
                Ok(line) => lines.push(line),
                Err(error) => refused.push(RefusedAlert {
                    number: entry.number,
                    reason: Reason::NoAlert(error),
                }),
            }
        }
        if !lines.is_empty() {
            self.add(&lines)
                .map_err(|failure| Failure::new(failure.finding.to_string()))?;
        }
        Ok(Delivery::all_except(batch, refused))
    }
}
