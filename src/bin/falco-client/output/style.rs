//! Colours: those of the terminal's own palette, so that they suit a dark and a light background.

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

impl Style {
    /// Writes text, which must not drive the terminal by itself.
    pub fn write(self, text: &str, coloured: bool, to: &mut impl Write) -> io::Result<()> {
        match self.code() {
            Some(code) if coloured && !text.is_empty() => write!(to, "\x1b[{code}m{text}\x1b[0m"),
            _ => to.write_all(text.as_bytes()),
        }
    }

    fn code(self) -> Option<&'static str> {
        Some(match self {
            Style::Plain => return None,
            Style::Faint => "2",
            Style::Strong => "1",
            Style::Place => "32",
            Style::Priority(priority) => match priority {
                // White on red, which also colour-blind people see.
                Priority::Emergency | Priority::Alert => "1;97;41",
                Priority::Critical => "1;31",
                Priority::Error => "31",
                Priority::Warning => "33",
                Priority::Notice => "36",
                Priority::Informational | Priority::Debug | Priority::Unknown(_) => "2",
            },
        })
    }
}

/// Whether the user wants colours on a terminal.
pub fn colour_is_welcome() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
