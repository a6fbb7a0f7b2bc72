//! How it is drawn.

use std::time::Duration;

use falco_client::{Alert, Priority};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};
use ratatui::Frame;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::model::{Newest, Row, PARTS};
use super::view::View;
use crate::escape::Escaped;

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

/// Columns that are as wide on any terminal, with a space before each.
const FIXED: usize = 1 + 8 + 1 + 7 + 1 + 5 + 2 + 13 + 1;

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

fn table(view: &View, header: &Header, area: Rect) -> Vec<Line<'static>> {
    let width = usize::from(area.width);
    let (name, spark) = widths(width, &view.rows);
    let strong = Style::new().add_modifier(Modifier::BOLD);
    let heading = format!(
        "{} {:>8} {:>7} {:>5}  {:<13} {}",
        cell(&view.by.name().to_uppercase(), name),
        "ALERTS",
        "/MIN",
        "LAST",
        "PRIORITY",
        cell(
            &format!("{} MIN", header.window.as_secs_f64() / 60.0),
            spark
        )
    );
    let mut lines = vec![Line::styled(heading, strong)];
    if view.rows.is_empty() {
        lines.push(Line::raw("no alerts"));
    }
    let room = usize::from(area.height).saturating_sub(1).max(1);
    let selected = view.selected();
    // The selected row stays on the screen.
    let first = (selected + 1).saturating_sub(room);
    for (at, row) in view.rows.iter().enumerate().skip(first).take(room) {
        let mut line = Line::from(vec![
            Span::raw(format!(
                "{} {:>8} {:>7} {:>5}  ",
                cell(&row.name, name),
                row.alerts,
                rate(row.alerts, header.counted),
                ago(row.ago)
            )),
            Span::styled(
                format!("{:<13}", row.priority),
                colour(row.priority, header.coloured),
            ),
            Span::raw(format!(" {}", sparkline(&row.parts, spark))),
        ]);
        if at == selected {
            line = line.style(Modifier::REVERSED);
        }
        lines.push(line);
    }
    lines
}

/// The widths of the name and of the sparkline.
fn widths(width: usize, rows: &[Row]) -> (usize, usize) {
    let left = width.saturating_sub(FIXED);
    let longest = rows.iter().map(|row| row.name.width()).max();
    let name = longest.unwrap_or(0).clamp(12, (left * 2 / 3).max(12));
    let sparks = [60, 30, 20, 15, 12, 10, 6, 5];
    let spark = sparks.into_iter().find(|spark| name + spark <= left);
    let spark = spark.unwrap_or(0);
    (left.saturating_sub(spark).max(12), spark)
}

/// A text, shortened or filled up to a width.
fn cell(text: &str, width: usize) -> String {
    let mut shown = String::new();
    let mut room = width;
    if text.width() > width {
        room = room.saturating_sub(1);
        for char in text.chars().take(4 * width) {
            match room.checked_sub(char.width().unwrap_or(0)) {
                Some(left) => room = left,
                None => break,
            }
            shown.push(char);
        }
        shown.push('…');
    } else {
        room -= text.width();
        shown.push_str(text);
    }
    shown.push_str(&" ".repeat(room));
    shown
}

/// One character for one or more parts, up to a full block for the most.
fn sparkline(parts: &[u32; PARTS], width: usize) -> String {
    const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    if width == 0 {
        return String::new();
    }
    let sums: Vec<u64> = parts
        .chunks(PARTS / width)
        .map(|chunk| chunk.iter().map(|&count| u64::from(count)).sum())
        .collect();
    let most = sums.iter().copied().max().unwrap_or(0).max(1);
    sums.iter()
        .map(|sum| BARS[(sum * 8).div_ceil(most) as usize])
        .collect()
}

fn rate(alerts: u64, time: Duration) -> String {
    match alerts as f64 * 60.0 / time.as_secs_f64() {
        rate if rate < 100.0 => format!("{rate:.1}"),
        rate => format!("{rate:.0}"),
    }
}

fn ago(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3600 => format!("{}m", seconds / 60),
        seconds => format!("{}h", seconds / 3600),
    }
}

fn colour(priority: Priority, coloured: bool) -> Style {
    if !coloured {
        return Style::new();
    }
    match priority {
        Priority::Emergency | Priority::Alert => Style::new()
            .fg(Color::White)
            .bg(Color::Red)
            .add_modifier(Modifier::BOLD),
        Priority::Critical => Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
        Priority::Error => Style::new().fg(Color::Red),
        Priority::Warning => Style::new().fg(Color::Yellow),
        Priority::Notice => Style::new().fg(Color::Cyan),
        Priority::Informational | Priority::Debug | Priority::Unknown(_) => {
            Style::new().add_modifier(Modifier::DIM)
        }
    }
}

fn opened(newest: &Newest, coloured: bool) -> Vec<Line<'static>> {
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

#[cfg(test)]
mod tests {
    use ratatui::backend::TestBackend;
    use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
    use ratatui::Terminal;

    use super::super::model::Model;
    use super::*;

    const WINDOW: Duration = Duration::from_secs(15 * 60);

    fn header(model: &Model, now: Duration) -> Header {
        Header {
            endpoint: "unix:///run/falco/falco.sock".to_owned(),
            state: "following".to_owned(),
            total: model.total(),
            in_window: model.in_window(now),
            window: model.window(),
            counted: now,
            coloured: true,
            message: "alerts are gone from Falco once they are read".to_owned(),
        }
    }

    fn model() -> Model {
        let mut model = Model::new(WINDOW);
        for time in 0..12 {
            for (rule, priority, times) in [
                ("Terminal shell in container", Priority::Notice, 12),
                ("Read sensitive file untrusted", Priority::Warning, 3),
                ("日本語のルール\x1b[2J", Priority::Emergency, 1),
            ] {
                if time >= times {
                    continue;
                }
                let alert = Alert::builder()
                    .rule(rule)
                    .priority(priority)
                    .output("A shell \x1b[2J was spawned")
                    .field("proc.name", "bash");
                model.add(&alert.build(), Duration::from_secs(60 * time));
            }
        }
        model
    }

    /// What is on a screen of this size, line by line.
    fn shown(view: &mut View, model: &Model, columns: u16, rows: u16) -> Vec<String> {
        let now = Duration::from_secs(700);
        view.update(model, now);
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        terminal
            .draw(|frame| draw(frame, view, &header(model, now)))
            .unwrap();
        let buffer = terminal.backend().buffer();
        (0..rows)
            .map(|y| {
                let mut line = String::new();
                let mut x = 0;
                while x < columns {
                    let symbol = buffer[(x, y)].symbol();
                    line.push_str(symbol);
                    x += (symbol.width() as u16).max(1);
                }
                line.trim_end().to_owned()
            })
            .collect()
    }

    #[test]
    fn a_row_for_each_rule_with_its_sparkline() {
        let lines = shown(&mut View::new(), &model(), 100, 12);
        assert_eq!(
            lines[0],
            "falco-client top  unix:///run/falco/falco.sock  following"
        );
        assert_eq!(lines[1], "16 alerts in 15 min, 1.4 per minute; 16 in all");
        assert!(
            lines[3].starts_with("RULE ") && lines[3].contains("PRIORITY"),
            "{lines:#?}"
        );
        for (line, rule, rest) in [
            (
                &lines[4],
                "Terminal shell in container",
                " 12     1.0   40s  Notice",
            ),
            (
                &lines[5],
                "Read sensitive file untrusted",
                "  3     0.3    9m  Warning",
            ),
            (
                &lines[6],
                r"日本語のルール\u{1b}[2J",
                "  1     0.1   11m  Emergency",
            ),
        ] {
            assert!(line.starts_with(rule) && line.contains(rest), "{lines:#?}");
            assert!(
                line.ends_with(['█', ' ']) || line.contains('█'),
                "{lines:#?}"
            );
        }
        assert!(lines[11].starts_with("q quit"), "{lines:#?}");
    }

    #[test]
    fn any_size_is_drawn() {
        let model = model();
        for (columns, rows) in [(1, 1), (20, 5), (40, 8), (80, 24), (250, 60)] {
            let mut view = View::new();
            let lines = shown(&mut view, &model, columns, rows);
            let widest = lines.iter().map(|line| line.width()).max().unwrap();
            assert!(widest <= usize::from(columns), "{lines:#?}");
            view.key(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE));
            shown(&mut view, &model, columns, rows);
        }
        let lines = shown(&mut View::new(), &model, 80, 24);
        assert!(
            lines[4].starts_with("Terminal shell in container "),
            "{lines:#?}"
        );
    }

    #[test]
    fn the_newest_alert_is_shown_whole_and_harmless() {
        let (mut view, model) = (View::new(), model());
        shown(&mut view, &model, 80, 20);
        view.key(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE));
        let lines = shown(&mut view, &model, 80, 20);
        assert_eq!(lines[3], "Terminal shell in container");
        assert!(
            lines.contains(&r"A shell \u{1b}[2J was spawned".to_owned()),
            "{lines:#?}"
        );
        assert!(lines.contains(&"proc.name bash".to_owned()), "{lines:#?}");
    }

    #[test]
    fn the_selected_row_stays_on_a_low_screen() {
        let (mut view, model) = (View::new(), model());
        shown(&mut view, &model, 80, 8);
        for _ in 0..2 {
            view.key(KeyEvent::new(KeyCode::Down, KeyModifiers::NONE));
        }
        let lines = shown(&mut view, &model, 80, 8);
        assert!(
            lines.iter().any(|line| line.starts_with("日本語")),
            "{lines:#?}"
        );
    }

    #[test]
    fn sparklines_fit_and_reach_from_nothing_to_full() {
        let mut parts = [0; PARTS];
        (parts[0], parts[1], parts[59]) = (1, 1, 16);
        assert_eq!(sparkline(&parts, 30), format!("▁{}█", " ".repeat(28)));
        assert_eq!(sparkline(&parts, 60).chars().count(), 60);
        assert_eq!(sparkline(&[u32::MAX; PARTS], 5), "█████");
        assert_eq!(sparkline(&[0; PARTS], 10), " ".repeat(10));
    }

    #[test]
    fn names_are_shortened_by_their_width() {
        assert_eq!(cell("abc", 5), "abc  ");
        assert_eq!(cell("abcdef", 5), "abcd…");
        assert_eq!(cell("日本語", 5), "日本…");
        assert_eq!(cell("日本語", 4), "日… ");
    }
}
