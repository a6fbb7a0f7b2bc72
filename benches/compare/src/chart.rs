//! Charts for the README.

use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::placement::Placement;
use crate::report::{thousands, told};
use crate::rounds::{Backlog, Spread};
use crate::subscriptions::Scene;

const OURS: RGBColor = RGBColor(0, 131, 143);
const THEIRS: RGBColor = RGBColor(158, 158, 158);
const INK: RGBColor = RGBColor(48, 48, 48);

struct Bar {
    name: String,
    value: f64,
    /// From the least to the most that was measured.
    range: Option<(f64, f64)>,
    label: String,
    ours: bool,
}

/// Whether a reader is of this crate.
fn is_ours(name: &str) -> bool {
    ["iterator", "stream", "callback"]
        .iter()
        .any(|ours| name.starts_with(ours))
}

pub fn draw(folder: &Path, backlogs: &[Backlog], scenes: &[Scene]) {
    for backlog in backlogs.iter().filter(|it| it.placement == Placement::Free) {
        let file = backlog.transport.name().replace(' ', "_");
        let bars = backlog.rows.iter().map(|row| {
            let Spread(least, rate, most) = row.rate();
            Bar {
                name: row.reader.name.to_owned(),
                value: rate,
                range: Some((least, most)),
                label: thousands(rate),
                ours: is_ours(row.reader.name),
            }
        });
        let title = format!("Alerts a second over {}", backlog.transport.name());
        bar_chart(
            &folder.join(format!("{file}_rate.svg")),
            &title,
            bars.collect(),
        );
        let bars = backlog.rows.iter().map(|row| {
            let Spread(least, cpu, most) = row.cpu();
            Bar {
                name: row.reader.name.to_owned(),
                value: cpu.min(4.0),
                range: (most <= 4.0).then_some((least, most)),
                label: format!("{cpu:.2}"),
                ours: is_ours(row.reader.name),
            }
        });
        let title = format!(
            "CPU seconds a million alerts over {} (cut at 4)",
            backlog.transport.name()
        );
        bar_chart(
            &folder.join(format!("{file}_cpu.svg")),
            &title,
            bars.collect(),
        );
    }
    if scenes.is_empty() {
        return;
    }
    let bars = scenes.iter().flat_map(|scene| {
        scene.rows.iter().map(|row| {
            let [p50, p99, ..] = row.said.late.map(|late| late / 1000.0);
            let [told50, told99] = [0, 1].map(|at| told(row.said.late, scene.alerts, at));
            Bar {
                name: format!("{}: {}", scene.name, row.name),
                value: p50.min(100.0),
                range: (told99 != "–").then_some((p50.min(100.0), p99.min(100.0))),
                label: match told99.as_str() {
                    "–" => told50,
                    _ => format!("{told50}, p99 {told99}"),
                },
                ours: is_ours(row.name),
            }
        })
    });
    let title = "Milliseconds from an alert to its reader: median, line to p99 (cut at 100)";
    bar_chart(&folder.join("latency.svg"), title, bars.collect());
}

const ROW: i32 = 24;
const NAMES: i32 = 330;
const WIDTH: i32 = 900;

fn bar_chart(path: &Path, title: &str, bars: Vec<Bar>) {
    let height = 50 + ROW * bars.len() as i32;
    let area = SVGBackend::new(path, (WIDTH as u32, height as u32)).into_drawing_area();
    area.fill(&WHITE).unwrap();
    let text = |size: i32, place: HPos| {
        ("sans-serif", size)
            .into_font()
            .color(&INK)
            .pos(Pos::new(place, VPos::Center))
    };
    area.draw(&Text::new(title, (20, 22), text(17, HPos::Left)))
        .unwrap();
    let longest = bars
        .iter()
        .map(|bar| bar.range.map_or(bar.value, |range| range.1.max(bar.value)));
    let scale = f64::from(WIDTH - NAMES - 150) / longest.fold(f64::MIN_POSITIVE, f64::max);
    for (place, bar) in bars.iter().enumerate() {
        let middle = 55 + ROW * place as i32;
        let end = |value: f64| NAMES + (value * scale) as i32;
        let color = if bar.ours { OURS } else { THEIRS };
        let name = Text::new(
            bar.name.as_str(),
            (NAMES - 8, middle),
            text(14, HPos::Right),
        );
        area.draw(&name).unwrap();
        let corners = [(NAMES, middle - 8), (end(bar.value), middle + 8)];
        area.draw(&Rectangle::new(corners, color.filled())).unwrap();
        let mut right = end(bar.value);
        if let Some((least, most)) = bar.range {
            let line = PathElement::new([(end(least), middle), (end(most), middle)], INK);
            area.draw(&line).unwrap();
            right = right.max(end(most));
        }
        let label = Text::new(
            bar.label.as_str(),
            (right + 6, middle),
            text(14, HPos::Left),
        );
        area.draw(&label).unwrap();
    }
    area.present().unwrap();
}
