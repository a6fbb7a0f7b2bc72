//! The rows, one for each rule or other name.

use std::time::Duration;

use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::super::model::{Row, PARTS};
use super::super::view::View;
use super::{colour, Header};

/// Columns that are as wide on any terminal, with a space before each.
const FIXED: usize = 1 + 8 + 1 + 7 + 1 + 5 + 2 + 13 + 1;

pub(super) fn table(view: &View, header: &Header, area: Rect) -> Vec<Line<'static>> {
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
pub(super) fn cell(text: &str, width: usize) -> String {
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
pub(super) fn sparkline(parts: &[u32; PARTS], width: usize) -> String {
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

pub(super) fn rate(alerts: u64, time: Duration) -> String {
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
