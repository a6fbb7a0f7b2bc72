//! Draws the screen.

mod opened;
mod table;

use std::time::Duration;

use falco_client::Priority;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};
use ratatui::Frame;

use super::view::View;
use crate::escape::Escaped;
use crate::output::style::colours;
use opened::opened;
use table::{rate, table};

/// What is true of the whole, besides the rows.
pub struct Header {
    pub endpoint: String,
    pub state: String,
    pub total: u64,
    pub in_window: u64,
    pub window: Duration,
    /// How much of the window there has been since the start.
    pub counted: Duration,
    pub coloured: bool,
    /// What was said last, or what becomes of the alerts.
    pub message: String,
}

const KEYS: &str =
    "q quit  ↑↓ select  Enter newest alert  g group by  / filter  p pause  Esc clear filter";
const KEYS_OF_ALERT: &str = "Esc back  ↑↓ scroll";

pub fn draw(frame: &mut Frame, view: &View, header: &Header) {
    let [top, body, message, keys] = Layout::vertical([
        Constraint::Length(3),
        Constraint::Min(1),
        Constraint::Length(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(Paragraph::new(title(view, header)), top);
    match &view.open {
        Some(newest) => {
            let alert = Paragraph::new(opened(newest, header.coloured));
            let alert = alert.wrap(Wrap { trim: false });
            frame.render_widget(alert.scroll((view.scrolled, 0)), body);
        }
        None => frame.render_widget(Paragraph::new(table(view, header, body)), body),
    }
    let faint = Style::new().add_modifier(Modifier::DIM);
    frame.render_widget(
        Line::styled(Escaped(&header.message).to_string(), faint),
        message,
    );
    let keys_line = match (view.typing, view.open.is_some()) {
        (true, _) => Line::from(format!(
            "filter: {}█  Enter keep  Esc clear",
            Escaped(&view.filter)
        )),
        (false, true) => Line::styled(KEYS_OF_ALERT, faint),
        (false, false) => Line::styled(KEYS, faint),
    };
    frame.render_widget(keys_line, keys);
}

fn title(view: &View, header: &Header) -> Vec<Line<'static>> {
    let strong = Style::new().add_modifier(Modifier::BOLD);
    let mut first = vec![
        Span::styled("falco-client top", strong),
        Span::raw(format!(
            "  {}  {}",
            Escaped(&header.endpoint),
            Escaped(&header.state)
        )),
    ];
    if view.paused {
        first.push(Span::styled(
            "  PAUSED",
            strong.add_modifier(Modifier::REVERSED),
        ));
    }
    let minutes = header.window.as_secs_f64() / 60.0;
    let mut second = format!(
        "{} alerts in {minutes} min, {} per minute; {} in all",
        header.in_window,
        rate(header.in_window, header.counted),
        header.total
    );
    if !view.filter.is_empty() && !view.typing {
        second.push_str(&format!("; filter: {}", Escaped(&view.filter)));
    }
    vec![first.into(), second.into(), Line::default()]
}

fn colour(priority: Priority, coloured: bool) -> Style {
    if !coloured {
        return Style::new();
    }
    let Some(colours) = colours(priority) else {
        return Style::new().add_modifier(Modifier::DIM);
    };
    let mut style = Style::new().fg(Color::Indexed(colours.text));
    if let Some(background) = colours.background {
        style = style.bg(Color::Indexed(background));
    }
    if colours.bold {
        style = style.add_modifier(Modifier::BOLD);
    }
    style
}

#[cfg(test)]
mod tests;
