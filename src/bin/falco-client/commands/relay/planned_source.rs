//! A source of the relay, by the command line or the file, with its options.

use falco_client::{Config, EndpointKind};

pub struct PlannedSource {
    pub endpoint: String,
    pub name: Option<String>,
    pub config: Config,
}

impl PlannedSource {
    /// None where it is no endpoint at all, which the library explains.
    pub fn kind(&self) -> Option<EndpointKind> {
        Some(EndpointKind::of(&self.endpoint.parse().ok()?))
    }
}

/// Gives an option to the sources that have a use for it. If none has, all get it, so that it is refused
/// instead of ignored.
pub fn configure(
    sources: &mut [PlannedSource],
    fits: fn(EndpointKind) -> bool,
    change: impl Fn(Config) -> Config,
) {
    let none = !sources.iter().filter_map(PlannedSource::kind).any(fits);
    for source in sources {
        if none || source.kind().is_some_and(fits) {
            source.config = change(source.config.clone());
        }
    }
}
