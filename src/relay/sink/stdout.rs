//! Standard output as a sink: lines of JSON.

use std::fmt;
use std::io::{self, Write as _};
use std::sync::Arc;

use super::target::{RunningSink, StartSink, Target};
use super::Sink;
use crate::diagnose::{Finding, Step};
use crate::endpoint::Place;
use crate::error::Result;
use crate::relay::deliver::{json_lines, Deliver, Delivery, Failure};
use crate::relay::identity::SinkIdentity;
use crate::relay::spool::Entry;

#[derive(Clone, Debug)]
pub(super) struct StdoutSink;

impl fmt::Display for StdoutSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("-")
    }
}

impl Target for StdoutSink {
    fn identity(&self) -> SinkIdentity {
        SinkIdentity::new(self.to_string())
    }

    fn place(&self) -> Place {
        Place::Stdio
    }

    fn may_have_tls(&self) -> bool {
        false
    }

    fn check(&self, _: &Sink, findings: &mut Vec<Finding>) -> Result<(), Finding> {
        findings.push(Finding::ok(Step::Outputs, "standard output"));
        Ok(())
    }

    fn start(&self, start: StartSink<'_>) -> Result<Arc<dyn RunningSink>> {
        let labelled = start.labelled;
        start.deliver(LineWriter { labelled })
    }
}

struct LineWriter {
    labelled: bool,
}

impl Deliver for LineWriter {
    fn batch_size(&self) -> usize {
        256
    }

    fn deliver(&mut self, batch: &[Entry]) -> Result<Delivery, Failure> {
        let (lines, refused) = json_lines(batch, self.labelled);
        let mut out = io::stdout().lock();
        match out.write_all(&lines).and_then(|()| out.flush()) {
            Ok(()) => Ok(Delivery::all_except(batch, refused)),
            Err(error) => Err(Failure::new(format!("cannot be written: {error}"))),
        }
    }
}
