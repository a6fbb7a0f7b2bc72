//! Times as RFC 3339 writes them.

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};

use crate::alert::normal;

/// Of a time beyond the years 1 to 9999, the first or last moment of these.
fn date_time(seconds: i64, nanos: i32) -> (DateTime, u32) {
    let (seconds, nanos) = normal(seconds, nanos);
    let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    let time = epoch
        .checked_add(SignedDuration::from_secs(seconds))
        .unwrap_or(epoch);
    (time, nanos)
}

/// As Falco writes it: nine digits and `Z`.
pub(super) fn falco(seconds: i64, nanos: i32) -> String {
    let (time, nanos) = date_time(seconds, nanos);
    format!("{time:.0}.{nanos:09}Z")
}

/// As protobuf's mapping writes it: 0, 3, 6 or 9 digits and `Z`.
pub(super) fn proto(seconds: i64, nanos: i32) -> String {
    let (time, nanos) = date_time(seconds, nanos);
    if nanos == 0 {
        format!("{time:.0}Z")
    } else if nanos % 1_000_000 == 0 {
        format!("{time:.0}.{:03}Z", nanos / 1_000_000)
    } else if nanos % 1000 == 0 {
        format!("{time:.0}.{:06}Z", nanos / 1000)
    } else {
        format!("{time:.0}.{nanos:09}Z")
    }
}

/// Seconds and nanoseconds since the epoch, the latter never negative.
pub(super) fn read(text: &str) -> Result<(i64, i32), jiff::Error> {
    match text.parse::<Timestamp>() {
        Ok(time) => {
            let time = time.as_duration();
            Ok(match time.subsec_nanos() {
                nanos @ ..0 => (time.as_secs() - 1, nanos + 1_000_000_000),
                nanos => (time.as_secs(), nanos),
            })
        }
        // A Timestamp of jiff ends a day before the year 9999 does.
        Err(error) => match text.strip_suffix('Z').map(str::parse::<DateTime>) {
            Some(Ok(time)) => {
                let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
                let whole = time.with().subsec_nanosecond(0).build()?;
                Ok((
                    whole.duration_since(epoch).as_secs(),
                    time.subsec_nanosecond(),
                ))
            }
            _ => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_as_each_form_wants_them() {
        for (nanos, expected) in [
            (0, "2026-11-22T16:42:47Z"),
            (284_000_000, "2026-11-22T16:42:47.284Z"),
            (284_336_000, "2026-11-22T16:42:47.284336Z"),
            (284_336_179, "2026-11-22T16:42:47.284336179Z"),
        ] {
            assert_eq!(proto(1_795_365_767, nanos), expected);
            assert_eq!(read(expected).unwrap(), (1_795_365_767, nanos));
        }
        assert_eq!(falco(1_795_365_767, 1), "2026-11-22T16:42:47.000000001Z");
        assert_eq!(falco(-1, 5), "1969-12-31T23:59:59.000000005Z");
    }

    #[test]
    fn the_ends_of_time_hold() {
        for (seconds, nanos, expected) in [
            (i64::MIN, i32::MIN, "0001-01-01T00:00:00.000000000Z"),
            (i64::MAX, i32::MAX, "9999-12-31T23:59:59.999999999Z"),
            (-1, -1, "1969-12-31T23:59:58.999999999Z"),
        ] {
            assert_eq!(falco(seconds, nanos), expected);
            let (seconds, nanos) = read(expected).unwrap();
            assert_eq!(falco(seconds, nanos), expected);
        }
    }

    #[test]
    fn an_offset_is_taken_in() {
        assert_eq!(
            read("2026-11-22T17:42:47.5+01:00").unwrap(),
            (1_795_365_767, 500_000_000)
        );
        assert_eq!(read("1969-12-31T23:59:59.5Z").unwrap(), (-1, 500_000_000));
        for text in ["", "Z", "now", "2026-11-22", "2026-13-01T00:00:00Z"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
