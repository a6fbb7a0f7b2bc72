//! The groups by which alerts are counted.

use falco_client::Alert;

use crate::escape::Escaped;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Grouping {
    Rule,
    Priority,
    Host,
    Container,
    Namespace,
}

/// The group of all alerts for which there is no room.
pub const OTHERS: &str = "(others)";

/// Characters of a name.
const LONGEST: usize = 200;

impl Grouping {
    pub const ALL: [Grouping; 5] = [
        Grouping::Rule,
        Grouping::Priority,
        Grouping::Host,
        Grouping::Container,
        Grouping::Namespace,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Grouping::Rule => "rule",
            Grouping::Priority => "priority",
            Grouping::Host => "host",
            Grouping::Container => "container",
            Grouping::Namespace => "namespace",
        }
    }

    /// The group of an alert: a harmless text of limited length.
    pub fn group_of(self, alert: &Alert) -> String {
        let field = |name| alert.field(name).filter(|value| *value != "<NA>");
        let name = match self {
            Grouping::Rule => alert.rule(),
            Grouping::Priority => return alert.priority().to_string(),
            Grouping::Host => alert.hostname(),
            Grouping::Container => field("container.name")
                .filter(|name| !name.is_empty())
                .or_else(|| field("container.id"))
                .unwrap_or_default(),
            Grouping::Namespace => field("k8s.ns.name").unwrap_or_default(),
        };
        match name.char_indices().nth(LONGEST) {
            None if name.is_empty() => "(none)".to_owned(),
            None => Escaped(name).to_string(),
            Some((at, _)) => format!("{}…", Escaped(&name[..at])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_has_a_group_of_each_kind() {
        let alert = Alert::builder()
            .rule("Terminal shell in container")
            .hostname("node-1")
            .field("container.id", "5f1e8a1c7d03")
            .field("container.name", "shop")
            .field("k8s.ns.name", "payments");
        let groups = |alert: Alert| Grouping::ALL.map(|by| by.group_of(&alert));
        let expected = [
            "Terminal shell in container",
            "Emergency",
            "node-1",
            "shop",
            "payments",
        ];
        assert_eq!(groups(alert.build()), expected);
        let bare = Alert::builder()
            .field("container.id", "5f1e8a1c7d03")
            .field("container.name", "<NA>")
            .field("k8s.ns.name", "<NA>");
        let expected = ["(none)", "Emergency", "(none)", "5f1e8a1c7d03", "(none)"];
        assert_eq!(groups(bare.build()), expected);
    }

    #[test]
    fn a_hostile_name_is_short_and_harmless() {
        let name = Grouping::Rule.group_of(&Alert::builder().rule("\x1b[2J".repeat(9999)).build());
        assert!(
            name.starts_with(r"\u{1b}[2J") && name.ends_with('…'),
            "{name}"
        );
        assert!(name.len() < 2000);
    }
}
