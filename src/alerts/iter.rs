//! The blocking iterators over a sequence.

use super::Alerts;
use crate::alert::Alert;
use crate::error::Result;

/// The blocking iterator over an [`Alerts`] that it borrows. `None` is the end of the sequence.
#[derive(Debug)]
pub struct Iter<'a> {
    alerts: &'a mut Alerts,
}

impl<'a> Iter<'a> {
    pub(super) fn new(alerts: &'a mut Alerts) -> Iter<'a> {
        Iter { alerts }
    }
}

impl Iterator for Iter<'_> {
    type Item = Result<Alert>;

    fn next(&mut self) -> Option<Result<Alert>> {
        self.alerts.recv().ok()
    }
}

impl<'a> IntoIterator for &'a mut Alerts {
    type Item = Result<Alert>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// The blocking iterator over an [`Alerts`] that it owns. `None` is the end of the sequence.
#[derive(Debug)]
pub struct IntoIter {
    alerts: Alerts,
}

impl Iterator for IntoIter {
    type Item = Result<Alert>;

    fn next(&mut self) -> Option<Result<Alert>> {
        self.alerts.recv().ok()
    }
}

impl IntoIterator for Alerts {
    type Item = Result<Alert>;
    type IntoIter = IntoIter;

    fn into_iter(self) -> IntoIter {
        IntoIter { alerts: self }
    }
}
