//! An alert's time, which may have any value on the wire.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const GIGA: i32 = 1_000_000_000;

/// The first and the last second of the years 1 to 9999, which a google.protobuf.Timestamp may
/// hold and RFC 3339 can write.
const FIRST: i64 = -62_135_596_800;
const LAST: i64 = 253_402_300_799;

/// Nanoseconds brought below a second, and all within the years 1 to 9999.
pub(crate) fn normal(seconds: i64, nanos: i32) -> (i64, u32) {
    let seconds = seconds.saturating_add(nanos.div_euclid(GIGA).into());
    if seconds < FIRST {
        (FIRST, 0)
    } else if seconds > LAST {
        (LAST, 999_999_999)
    } else {
        (seconds, nanos.rem_euclid(GIGA).unsigned_abs())
    }
}

pub(super) fn system_time(seconds: i64, nanos: i32) -> SystemTime {
    let (seconds, nanos) = normal(seconds, nanos);
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let time = match seconds {
        0.. => UNIX_EPOCH.checked_add(whole),
        _ => UNIX_EPOCH.checked_sub(whole),
    };
    // The epoch where the platform's clock cannot represent these years.
    time.and_then(|time| time.checked_add(Duration::from_nanos(nanos.into())))
        .unwrap_or(UNIX_EPOCH)
}

/// Seconds and nanoseconds since the epoch, the latter never negative.
pub(super) fn since_epoch(time: SystemTime) -> (i64, i32) {
    // Below 10^9, so it fits.
    let split = |time: Duration| {
        (
            i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
            time.subsec_nanos() as i32,
        )
    };
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => split(after),
        Err(before) => match split(before.duration()) {
            (seconds, 0) => (-seconds, 0),
            (seconds, nanos) => ((-seconds).saturating_sub(1), GIGA - nanos),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_numbers_give_a_time() {
        for seconds in [
            i64::MIN,
            FIRST - 1,
            FIRST,
            -1,
            0,
            1,
            LAST,
            LAST + 1,
            i64::MAX,
        ] {
            for nanos in [i32::MIN, -GIGA, -1, 0, 1, 999_999_999, GIGA, i32::MAX] {
                let (normal_seconds, normal_nanos) = normal(seconds, nanos);
                assert!((FIRST..=LAST).contains(&normal_seconds));
                assert!(normal_nanos < GIGA as u32);
                let back = since_epoch(system_time(seconds, nanos));
                assert_eq!(back, (normal_seconds, normal_nanos as i32));
            }
        }
    }

    #[test]
    fn nanoseconds_carry_over() {
        assert_eq!(normal(5, -1), (4, 999_999_999));
        assert_eq!(normal(5, GIGA), (6, 0));
        assert_eq!(normal(LAST, GIGA), (LAST, 999_999_999));
        assert_eq!(normal(FIRST, -1), (FIRST, 0));
        assert_eq!(
            since_epoch(UNIX_EPOCH - Duration::new(1, 1)),
            (-2, 999_999_999)
        );
    }
}
