//! One alert with all its fields.

use falco_client::Alert;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::super::model::Newest;
use super::colour;
use crate::escape::Escaped;

pub(super) fn opened(newest: &Newest, coloured: bool) -> Vec<Line<'static>> {
    let alert = match newest {
        Newest::Alert(alert) => alert,
        Newest::TooLarge(size) => {
            return vec![Line::raw(format!(
                "The newest alert has {size} bytes, which is too much to show. --keep FILE keeps it."
            ))];
        }
    };
    let strong = Style::new().add_modifier(Modifier::BOLD);
    let mut lines = vec![
        Line::styled(Escaped(alert.rule()).to_string(), strong),
        Line::from(vec![
            Span::styled(
                alert.priority().to_string(),
                colour(alert.priority(), coloured),
            ),
            Span::raw(format!("  {}  {}", time(alert), Escaped(alert.hostname()))),
        ]),
        Line::default(),
        Line::raw(Escaped(alert.output()).to_string()),
        Line::default(),
    ];
    let tags: Vec<_> = alert.tags().map(|tag| Escaped(tag).to_string()).collect();
    let source = Escaped(alert.source()).to_string();
    lines.push(Line::raw(format!(
        "source {source}  tags {}",
        tags.join(", ")
    )));
    lines.push(Line::default());
    let mut fields: Vec<_> = alert.fields().collect();
    fields.sort_unstable();
    lines.extend(fields.into_iter().map(|(name, value)| {
        Line::from(vec![
            Span::styled(
                format!("{} ", Escaped(name)),
                Style::new().add_modifier(Modifier::DIM),
            ),
            Span::raw(Escaped(value).to_string()),
        ])
    }));
    lines
}

fn time(alert: &Alert) -> String {
    match jiff::Timestamp::new(alert.seconds(), alert.nanos()) {
        Ok(time) => time.to_string(),
        Err(_) => format!("{} s", alert.seconds()),
    }
}
