use falco_client::Alert;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use unicode_width::UnicodeWidthStr as _;

use super::super::model::{Model, PARTS};
use super::table::{cell, sparkline};
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
