//! The version of Falco that a server plays.

use std::ops::RangeInclusive;

use crate::api::version;
use crate::error::Result;
use crate::falco_api::{parse_version, Services};

/// Falco's minor versions that have `falco.output.service`.
const OUTPUT: RangeInclusive<u32> = 18..=23;
/// Those that have `falco.outputs.service`.
const OUTPUTS: RangeInclusive<u32> = 24..=43;
/// Those that have `falco.version.service`.
const VERSION: RangeInclusive<u32> = 20..=43;

/// A version of Falco, and what it serves.
pub(super) struct Release {
    /// What it answers to `version`.
    pub answer: version::Response,
}

impl Release {
    pub const DEFAULT: &str = "0.43.1";

    pub fn parse(text: &str) -> Result<Release> {
        let answer = parse_version(text)?;
        Ok(Release { answer })
    }

    pub fn services(&self) -> Services {
        Services {
            output: self.is_in(OUTPUT),
            outputs: self.is_in(OUTPUTS),
            version: self.is_in(VERSION),
        }
    }

    fn is_in(&self, minors: RangeInclusive<u32>) -> bool {
        self.answer.major == 0 && minors.contains(&self.answer.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_generation_serves_what_it_had() {
        for (text, output, outputs, version) in [
            ("0.18.0", true, false, false),
            ("0.19.0", true, false, false),
            ("0.20.0", true, false, true),
            ("0.23.0", true, false, true),
            ("0.24.0", false, true, true),
            ("0.43.1", false, true, true),
            ("0.44.0-rc1", false, false, false),
            ("1.22.0", false, false, false),
        ] {
            let services = Release::parse(text).unwrap().services();
            let has = (services.output, services.outputs, services.version);
            assert_eq!(has, (output, outputs, version), "{text}");
        }
    }
}
