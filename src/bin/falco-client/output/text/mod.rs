//! The text form, for people: one line an alert, or on a terminal a heading and what fits below it.

mod line;
pub mod message;
mod terminal;
pub mod wrap;

pub use line::write as write_line;
pub use terminal::Screen;
