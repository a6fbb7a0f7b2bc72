//! Colours that can be read on a white and on a black background: those of the 256 that are the same in every terminal, since
//! the first 16 are the user's to choose, and yellow on white is what most have chosen.

use std::io::{self, Write};

use falco_client::Priority;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    Plain,
    Faint,
    Strong,
    /// A container.
    Place,
    Priority(Priority),
}

/// Of a priority, and on what.
pub struct Colours {
    pub text: u8,
    pub background: Option<u8>,
    pub bold: bool,
}

const WHITE: u8 = 231;
const DARK_RED: u8 = 160;
const RED: u8 = 196;
const ORANGE: u8 = 166;
const BLUE: u8 = 31;
const GREEN: u8 = 28;

/// None for what is faint.
pub fn colours(priority: Priority) -> Option<Colours> {
    let (text, background, bold) = match priority {
        // White on red, which also colour-blind people see.
        Priority::Emergency | Priority::Alert => (WHITE, Some(DARK_RED), true),
        Priority::Critical => (RED, None, true),
        Priority::Error => (RED, None, false),
        Priority::Warning => (ORANGE, None, false),
        Priority::Notice => (BLUE, None, false),
        Priority::Informational | Priority::Debug | Priority::Unknown(_) => return None,
    };
    Some(Colours {
        text,
        background,
        bold,
    })
}

impl Style {
    /// Writes text, which must not drive the terminal by itself.
    pub fn write(self, text: &str, coloured: bool, to: &mut impl Write) -> io::Result<()> {
        match self.code() {
            Some(code) if coloured && !text.is_empty() => write!(to, "\x1b[{code}m{text}\x1b[0m"),
            _ => to.write_all(text.as_bytes()),
        }
    }

    fn code(self) -> Option<String> {
        Some(match self {
            Style::Plain => return None,
            Style::Faint => "2".to_owned(),
            Style::Strong => "1".to_owned(),
            Style::Place => format!("38;5;{GREEN}"),
            Style::Priority(priority) => {
                let Some(it) = colours(priority) else {
                    return Style::Faint.code();
                };
                let mut code = format!("38;5;{}", it.text);
                if let Some(background) = it.background {
                    code.push_str(&format!(";48;5;{background}"));
                }
                if it.bold {
                    code.insert_str(0, "1;");
                }
                code
            }
        })
    }
}

/// Whether the user wants colours on a terminal.
pub fn colour_is_welcome() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the cube of 6 by 6 by 6 colours, as WCAG measures it.
    fn luminance(colour: u8) -> f64 {
        let cube = colour.checked_sub(16).expect("a colour that users choose");
        let linear = |level: u8| {
            let value = f64::from([0, 95, 135, 175, 215, 255][usize::from(level)]) / 255.0;
            ((value + 0.055) / 1.055).powf(2.4).max(value / 12.92)
        };
        0.2126 * linear(cube / 36) + 0.7152 * linear(cube / 6 % 6) + 0.0722 * linear(cube % 6)
    }

    fn contrast(one: f64, other: f64) -> f64 {
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn colours_are_readable_on_white_and_on_black() {
        let mut seen = vec![(GREEN, None)];
        let priorities = Priority::ALL.into_iter().filter_map(colours);
        seen.extend(priorities.map(|it| (it.text, it.background)));
        assert!(seen.len() > 5);
        for (text, background) in seen {
            for behind in background.map_or(vec![0.0, 1.0], |it| vec![luminance(it)]) {
                let contrast = contrast(luminance(text), behind);
                assert!(contrast > 3.5, "{text} on {behind}: {contrast}");
            }
        }
    }
}
