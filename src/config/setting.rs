//! The value of an option, and whether a program has given it.

use std::fmt;
use std::ops::Deref;

/// Reads as its value.
#[derive(Clone)]
pub(crate) struct Setting<T> {
    value: T,
    given: bool,
}

impl<T> Setting<T> {
    pub(super) fn default_of(value: T) -> Setting<T> {
        Setting {
            value,
            given: false,
        }
    }

    pub(super) fn give(&mut self, value: T) {
        *self = Setting { value, given: true };
    }

    pub(super) fn is_given(&self) -> bool {
        self.given
    }
}

impl<T> Deref for Setting<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Setting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
