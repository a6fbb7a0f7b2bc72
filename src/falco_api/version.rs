//! What a Falco of some version answers to `version`.

use crate::api::version;
use crate::error::{Error, Result};

/// The first minor version of Falco with gRPC.
const FIRST_MINOR: u32 = 18;

/// The engine of each Falco, from `falco_engine_version.h` in its source: a minor version and a
/// patch from which on it is this one. `version` has it since 0.27.
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

/// The answer of a Falco of this version, which is the option `falco` of who calls.
pub(crate) fn parse_version(text: &str) -> Result<version::Response> {
    let refused = |problem: &str, remedy: &'static str| {
        Error::config("falco", (format!("{text:?} {problem}"), remedy))
    };
    let mut answer = parse(text)
        .ok_or_else(|| refused("is no version of Falco", "give all of it, as 0.43.1"))?;
    if answer.major == 0 && answer.minor < FIRST_MINOR {
        return Err(refused("had no gRPC yet", "give 0.18.0 or later"));
    }
    add_engine(&mut answer);
    Ok(answer)
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

/// The text before a sign, and what follows it: nothing where the sign is missing.
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

fn add_engine(answer: &mut version::Response) {
    let version = (answer.minor, answer.patch);
    let engine = ENGINES
        .iter()
        .rfind(|(minor, patch, _)| (*minor, *patch) <= version);
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
    use super::*;

    fn parsed(text: &str) -> version::Response {
        parse_version(text).unwrap()
    }

    #[test]
    fn a_version_has_the_fields_that_it_had_at_its_time() {
        let answer = parsed("0.26.2");
        let expected = version::Response {
            version: "0.26.2".into(),
            minor: 26,
            patch: 2,
            ..Default::default()
        };
        assert_eq!(answer, expected);

        let answer = parsed("0.36.0-rc2+7d2ed28");
        let expected = version::Response {
            version: "0.36.0-rc2+7d2ed28".into(),
            minor: 36,
            prerelease: "rc2".into(),
            build: "7d2ed28".into(),
            engine_minor: 26,
            ..Default::default()
        };
        assert_eq!(answer, expected);

        let answer = parsed("0.37.1");
        assert_eq!(
            (answer.engine_minor, &*answer.engine_version),
            (31, "0.31.0")
        );
        for (text, engine) in [("0.29.0", 8), ("0.29.1", 9), ("0.30.0", 9), ("0.34.0", 15)] {
            assert_eq!(parsed(text).engine_minor, engine, "{text}");
        }
    }

    #[test]
    fn what_is_no_version_of_falco_is_refused_with_a_remedy() {
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
            let Err(error @ Error::Config { option, .. }) = parse_version(text) else {
                panic!("{text:?} is accepted");
            };
            assert_eq!(option, "falco");
            assert!(error.remedy().unwrap().contains(remedy), "{error}");
        }
    }
}
