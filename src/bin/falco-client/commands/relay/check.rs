//! `relay --check`: whether a relay would start and reach its sinks.

use std::io::Write as _;

use falco_client::check::{Check, Report};
use serde_json::{json, Value};

use super::plan::Plan;
use crate::diagnostics::{Code, Failure};
use crate::escape::Escaped;
use crate::output::Output;

pub fn run(plan: &Plan, json: bool) -> Result<Code, Failure> {
    let mut parts = Vec::new();
    for source in &plan.sources {
        let called = source.name.as_ref().map(|name| format!(" ({name})"));
        parts.push(Part {
            what: "from",
            name: format!("{}{}", shown(&source.endpoint), called.unwrap_or_default()),
            report: Check::new(source.config.clone()).run()?,
        });
    }
    for sink in &plan.sinks {
        parts.push(Part {
            what: "to",
            name: sink.to_string(),
            report: sink.check().into(),
        });
    }
    let rest = plan.builder().check();
    let mut output = Output::open()?;
    let ok = rest.is_ok() && parts.iter().all(Part::is_ok);
    let text = match json {
        true => {
            let parts: Vec<_> = parts.iter().map(Part::json).collect();
            let problem = rest.err().map(|error| error.to_string());
            format!(
                "{}\n",
                json!({ "ok": ok, "parts": parts, "relay": problem })
            )
        }
        false => {
            let mut text: String = parts.iter().map(Part::text).collect();
            text.push_str(&match rest {
                Ok(()) => "relay\n  ok       options, spool and metrics\n".to_owned(),
                Err(error) => format!("relay\n  FAILED   {error}\n"),
            });
            text
        }
    };
    for line in text.lines() {
        writeln!(output, "{}", Escaped(line)).map_err(Failure::stdout)?;
    }
    output.show()?;
    Ok(if ok { Code::Done } else { Code::Failed })
}

/// An endpoint as it may be shown.
fn shown(endpoint: &str) -> String {
    let parsed = endpoint.parse::<falco_client::Endpoint>();
    parsed.map_or_else(|_| "a source".to_owned(), |endpoint| endpoint.to_string())
}

struct Part {
    what: &'static str,
    name: String,
    report: Report,
}

impl Part {
    fn is_ok(&self) -> bool {
        self.report.failed().is_none()
    }

    fn text(&self) -> String {
        let mut text = format!("{} {}\n", self.what, self.name);
        for line in self.report.to_string().lines() {
            text += &format!("  {line}\n");
        }
        text
    }

    fn json(&self) -> Value {
        json!({ self.what: self.name, "report": self.report })
    }
}
