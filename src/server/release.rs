//! Which Falco a server is.

use std::ops::RangeInclusive;

use crate::api::version;
use crate::error::{Error, Result};

/// Falco's minor versions that have `falco.output.service`.
const SUBSCRIBE: RangeInclusive<u32> = 18..=23;
/// Those that have `falco.outputs.service`.
const GET_AND_SUB: RangeInclusive<u32> = 24..=43;
/// Those that have `falco.version.service`.
const VERSION: RangeInclusive<u32> = 20..=43;

/// The engine of each Falco, from `falco_engine_version.h` in its source: a minor version and a
/// patch from which on it is this one. `version` tells it since 0.27.
const ENGINES: [(u32, u32, u32); 17] = [
    (27, 0, 7),
    (28, 0, 8),
    (29, 1, 9),
    (31, 0, 11),
    (32, 0, 12),
    (32, 1, 13),
    (33, 0, 15),
    (34, 1, 16),
    (35, 0, 17),
    (36, 0, 26),
    (37, 0, 31),
    (38, 0, 40),
    (39, 0, 43),
    (40, 0, 46),
    (41, 0, 50),
    (42, 0, 57),
    (43, 0, 58),
];

/// As in `tests/recordings/version_unix.bin`.
const CHECKSUM_OF_0_43: &str = "952fa3356bfd266419810be51ae659eab48093a66da26fff3897022a9de2c08c";

/// A version of Falco, and what it serves.
pub(super) struct Release {
    /// What it says of itself.
    pub answer: version::Response,
}

impl Release {
    pub const DEFAULT: &str = "0.43.1";

    pub fn parse(text: &str) -> Result<Release> {
        let refused = |problem: &str| Error::Config {
            option: "falco",
            problem: format!("{text:?} {problem}"),
        };
        let mut answer = parse(text)
            .ok_or_else(|| refused("is no version of Falco; give all of it, as 0.43.1"))?;
        if answer.major == 0 && answer.minor < *SUBSCRIBE.start() {
            return Err(refused("had no gRPC yet; give 0.18.0 or later"));
        }
        tell_engine(&mut answer);
        Ok(Release { answer })
    }

    pub fn has_subscribe(&self) -> bool {
        self.is_in(SUBSCRIBE)
    }

    pub fn has_get_and_sub(&self) -> bool {
        self.is_in(GET_AND_SUB)
    }

    pub fn has_version(&self) -> bool {
        self.is_in(VERSION)
    }

    fn is_in(&self, minors: RangeInclusive<u32>) -> bool {
        self.answer.major == 0 && minors.contains(&self.answer.minor)
    }
}

/// What a Falco of this version says of itself.
#[cfg(feature = "relay")]
pub(crate) fn version_of(text: &str) -> Result<version::Response> {
    Release::parse(text).map(|release| release.answer)
}

/// Reads a semantic version.
fn parse(text: &str) -> Option<version::Response> {
    let (rest, build) = split(text, '+')?;
    let (numbers, prerelease) = split(rest, '-')?;
    let mut numbers = numbers.split('.').map(number);
    let mut next = || numbers.next().flatten();
    let answer = version::Response {
        version: text.to_owned(),
        major: next()?,
        minor: next()?,
        patch: next()?,
        prerelease: prerelease.to_owned(),
        build: build.to_owned(),
        ..Default::default()
    };
    numbers.next().is_none().then_some(answer)
}

/// What stands before a sign, and what stands behind it: nothing where it is missing.
fn split(text: &str, sign: char) -> Option<(&str, &str)> {
    let Some((before, behind)) = text.split_once(sign) else {
        return Some((text, ""));
    };
    let named = |part: &str| {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !part.is_empty() && part.bytes().all(is_name)
    };
    behind.split('.').all(named).then_some((before, behind))
}

fn number(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn tell_engine(answer: &mut version::Response) {
    let asked = (answer.minor, answer.patch);
    let engine = ENGINES
        .iter()
        .rfind(|(minor, patch, _)| (*minor, *patch) <= asked);
    let Some(&(minor, _, engine)) = engine else {
        return;
    };
    answer.engine_minor = engine;
    if answer.minor >= 37 {
        answer.engine_version = format!("0.{engine}.0");
    }
    if minor == 43 {
        answer.engine_fields_checksum = CHECKSUM_OF_0_43.to_owned();
    }
}

#[cfg(test)]
mod tests {
    use protobuf::Message as _;

    use super::*;

    fn release(text: &str) -> Release {
        Release::parse(text).unwrap()
    }

    #[test]
    fn the_default_is_the_recorded_one() {
        let bytes = include_bytes!("../../tests/recordings/version_unix.bin");
        let answer = release(Release::DEFAULT).answer;
        assert_eq!(answer.write_to_bytes().unwrap(), bytes);
    }

    #[test]
    fn each_generation_serves_what_it_had() {
        for (text, subscribe, get_and_sub, version) in [
            ("0.18.0", true, false, false),
            ("0.19.0", true, false, false),
            ("0.20.0", true, false, true),
            ("0.23.0", true, false, true),
            ("0.24.0", false, true, true),
            ("0.43.1", false, true, true),
            ("0.44.0-rc1", false, false, false),
            ("1.22.0", false, false, false),
        ] {
            let release = release(text);
            let has = (
                release.has_subscribe(),
                release.has_get_and_sub(),
                release.has_version(),
            );
            assert_eq!(has, (subscribe, get_and_sub, version), "{text}");
        }
    }

    #[test]
    fn a_version_is_told_in_the_fields_that_it_had() {
        let answer = release("0.26.2").answer;
        let expected = version::Response {
            version: "0.26.2".into(),
            minor: 26,
            patch: 2,
            ..Default::default()
        };
        assert_eq!(answer, expected);

        let answer = release("0.36.0-rc2+7d2ed28").answer;
        let expected = version::Response {
            version: "0.36.0-rc2+7d2ed28".into(),
            minor: 36,
            prerelease: "rc2".into(),
            build: "7d2ed28".into(),
            engine_minor: 26,
            ..Default::default()
        };
        assert_eq!(answer, expected);

        let answer = release("0.37.1").answer;
        assert_eq!(
            (answer.engine_minor, &*answer.engine_version),
            (31, "0.31.0")
        );
        for (text, engine) in [("0.29.0", 8), ("0.29.1", 9), ("0.30.0", 9), ("0.34.0", 15)] {
            assert_eq!(release(text).answer.engine_minor, engine, "{text}");
        }
    }

    #[test]
    fn what_is_no_falco_is_refused_with_a_remedy() {
        for (text, remedy) in [
            ("", "0.43.1"),
            ("0.43", "0.43.1"),
            ("v0.43.1", "0.43.1"),
            ("0.43.1.2", "0.43.1"),
            ("0.+43.1", "0.43.1"),
            ("0.43.-1", "0.43.1"),
            ("0.43.1-", "0.43.1"),
            ("0.43.1-rc..1", "0.43.1"),
            ("0.43.4294967296", "0.43.1"),
            ("0.17.1", "0.18.0"),
        ] {
            let Err(Error::Config { option, problem }) = Release::parse(text) else {
                panic!("{text:?} is accepted");
            };
            assert_eq!(option, "falco");
            assert!(problem.contains(remedy), "{problem}");
        }
    }
}
