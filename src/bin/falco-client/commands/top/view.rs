//! What is shown of the counts, and what each key does.

use std::sync::Arc;
use std::time::Duration;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::model::{Model, Newest, Row};
use crate::counts::Grouping;

/// A filter needs no more.
const LONGEST_FILTER: usize = 60;

pub struct View {
    pub by: Grouping,
    pub filter: String,
    /// Keys are letters of the filter.
    pub typing: bool,
    /// The rows do not change.
    pub paused: bool,
    pub rows: Vec<Row>,
    /// The row that is selected, by its name, as rows move.
    selected: Option<String>,
    /// The alert that is open.
    pub open: Option<Arc<Newest>>,
    /// Lines of it that are above the screen.
    pub scrolled: u16,
}

impl View {
    pub fn new() -> View {
        View {
            by: Grouping::Rule,
            filter: String::new(),
            typing: false,
            paused: false,
            rows: Vec::new(),
            selected: None,
            open: None,
            scrolled: 0,
        }
    }

    /// Takes the counts of this moment, unless it is paused.
    pub fn update(&mut self, model: &Model, now: Duration) {
        if !self.paused {
            self.rows = model.rows(self.by, now, &self.filter);
        }
    }

    /// The number of the selected row.
    pub fn selected(&self) -> usize {
        let at = self.selected.as_ref();
        at.and_then(|name| self.rows.iter().position(|row| row.name == *name))
            .unwrap_or(0)
    }

    /// Acts on a key. Returns whether it is the end.
    pub fn key(&mut self, key: KeyEvent) -> bool {
        if key.kind == KeyEventKind::Release {
            return false;
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return matches!(key.code, KeyCode::Char('c' | 'd'));
        }
        match (self.typing, self.open.is_some()) {
            (true, _) => self.type_filter(key.code),
            (false, true) => self.scroll(key.code),
            (false, false) => return self.command(key.code),
        }
        false
    }

    fn command(&mut self, key: KeyCode) -> bool {
        match key {
            KeyCode::Char('q') => return true,
            // As many expect it to leave; it only clears the filter.
            KeyCode::Esc => self.set_filter(String::new()),
            KeyCode::Char('g') | KeyCode::Tab => self.group_by(1),
            KeyCode::BackTab => self.group_by(Grouping::ALL.len() - 1),
            KeyCode::Char('p' | ' ') => self.paused = !self.paused,
            KeyCode::Char('/') => self.typing = true,
            KeyCode::Up | KeyCode::Char('k') => self.select(self.selected().saturating_sub(1)),
            KeyCode::Down | KeyCode::Char('j') => self.select(self.selected() + 1),
            KeyCode::PageUp => self.select(self.selected().saturating_sub(10)),
            KeyCode::PageDown => self.select(self.selected() + 10),
            KeyCode::Home => self.select(0),
            KeyCode::End => self.select(usize::MAX),
            KeyCode::Enter => {
                self.select(self.selected());
                self.open = self
                    .rows
                    .get(self.selected())
                    .and_then(|row| row.newest.clone());
                self.scrolled = 0;
            }
            _ => {}
        }
        false
    }

    fn type_filter(&mut self, key: KeyCode) {
        match key {
            KeyCode::Enter => self.typing = false,
            KeyCode::Esc => {
                self.typing = false;
                self.set_filter(String::new());
            }
            KeyCode::Backspace => {
                let mut filter = std::mem::take(&mut self.filter);
                filter.pop();
                self.set_filter(filter);
            }
            KeyCode::Char(char) if self.filter.len() < LONGEST_FILTER && !char.is_control() => {
                let filter = format!("{}{char}", self.filter);
                self.set_filter(filter);
            }
            _ => {}
        }
    }

    fn scroll(&mut self, key: KeyCode) {
        match key {
            KeyCode::Up | KeyCode::Char('k') => self.scrolled = self.scrolled.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => self.scrolled = self.scrolled.saturating_add(1),
            KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q') => self.open = None,
            _ => {}
        }
    }

    fn group_by(&mut self, further: usize) {
        let at = Grouping::ALL.iter().position(|by| *by == self.by);
        self.by = Grouping::ALL[(at.unwrap_or(0) + further) % Grouping::ALL.len()];
        self.selected = None;
        // What is shown must be of this grouping.
        self.paused = false;
    }

    fn set_filter(&mut self, filter: String) {
        self.filter = filter;
        self.paused = false;
    }

    fn select(&mut self, at: usize) {
        let last = self.rows.len().saturating_sub(1);
        self.selected = self.rows.get(at.min(last)).map(|row| row.name.clone());
    }
}

#[cfg(test)]
mod tests {
    use falco_client::Alert;

    use super::*;

    fn view() -> (View, Model) {
        let mut model = Model::new(Duration::from_secs(60));
        for rule in ["B", "A", "B", "Shell"] {
            let alert = Alert::builder().rule(rule).hostname("node-1").build();
            model.add(&alert, Duration::ZERO);
        }
        let mut view = View::new();
        view.update(&model, Duration::ZERO);
        (view, model)
    }

    fn press(view: &mut View, model: &Model, keys: &str) -> bool {
        let mut ends = false;
        for key in keys.chars() {
            let code = match key {
                '\n' => KeyCode::Enter,
                '\x1b' => KeyCode::Esc,
                '\x08' => KeyCode::Backspace,
                char => KeyCode::Char(char),
            };
            ends |= view.key(KeyEvent::new(code, KeyModifiers::NONE));
            view.update(model, Duration::ZERO);
        }
        ends
    }

    fn names(view: &View) -> Vec<&str> {
        view.rows.iter().map(|row| row.name.as_str()).collect()
    }

    #[test]
    fn a_filter_is_typed_and_cleared() {
        let (mut view, model) = view();
        assert_eq!(names(&view), ["B", "A", "Shell"]);
        assert!(!press(&mut view, &model, "/shq\x08"));
        assert_eq!((names(&view), view.typing), (vec!["Shell"], true));
        press(&mut view, &model, "\n");
        assert!(!view.typing && view.filter == "sh");
        press(&mut view, &model, "\x1b");
        assert_eq!(names(&view).len(), 3);
        assert!(press(&mut view, &model, "q"));
    }

    #[test]
    fn the_selection_stays_with_its_row() {
        let (mut view, mut model) = view();
        press(&mut view, &model, "jj");
        assert_eq!(view.selected(), 2);
        for _ in 0..5 {
            model.add(&Alert::builder().rule("Shell").build(), Duration::ZERO);
        }
        view.update(&model, Duration::ZERO);
        assert_eq!((view.selected(), names(&view)[0]), (0, "Shell"));
        press(&mut view, &model, "kjjjjjj");
        assert_eq!(view.selected(), 2);
    }

    #[test]
    fn enter_opens_the_newest_alert_and_escape_closes_it() {
        let (mut view, model) = view();
        press(&mut view, &model, "j\n");
        let Some(Newest::Alert(alert)) = view.open.as_deref() else {
            panic!("nothing is open");
        };
        assert_eq!(alert.rule(), "A");
        assert!(!press(&mut view, &model, "jjq"));
        assert!(view.open.is_none());
    }

    #[test]
    fn a_pause_keeps_the_rows_until_they_are_others() {
        let (mut view, mut model) = view();
        press(&mut view, &model, "p");
        model.add(&Alert::builder().rule("New").build(), Duration::ZERO);
        view.update(&model, Duration::ZERO);
        assert_eq!(names(&view), ["B", "A", "Shell"]);
        press(&mut view, &model, "gg");
        assert_eq!((view.by, view.paused), (Grouping::Host, false));
        assert_eq!(names(&view), ["node-1", "(none)"]);
    }

    #[test]
    fn control_c_ends_it_in_any_state() {
        let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        for keys in ["", "/x", "\n"] {
            let (mut view, model) = view();
            press(&mut view, &model, keys);
            assert!(view.key(control_c), "{keys:?}");
        }
    }
}
