//! The address of a log between Falco and its readers: `scheme://user:password@host/name?option=value`.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;

use crate::error::Problem;

/// An address in its parts, decoded. Its options are taken out one by one, so that one that nobody
/// knows is found.
pub(super) struct LogUrl {
    pub user: Option<String>,
    pub password: Option<Secret>,
    /// Hosts and ports, as they were written.
    pub authority: String,
    /// What follows the first slash.
    pub name: String,
    options: Vec<(String, String)>,
}

/// A password. It is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(pub String);

/// What an address is for: not every option has an effect on both.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LogUse {
    Read,
    #[cfg(feature = "relay")]
    Write,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl LogUrl {
    /// Of what follows the scheme.
    pub(super) fn parse(rest: &str) -> Result<LogUrl, Problem> {
        let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, name) = address.split_once('/').unwrap_or((address, ""));
        let (login, authority) = match authority.rsplit_once('@') {
            Some((login, authority)) => (Some(login), authority),
            None => (None, authority),
        };
        let (user, password) = match login.map(|login| login.split_once(':').unwrap_or((login, "")))
        {
            Some((user, password)) => (decode(user)?, decode(password)?),
            None => (String::new(), String::new()),
        };
        let option = |text: &str| match text.split_once('=') {
            Some((name, value)) => Ok((decode(name)?, decode(value)?)),
            None => {
                let problem = format!("has the option {text} without a value");
                Err(Problem::from((problem, format!("write {text}=VALUE"))))
            }
        };
        Ok(LogUrl {
            user: Some(user).filter(|user| !user.is_empty()),
            password: Some(password)
                .filter(|password| !password.is_empty())
                .map(Secret),
            authority: authority.to_owned(),
            name: decode(name)?,
            options: query
                .split('&')
                .filter(|text| !text.is_empty())
                .map(option)
                .collect::<Result<_, _>>()?,
        })
    }

    /// Takes out the value of an option. The last one counts.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let mut value = None;
        self.options.retain_mut(|(option, given)| {
            let is_it = option == name;
            if is_it {
                value = Some(std::mem::take(given));
            }
            !is_it
        });
        value
    }

    pub(super) fn take_path(&mut self, name: &str) -> Option<PathBuf> {
        self.take(name).map(PathBuf::from)
    }

    /// Takes out the options whose names begin like this, and returns the rest of their names.
    #[cfg(feature = "kafka")]
    pub(super) fn take_all(&mut self, prefix: &str) -> Vec<(String, Secret)> {
        let mut taken = Vec::new();
        self.options.retain_mut(|(option, given)| {
            let name = option.strip_prefix(prefix);
            if let Some(name) = name {
                taken.push((name.to_owned(), Secret(std::mem::take(given))));
            }
            name.is_none()
        });
        taken
    }

    /// Takes out a number of at least `least`.
    #[cfg(any(feature = "redis", test))]
    pub(super) fn take_number(&mut self, name: &str, least: u64) -> Result<Option<u64>, Problem> {
        let Some(value) = self.take(name) else {
            return Ok(None);
        };
        match value.parse() {
            Ok(number) if number >= least => Ok(Some(number)),
            _ => {
                let problem = format!("has {name}={value}");
                Err((problem, format!("give a number from {least}")).into())
            }
        }
    }

    /// What is left of the options.
    pub(super) fn rest(self) -> Vec<(String, String)> {
        self.options
    }
}

fn decode(text: &str) -> Result<String, Problem> {
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded = decoded.ok().filter(|text| !text.contains(char::is_control));
    decoded.map(String::from).ok_or_else(|| {
        let remedy = "write other characters than letters and digits as %XX";
        Problem::fixed("has text that is not UTF-8, or a control character", remedy)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_parts() {
        let mut url = LogUrl::parse("u%40x:p%3Aw@a:1,b/na%20me?group=g%26h&n=7").unwrap();
        assert_eq!(url.user.as_deref(), Some("u@x"));
        assert_eq!(url.password, Some(Secret("p:w".to_owned())));
        assert_eq!(format!("{:?}", url.password), "Some(Secret)");
        assert_eq!((&*url.authority, &*url.name), ("a:1,b", "na me"));
        assert_eq!(url.take("group").as_deref(), Some("g&h"));
        assert!(url.take_number("n", 8).is_err());
        assert!(url.rest().is_empty());
        for text in ["a/b?c", "a/%ff", "a/%00"] {
            assert!(LogUrl::parse(text).is_err(), "{text}");
        }
    }
}
