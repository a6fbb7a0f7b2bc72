//! What is wrong and what to do about it, as errors and findings share them.

use std::borrow::Cow;
use std::fmt;

use super::Error;

type Text = Cow<'static, str>;

/// What is wrong, and the remedy where there is one. Made of a pair of texts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Problem {
    pub text: Text,
    pub remedy: Option<Text>,
}

impl Problem {
    pub(crate) const fn fixed(text: &'static str, remedy: &'static str) -> Problem {
        Problem {
            text: Cow::Borrowed(text),
            remedy: Some(Cow::Borrowed(remedy)),
        }
    }

    /// One that this side cannot do anything about.
    pub(crate) const fn without_remedy(text: &'static str) -> Problem {
        Problem {
            text: Cow::Borrowed(text),
            remedy: None,
        }
    }

    /// As [`without_remedy`](Problem::without_remedy), of a text that was made.
    pub(crate) fn alone(text: impl Into<Text>) -> Problem {
        Problem {
            text: text.into(),
            remedy: None,
        }
    }

    /// The same, with the reason in parentheses behind what is wrong.
    pub(crate) fn because(self, reason: impl fmt::Display) -> Problem {
        Problem {
            text: format!("{} ({reason})", self.text).into(),
            ..self
        }
    }

    /// The same, with what it is about before it.
    pub(crate) fn of(self, what: impl fmt::Display) -> Problem {
        Problem {
            text: format!("{what}: {}", self.text).into(),
            ..self
        }
    }

    /// The two as fields of an error.
    pub(super) fn into_fields(self) -> (String, Option<String>) {
        (self.text.into_owned(), self.remedy.map(Cow::into_owned))
    }
}

impl<T: Into<Text>, R: Into<Text>> From<(T, R)> for Problem {
    fn from((text, remedy): (T, R)) -> Problem {
        Problem {
            text: text.into(),
            remedy: Some(remedy.into()),
        }
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Problem {
        Problem {
            text: error.without_remedy().to_string().into(),
            remedy: error.remedy().map(|remedy| remedy.to_owned().into()),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match &self.remedy {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}
