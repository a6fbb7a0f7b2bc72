//! Checks a relay without starting it.

use super::builder::RelayBuilder;
use super::identity::SinkIdentity;
use super::metrics::Metrics;
use super::sink::Sink;
use super::spool::Spool;
use crate::client::Client;
use crate::endpoint::Place;
use crate::error::{Error, Result};
use crate::falco_api::parse_version;

impl RelayBuilder {
    /// Checks without starting what concerns no single source or sink: that none is given twice or
    /// leads back to another, that the spool can be used and the address of `/metrics` be bound.
    /// Sources are checked by [`Check`](crate::check::Check), sinks by [`Sink::check`](super::Sink).
    ///
    /// # Errors
    ///
    /// As [`start`](RelayBuilder::start).
    pub fn check(&self) -> Result<()> {
        let identities: Vec<_> = self.to.iter().map(Sink::identity).collect();
        let forget: Vec<_> = self.forget.iter().map(Sink::identity).collect();
        self.check_sinks(&identities)?;
        self.check_forgotten(&identities, &forget)?;
        if let Some(version) = &self.falco {
            parse_version(version)?;
        }
        // The check of a source says what is wrong with the others.
        let opened = self.from.iter().map(|one| Client::new(one.config.clone()));
        let clients: Vec<_> = opened.filter_map(Result::ok).collect();
        self.check_sources(&clients.iter().collect::<Vec<_>>())?;
        if let Some(address) = &self.metrics {
            Metrics::check(address)?;
        }
        match &self.spool {
            Some(folder) => Spool::check(folder),
            None => Ok(()),
        }
    }

    pub(super) fn check_sinks(&self, identities: &[SinkIdentity]) -> Result<()> {
        if self.from.is_empty() || self.to.is_empty() {
            let problem = ("needs a source and a sink", "give one of each");
            return Err(Error::config("relay", problem));
        }
        if let Some(twice) = duplicate(identities).and_then(|index| self.to.get(index)) {
            let problem = (format!("{twice} is given twice"), "give it once");
            return Err(Error::config("to", problem));
        }
        let places: Vec<Place> = self.to.iter().map(|sink| sink.target().place()).collect();
        let before = |index: usize| places.get(..index).unwrap_or_default().iter();
        let is_twice = |&(index, place): &(usize, &Place)| {
            // Several sinks may have one host and port.
            matches!(place, Place::Path(_)) && before(index).any(|one| place.is_same(one))
        };
        let twice = places.iter().enumerate().find(is_twice);
        if let Some(twice) = twice.and_then(|(index, _)| self.to.get(index)) {
            let problem = format!("{twice} is another sink in another spelling");
            return Err(Error::config("to", (problem, "give it once")));
        }
        for sink in &self.to {
            sink.check_options()?;
        }
        Ok(())
    }

    pub(super) fn check_forgotten(
        &self,
        named: &[SinkIdentity],
        forget: &[SinkIdentity],
    ) -> Result<()> {
        let is_named = |&(_, identity): &(&Sink, &SinkIdentity)| named.contains(identity);
        let problem = match self.forget.iter().zip(forget).find(is_named) {
            Some((sink, _)) => (
                format!("{sink} is one of the sinks"),
                "leave out one of the two",
            ),
            None if self.spool.is_none() && !forget.is_empty() => (
                "has no effect, as a spool in memory knows no sinks from before".to_owned(),
                "leave it out, or keep the spool in a folder",
            ),
            None => return Ok(()),
        };
        Err(Error::config("forget", problem))
    }

    pub(super) fn check_sources(&self, clients: &[&Client]) -> Result<()> {
        let names: Vec<_> = clients
            .iter()
            .map(|client| client.endpoint().to_string())
            .collect();
        if let Some(twice) = duplicate(&names).and_then(|index| names.get(index)) {
            let problem = (format!("{twice} is given twice"), "give it once");
            return Err(Error::config("from", problem));
        }
        let called: Vec<_> = self
            .from
            .iter()
            .filter_map(|one| one.name.clone())
            .collect();
        if let Some(twice) = duplicate(&called).and_then(|index| called.get(index)) {
            let problem = format!("two sources are called {twice}");
            return Err(Error::config("from", (problem, "give each its own name")));
        }
        let places: Vec<Place> = clients
            .iter()
            .map(|client| client.endpoint().place())
            .collect();
        let before = |index: usize| places.get(..index).unwrap_or_default().iter();
        let is_twice =
            |&(index, place): &(usize, &Place)| before(index).any(|one| place.is_same(one));
        let twice = places.iter().enumerate().find(is_twice);
        if let Some(twice) = twice.and_then(|(index, _)| names.get(index)) {
            let problem = format!("{twice} is another source in another spelling");
            return Err(Error::config("from", (problem, "give it once")));
        }
        for sink in &self.to {
            let place = sink.target().place();
            let back = |client: &&&Client| client.endpoint().place().is_same(&place);
            if let Some(source) = clients.iter().find(back) {
                let problem = format!(
                    "{sink} leads back to the source {}: alerts would go round for ever",
                    source.endpoint()
                );
                return Err(Error::config("to", (problem, "give another sink")));
            }
        }
        Ok(())
    }
}

/// The index of a name that stands before as well.
fn duplicate<T: PartialEq>(names: &[T]) -> Option<usize> {
    let mut names_before = names.iter().enumerate();
    names_before.find_map(|(index, name)| names.get(..index)?.contains(name).then_some(index))
}
