//! A stream of Redis or Valkey: its address with all that is written there, also what is secret.

use std::path::PathBuf;
use std::time::Duration;

use super::host::{host_and_port, Usual};
use super::log_url::{LogUrl, LogUse, Secret};
use super::Endpoint;
use crate::error::Problem;

const PLAIN: &str = "redis://";
const TLS: &str = "rediss://";

/// Redis's own default.
const PORT: &str = "6379";

const USUAL: Usual = Usual {
    scheme: PLAIN,
    host: "localhost",
    port: PORT,
};

const FORM: &str = "write redis://host:6379/stream?group=NAME";

/// A stream, the way to it, and how it is read or written.
#[derive(Clone, Debug)]
pub(crate) struct RedisAddress {
    pub tls: bool,
    pub host: String,
    pub port: u16,
    pub user: Option<String>,
    pub password: Option<Secret>,
    pub password_file: Option<PathBuf>,
    pub ca: Option<PathBuf>,
    /// The client's certificate and key.
    pub identity: Option<(PathBuf, PathBuf)>,
    pub database: u32,
    pub stream: String,
    pub group: Option<String>,
    /// The name in the group; None for that of the machine.
    pub consumer: Option<String>,
    /// Whether what the stream holds already is left out.
    pub only_new: bool,
    /// How long a reader shows no sign of life before others take over what it was given.
    pub claim: Duration,
    /// About how many entries the stream is to keep.
    #[cfg(feature = "relay")]
    pub maxlen: Option<u64>,
}

/// Whether the text has the scheme of a stream.
#[cfg(feature = "relay")]
pub(crate) fn is_redis(text: &str) -> bool {
    text.starts_with(PLAIN) || text.starts_with(TLS)
}

impl RedisAddress {
    /// Of `redis://…` or `rediss://…`.
    pub(crate) fn parse(text: &str, purpose: LogUse) -> Result<RedisAddress, Problem> {
        let (tls, rest) = match (text.strip_prefix(PLAIN), text.strip_prefix(TLS)) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) => return Err(Problem::fixed("is no address of a stream", FORM)),
        };
        let mut url = LogUrl::parse(rest)?;
        let authority = match has_port(&url.authority) {
            true => url.authority.clone(),
            false => format!("{}:{PORT}", url.authority.trim_end_matches(':')),
        };
        let (host, port) = host_and_port(&authority, 1, &USUAL)?;
        let database = url.take_number("db", 0)?.unwrap_or_default();
        let identity = match (url.take_path("cert"), url.take_path("key")) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            _ => return Err(Problem::fixed("has one of cert and key", "give both")),
        };
        let mut address = RedisAddress {
            tls,
            host,
            port,
            user: url.user.take(),
            password: url.password.take(),
            password_file: url.take_path("password-file"),
            ca: url.take_path("ca"),
            identity,
            database: u32::try_from(database).unwrap_or(u32::MAX),
            stream: std::mem::take(&mut url.name),
            group: None,
            consumer: None,
            only_new: false,
            claim: Duration::from_secs(60),
            #[cfg(feature = "relay")]
            maxlen: None,
        };
        let known = match purpose {
            LogUse::Read => {
                address.reading(&mut url)?;
                "db, group, consumer, start, claim, password-file, ca, cert and key"
            }
            #[cfg(feature = "relay")]
            LogUse::Write => {
                address.maxlen = url.take_number("maxlen", 1)?;
                "db, maxlen, password-file, ca, cert and key"
            }
        };
        if let Some((option, _)) = url.rest().first() {
            let problem = format!("has the option {option}, which has no effect here");
            return Err((problem, format!("leave it out; there are {known}")).into());
        }
        if address.stream.is_empty() {
            return Err(Problem::fixed("names no stream", FORM));
        }
        if !tls && (address.ca.is_some() || address.identity.is_some()) {
            return Err(Problem::fixed(
                "has certificates, and no TLS",
                "write rediss://",
            ));
        }
        Ok(address)
    }

    fn reading(&mut self, url: &mut LogUrl) -> Result<(), Problem> {
        let named = |name: Option<String>| name.filter(|name| !name.is_empty());
        self.group = named(url.take("group"));
        self.consumer = named(url.take("consumer"));
        self.only_new = match url.take("start").as_deref() {
            None | Some("0") => false,
            Some("$") => true,
            Some(other) => {
                let remedy = "write start=0 for all that the stream holds, start=$ for what is new";
                return Err((format!("has start={other}"), remedy).into());
            }
        };
        if let Some(seconds) = url.take_number("claim", 1)? {
            self.claim = Duration::from_secs(seconds);
        }
        if self.group.is_none() && self.consumer.is_some() {
            let problem = "has a consumer, and no group";
            return Err(Problem::fixed(problem, "give group=NAME"));
        }
        Ok(())
    }

    /// Without what is secret, and what does not tell one stream from another.
    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::Redis {
            tls: self.tls,
            host: self.host.clone(),
            port: self.port,
            database: self.database,
            stream: self.stream.clone(),
            group: self.group.clone(),
        }
    }
}

/// The endpoint of an address that is read.
pub(super) fn endpoint(text: &str) -> Result<Endpoint, Problem> {
    RedisAddress::parse(text, LogUse::Read).map(|address| address.endpoint())
}

fn has_port(authority: &str) -> bool {
    let behind = authority.rsplit(']').next().unwrap_or_default();
    behind.contains(':') && !behind.ends_with(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_shown_without_its_secrets() {
        let text = "rediss://u:hush@r.example/alerts?group=siem&db=2&consumer=a&start=$&claim=5";
        let address = RedisAddress::parse(text, LogUse::Read).unwrap();
        assert_eq!(address.password, Some(Secret("hush".to_owned())));
        assert_eq!(address.claim, Duration::from_secs(5));
        assert!(address.only_new && !format!("{address:?}").contains("hush"));
        let shown = "rediss://r.example:6379/alerts?group=siem&db=2";
        assert_eq!(address.endpoint().to_string(), shown);
        let again: Endpoint = shown.parse().unwrap();
        assert_eq!(again, address.endpoint());

        let odd = RedisAddress::parse("redis://[::1]/a%20b:c/d?group=x%26y", LogUse::Read);
        let odd = odd.unwrap().endpoint();
        assert_eq!(odd.to_string(), "redis://[::1]:6379/a%20b:c/d?group=x%26y");
        assert_eq!(odd.to_string().parse::<Endpoint>().unwrap(), odd);
    }

    #[test]
    fn what_is_wrong_in_an_address_is_named() {
        for (text, part) in [
            ("redis://h", "names no stream"),
            ("redis:///s", "has no host"),
            ("redis://h:x/s", "has the port x"),
            ("redis://h/s?groop=g", "has the option groop"),
            ("redis://h/s?maxlen=5", "has the option maxlen"),
            ("redis://h/s?start=1", "has start=1"),
            ("redis://h/s?claim=0", "has claim=0"),
            ("redis://h/s?consumer=c", "and no group"),
            ("redis://h/s?ca=/ca.crt", "write rediss://"),
            ("rediss://h/s?cert=/c", "give both"),
        ] {
            let problem = RedisAddress::parse(text, LogUse::Read).unwrap_err();
            assert!(problem.to_string().contains(part), "{text}: {problem}");
        }
    }
}
