//! Times as RFC 3339 writes them.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use crate::alert::normal;

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// As Falco writes it: nine digits and `Z`. Of a time beyond the years 1 to 9999, the first or last
/// moment of these.
pub(super) fn falco(seconds: i64, nanos: i32) -> String {
    let (seconds, nanos) = normal(seconds, nanos);
    write(seconds, nanos, 9)
}

/// As protobuf's mapping writes it: 0, 3, 6 or 9 digits and `Z`.
pub(super) fn proto(seconds: i64, nanos: i32) -> String {
    let (seconds, nanos) = normal(seconds, nanos);
    let digits = match nanos {
        0 => 0,
        _ if nanos % 1_000_000 == 0 => 3,
        _ if nanos % 1000 == 0 => 6,
        _ => 9,
    };
    write(seconds, nanos, digits)
}

/// Nanoseconds since the epoch, as far as 64 bits go: to the year 2262.
pub(super) fn nanos(seconds: i64, nanos: i32) -> i64 {
    let (seconds, nanos) = normal(seconds, nanos);
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(nanos.into())
}

fn write(seconds: i64, nanos: u32, digits: u32) -> String {
    let time = match Timestamp::from_second(seconds) {
        Ok(time) => Offset::UTC.to_datetime(time),
        // A Timestamp of jiff ends a day before the year 9999 does.
        Err(_) => EPOCH
            .checked_add(SignedDuration::from_secs(seconds))
            .unwrap_or(EPOCH),
    };
    let mut text = String::with_capacity(30);
    // By hand, because the formatting machinery costs as much as the rest of an alert.
    let mut put = |separator: &str, number: u32, width: u32| {
        text.push_str(separator);
        for place in (0..width).rev() {
            text.push(char::from(b'0' + (number / 10_u32.pow(place) % 10) as u8));
        }
    };
    let part = |number: i8| u32::from(number.unsigned_abs());
    put("", time.year().unsigned_abs().into(), 4);
    put("-", part(time.month()), 2);
    put("-", part(time.day()), 2);
    put("T", part(time.hour()), 2);
    put(":", part(time.minute()), 2);
    put(":", part(time.second()), 2);
    if digits > 0 {
        put(".", nanos / 10_u32.pow(9 - digits), digits);
    }
    text.push('Z');
    text
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
        // Within the day that it lacks.
        Err(error) => match text.strip_suffix('Z').map(str::parse::<DateTime>) {
            Some(Ok(time)) => {
                let whole = time.with().subsec_nanosecond(0).build()?;
                Ok((
                    whole.duration_since(EPOCH).as_secs(),
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
