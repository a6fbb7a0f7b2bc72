//! The priority of a rule.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The priority of a rule and its alerts.
///
/// Ordered by urgency: `Priority::Debug < Priority::Emergency`. The numbers on the wire have the
/// opposite order: 0 is the most urgent. An unknown number is less than [`Debug`](Priority::Debug).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Priority {
    /// An unknown number. Use [`from_number`](Priority::from_number), which never puts a known number
    /// here.
    Unknown(i32),
    /// 7
    Debug,
    /// 6
    Informational,
    /// 5
    Notice,
    /// 4
    Warning,
    /// 3
    Error,
    /// 2
    Critical,
    /// 1
    Alert,
    /// 0
    Emergency,
}

impl Priority {
    /// The eight priorities of Falco, the most urgent first.
    pub const ALL: [Priority; 8] = [
        Priority::Emergency,
        Priority::Alert,
        Priority::Critical,
        Priority::Error,
        Priority::Warning,
        Priority::Notice,
        Priority::Informational,
        Priority::Debug,
    ];

    /// The priority with this number in `falco.schema.priority`.
    pub fn from_number(number: i32) -> Priority {
        usize::try_from(number)
            .ok()
            .and_then(|at| Self::ALL.get(at).copied())
            .unwrap_or(Priority::Unknown(number))
    }

    /// Its number in `falco.schema.priority`: 0 for Emergency to 7 for Debug.
    pub fn number(self) -> i32 {
        match self {
            Priority::Unknown(number) => number,
            Priority::Debug => 7,
            Priority::Informational => 6,
            Priority::Notice => 5,
            Priority::Warning => 4,
            Priority::Error => 3,
            Priority::Critical => 2,
            Priority::Alert => 1,
            Priority::Emergency => 0,
        }
    }

    /// Its name in Falco's JSON, `Emergency` to `Debug`; none for an unknown number.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Priority::Unknown(_) => return None,
            Priority::Debug => "Debug",
            Priority::Informational => "Informational",
            Priority::Notice => "Notice",
            Priority::Warning => "Warning",
            Priority::Error => "Error",
            Priority::Critical => "Critical",
            Priority::Alert => "Alert",
            Priority::Emergency => "Emergency",
        })
    }

    fn urgency(self) -> i64 {
        match self {
            // Below every known one, whatever the number.
            Priority::Unknown(number) => -(1 << 40) - i64::from(number),
            known => -i64::from(known.number()),
        }
    }
}

impl Ord for Priority {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.urgency().cmp(&other.urgency())
    }
}

impl PartialOrd for Priority {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The name, or the number where it is unknown.
impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => f.pad(&self.number().to_string()),
        }
    }
}

/// Parses a name in any case, `info` for `Informational`, or a number.
impl FromStr for Priority {
    type Err = Error;

    fn from_str(text: &str) -> Result<Priority> {
        if text.eq_ignore_ascii_case("info") {
            return Ok(Priority::Informational);
        }
        let named = Self::ALL.into_iter().find(|priority| {
            priority
                .name()
                .is_some_and(|name| name.eq_ignore_ascii_case(text))
        });
        named
            .or_else(|| text.parse().ok().map(Priority::from_number))
            .ok_or_else(|| {
                let remedy = "write emergency, alert, critical, error, warning, notice, \
                              informational (info) or debug";
                Error::config("priority", (format!("{text:?} is none"), remedy))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_read() {
        for (number, priority) in Priority::ALL.into_iter().enumerate() {
            let name = priority.name().unwrap();
            for spelling in [
                name.to_owned(),
                name.to_lowercase(),
                name.to_uppercase(),
                number.to_string(),
            ] {
                assert_eq!(spelling.parse::<Priority>().unwrap(), priority);
            }
            assert_eq!(Priority::from_number(number as i32), priority);
            assert_eq!(priority.number(), number as i32);
        }
        assert_eq!("Info".parse::<Priority>().unwrap(), Priority::Informational);
    }

    #[test]
    fn an_unknown_spelling_is_refused_by_name() {
        let error = "urgent".parse::<Priority>().unwrap_err().to_string();
        assert!(
            error.contains("\"urgent\"") && error.contains("emergency"),
            "{error}"
        );
    }

    #[test]
    fn order_is_by_urgency() {
        assert!(Priority::ALL.is_sorted_by(|a, b| a > b));
        for unknown in [8, i32::MAX, -1, i32::MIN] {
            let unknown = Priority::from_number(unknown);
            assert!(unknown < Priority::Debug);
            assert_eq!(unknown.name(), None);
        }
    }

    #[test]
    fn an_unknown_number_survives() {
        for number in [8, -1, i32::MIN, i32::MAX] {
            assert_eq!(Priority::from_number(number).number(), number);
            assert_eq!(
                Priority::from_number(number).to_string(),
                number.to_string()
            );
        }
    }
}
