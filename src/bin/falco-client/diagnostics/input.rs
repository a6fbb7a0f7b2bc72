//! Errors between alerts, of which a sender or a wrong setting can make any number.

use falco_client::{Error, Format};
use log::Level;

use super::{text, Code};
use crate::hex::Hex;
use crate::rate_limited_log::RateLimitedLog;

/// How many bytes of an alert are shown.
const SHOWN: usize = 256;

/// Reports what is wrong with the input of one endpoint, within bounds.
pub struct InputErrors(RateLimitedLog);

impl InputErrors {
    pub fn of(endpoint: &str) -> InputErrors {
        InputErrors(RateLimitedLog::new(module_path!(), endpoint))
    }

    /// Reports an error after which others may follow.
    pub fn report(&self, error: &Error) -> Code {
        let text = text(error);
        match error {
            Error::Undecodable { bytes, format, .. } => {
                match format {
                    // The text has its start.
                    Format::JsonLine => self.log(kind(error), &text),
                    _ => self.log(kind(error), &format!("{text}; {}", HexStart(bytes))),
                }
                Code::Undecodable
            }
            Error::TooLarge { .. } => {
                self.log("alerts that are too large", &text);
                Code::Failed
            }
            _ => super::report(error),
        }
    }

    /// Reports an alert that a descriptor does not fit.
    pub fn report_unfit(&self, error: &Error, alert: &[u8]) -> Code {
        let text = format!("{}; {}", text(error), HexStart(alert));
        self.log("alerts that the descriptor does not fit", &text);
        Code::Undecodable
    }

    fn log(&self, kind: &'static str, text: &str) {
        self.0.log(Level::Error, kind, format_args!("{text}"));
    }
}

/// What a wrong setting makes is not hidden by what a sender makes.
fn kind(error: &Error) -> &'static str {
    let is_setting = |remedy: &str| remedy.starts_with("set json_output");
    match error.remedy().is_some_and(is_setting) {
        true => "alerts as text",
        false => "input that is no alert",
    }
}

/// The start of an alert's bytes.
pub(super) struct HexStart<'a>(pub &'a [u8]);

impl std::fmt::Display for HexStart<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let start = self.0.get(..SHOWN).unwrap_or(self.0);
        write!(f, "its bytes in hex: {}", Hex(start))?;
        match self.0.len() - start.len() {
            0 => Ok(()),
            more => write!(f, ", and {more} more"),
        }
    }
}
