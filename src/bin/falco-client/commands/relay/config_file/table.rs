//! Reads TOML with the place of each key, so that an error says where it is. No error has a value: it
//! may be secret.

use std::cmp::Ordering;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use crate::diagnostics::Failure;

/// How alike a word and a key are, from 0 to 1, before the key is taken to be meant.
const ALIKE: f64 = 0.75;

/// A file, for the places of errors.
#[derive(Clone, Copy)]
pub struct File<'a> {
    pub path: &'a Path,
    pub text: &'a str,
}

impl<'a> File<'a> {
    pub fn parse(self, keys: &'static [&'static str]) -> Result<Table<'a>, Failure> {
        let table = DeTable::parse(self.text).map_err(|error| {
            let at = error.span().unwrap_or(0..0);
            self.error(at, &error.message().replace('\n', ", "))
        })?;
        Table::new(self, table.span(), table.into_inner(), "the file", keys)
    }

    fn error(self, at: Range<usize>, problem: &str) -> Failure {
        let before = self.text.get(..at.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let last = before.rsplit('\n').next().unwrap_or_default();
        let column = last.chars().count() + 1;
        let path = self.path.display();
        Failure::Usage(format!("{path}:{line}:{column}: {problem}"))
    }
}

/// A table with the keys that it may have.
pub struct Table<'a> {
    file: File<'a>,
    at: Range<usize>,
    name: &'static str,
    keys: &'static [&'static str],
    values: Vec<Value<'a>>,
}

impl<'a> Table<'a> {
    fn new(
        file: File<'a>,
        at: Range<usize>,
        table: DeTable<'a>,
        name: &'static str,
        keys: &'static [&'static str],
    ) -> Result<Table<'a>, Failure> {
        let mut values = Vec::new();
        let mut unknown: Vec<(Range<usize>, String)> = Vec::new();
        for (key, value) in table {
            let (at, key) = (key.span(), key.into_inner());
            match keys.iter().find(|known| **known == key) {
                Some(key) => values.push(Value {
                    file,
                    key,
                    at: value.span(),
                    value: value.into_inner(),
                }),
                None => unknown.push((at, key.into_owned())),
            }
        }
        unknown.sort_by_key(|(at, _)| at.start);
        if let Some((at, key)) = unknown.into_iter().next() {
            let key = key.escape_debug();
            let remedy = match nearest(&key.to_string(), keys) {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("its keys are {}", keys.join(", ")),
            };
            return Err(file.error(at, &format!("unknown key `{key}` in {name}; {remedy}")));
        }
        Ok(Table {
            file,
            at,
            name,
            keys,
            values,
        })
    }

    pub fn take(&mut self, key: &'static str) -> Option<Value<'a>> {
        debug_assert!(self.keys.contains(&key), "{key} is not among the keys");
        let index = self.values.iter().position(|value| value.key == key)?;
        Some(self.values.swap_remove(index))
    }

    pub fn require(&mut self, key: &'static str) -> Result<Value<'a>, Failure> {
        let missing = format!("{} needs the key `{key}`", self.name);
        self.take(key).ok_or_else(|| self.error(&missing))
    }

    pub fn error(&self, problem: &str) -> Failure {
        self.file.error(self.at.clone(), problem)
    }

    pub fn string(&mut self, key: &'static str) -> Result<Option<String>, Failure> {
        self.take(key).map(Value::string).transpose()
    }

    pub fn path(&mut self, key: &'static str) -> Result<Option<PathBuf>, Failure> {
        self.take(key).map(Value::path).transpose()
    }

    pub fn boolean(&mut self, key: &'static str) -> Result<bool, Failure> {
        let value = self.take(key).map(Value::boolean).transpose()?;
        Ok(value.unwrap_or(false))
    }

    pub fn number(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, Failure> {
        let value = self.take(key).map(|value| value.number(range));
        value.transpose()
    }

    /// The tables of `[[key]]`.
    pub fn tables(
        &mut self,
        key: &'static str,
        name: &'static str,
        keys: &'static [&'static str],
    ) -> Result<Vec<Table<'a>>, Failure> {
        let Some(value) = self.take(key) else {
            return Ok(Vec::new());
        };
        let tables = value.items(name)?.into_iter();
        tables.map(|value| value.table(name, keys)).collect()
    }

    /// Each string of a list, read.
    pub fn list<T>(
        &mut self,
        key: &'static str,
        read: fn(&str) -> Result<T, String>,
    ) -> Result<Vec<T>, Failure> {
        let Some(value) = self.take(key) else {
            return Ok(Vec::new());
        };
        let items = value.items("a list of strings")?.into_iter();
        items.map(|item| item.read(read)).collect()
    }
}

/// The value of a key, or of a list that is the value of a key.
pub struct Value<'a> {
    file: File<'a>,
    key: &'static str,
    at: Range<usize>,
    value: DeValue<'a>,
}

impl<'a> Value<'a> {
    pub fn error(&self, problem: &str) -> Failure {
        let problem = format!("`{}`: {problem}", self.key);
        self.file.error(self.at.clone(), &problem)
    }

    fn is_no(&self, wanted: &str) -> Failure {
        self.error(&format!("write {wanted}"))
    }

    pub fn string(self) -> Result<String, Failure> {
        match self.value {
            DeValue::String(text) => Ok(text.into_owned()),
            _ => Err(self.is_no("a string")),
        }
    }

    /// The folder that relative paths begin with.
    pub fn folder(&self) -> &'a Path {
        self.file.path.parent().unwrap_or(Path::new(""))
    }

    /// A path, relative to the folder of the file.
    pub fn path(self) -> Result<PathBuf, Failure> {
        Ok(self.folder().join(self.string()?))
    }

    pub fn boolean(self) -> Result<bool, Failure> {
        match self.value {
            DeValue::Boolean(value) => Ok(value),
            _ => Err(self.is_no("true or false")),
        }
    }

    pub fn number(self, range: RangeInclusive<u64>) -> Result<u64, Failure> {
        let number = match &self.value {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        let legal = number.filter(|number| range.contains(number));
        legal.ok_or_else(|| {
            let (least, most) = range.into_inner();
            match most {
                u64::MAX => self.is_no(&format!("a whole number from {least}")),
                most => self.is_no(&format!("a whole number from {least} to {most}")),
            }
        })
    }

    /// A number of seconds, with or without a fraction.
    pub fn seconds(self, most: f64) -> Result<Duration, Failure> {
        let seconds = match &self.value {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse().ok(),
            DeValue::Float(number) => number.as_str().parse().ok(),
            _ => None,
        };
        let legal = seconds.filter(|seconds| (0.0..=most).contains(seconds));
        legal
            .map(Duration::from_secs_f64)
            .ok_or_else(|| self.is_no(&format!("seconds from 0 to {most}, as in 0.5")))
    }

    /// A string, read by a function that says what is wrong with it.
    pub fn read<T>(self, read: impl FnOnce(&str) -> Result<T, String>) -> Result<T, Failure> {
        let DeValue::String(text) = &self.value else {
            return Err(self.is_no("a string"));
        };
        read(text).map_err(|problem| self.error(&problem))
    }

    pub fn table(
        self,
        name: &'static str,
        keys: &'static [&'static str],
    ) -> Result<Table<'a>, Failure> {
        match self.value {
            DeValue::Table(table) => Table::new(self.file, self.at, table, name, keys),
            _ => Err(self.is_no(&format!("a table, as in {name}"))),
        }
    }

    /// The strings of a table with any keys, in the order of the file.
    pub fn strings_by_name(self) -> Result<Vec<(String, String)>, Failure> {
        let wanted = "a table of strings, as in { Name = \"value\" }";
        let DeValue::Table(table) = self.value else {
            return Err(self.is_no(wanted));
        };
        let mut found = Vec::new();
        for (name, value) in table {
            let at = value.span();
            match value.into_inner() {
                DeValue::String(text) => found.push((at, name.into_inner(), text)),
                _ => {
                    return Err(self
                        .file
                        .error(at, &format!("`{}`: write {wanted}", self.key)))
                }
            }
        }
        found.sort_by_key(|(at, ..)| at.start);
        let owned = |(_, name, text): (_, std::borrow::Cow<str>, std::borrow::Cow<str>)| {
            (name.into_owned(), text.into_owned())
        };
        Ok(found.into_iter().map(owned).collect())
    }

    fn items(self, wanted: &str) -> Result<Vec<Value<'a>>, Failure> {
        let (file, key) = (self.file, self.key);
        match self.value {
            DeValue::Array(items) => Ok(items
                .into_iter()
                .map(|item| Value {
                    file,
                    key,
                    at: item.span(),
                    value: item.into_inner(),
                })
                .collect()),
            _ => Err(self.is_no(wanted)),
        }
    }
}

/// The key that was meant, if one is like the word.
fn nearest(word: &str, keys: &'static [&'static str]) -> Option<&'static str> {
    let word = word.replace('-', "_");
    let alike = keys.iter().map(|key| (strsim::jaro(&word, key), *key));
    let best =
        alike.max_by(|(one, _), (other, _)| one.partial_cmp(other).unwrap_or(Ordering::Equal));
    best.filter(|(alike, _)| *alike > ALIKE).map(|(_, key)| key)
}
