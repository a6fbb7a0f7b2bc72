//! Which option applies to which kind of endpoint.

use super::Config;
use crate::endpoint::{Endpoint, EndpointKind, TlsUse};
use crate::error::{Error, Result};

/// An option, whether it is given, and to which kinds it applies.
struct Row {
    option: &'static str,
    given: bool,
    applies: fn(EndpointKind) -> bool,
}

impl Config {
    /// Every option but the endpoint itself.
    fn rows(&self) -> [Row; 17] {
        // Each field by its name, so that none is forgotten.
        let Config {
            endpoint: _,
            tls,
            plaintext,
            server_name,
            connect_timeout,
            call_timeout,
            max_message_bytes,
            max_connections,
            token,
            allowed_origins,
            resume,
            queue_bytes,
            overflow,
            keep_trying,
            request_interval,
            closing_silence,
            stall_timeout,
            channel_args,
        } = self;
        let row = |option, given, applies| Row {
            option,
            given,
            applies,
        };
        let grpc = EndpointKind::is_grpc;
        let http = EndpointKind::is_http;
        let all = |_| true;
        let mutual = |kind: EndpointKind| kind.tls() == TlsUse::Mutual;
        let connects = |kind: EndpointKind| kind.is_grpc() || kind.is_log();
        [
            row("tls", tls.is_some(), EndpointKind::has_tls),
            row("plaintext", *plaintext, mutual),
            row("server_name", server_name.is_some(), mutual),
            row("connect_timeout", connect_timeout.is_given(), connects),
            row("call_timeout", call_timeout.is_given(), |kind| {
                kind.is_grpc() || kind.is_http() || kind.is_log()
            }),
            row("max_message_bytes", max_message_bytes.is_some(), all),
            row("max_connections", max_connections.is_given(), http),
            row("token", token.is_some(), http),
            row("allow_origin", !allowed_origins.is_empty(), http),
            row("resume", resume.is_some(), |kind| {
                kind == EndpointKind::File
            }),
            row("queue_bytes", queue_bytes.is_given(), all),
            row("overflow", overflow.is_given(), all),
            row("keep_trying", *keep_trying, connects),
            row("request_interval", request_interval.is_given(), |kind| {
                kind.is_grpc() || kind == EndpointKind::File
            }),
            row("closing_silence", closing_silence.is_given(), |kind| {
                kind.is_grpc() || kind == EndpointKind::Stdin
            }),
            row("stall_timeout", stall_timeout.is_given(), grpc),
            row("channel_arg", !channel_args.is_empty(), grpc),
        ]
    }

    /// Refuses an option that is given and has no effect on this endpoint.
    pub(super) fn check_effects(&self, endpoint: &Endpoint) -> Result<()> {
        let kind = EndpointKind::of(endpoint);
        let rows = self.rows();
        let idle = rows.iter().find(|row| row.given && !(row.applies)(kind));
        let Some(idle) = idle else {
            return Ok(());
        };
        let forms: Vec<_> = EndpointKind::ALL
            .iter()
            .filter(|kind| (idle.applies)(**kind))
            .map(|kind| kind.form())
            .collect();
        let problem = format!("has no effect on {endpoint}");
        let remedy = format!("leave it out, it applies to {}", forms.join(", "));
        Err(Error::config(idle.option, (problem, remedy)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::time::Duration;

    use crate::config::Overflow;
    use crate::endpoint::Family;
    use crate::tls::Tls;

    type Give = fn(Config) -> Config;

    /// Each option given, by its name.
    fn given() -> [(&'static str, Give); 17] {
        const SECOND: Duration = Duration::from_secs(1);
        [
            ("tls", |it| it.tls(Tls::from_pem("ca", "cert", "key"))),
            ("plaintext", |it| it.plaintext(true)),
            ("server_name", |it| it.server_name("falco")),
            ("connect_timeout", |it| it.connect_timeout(SECOND)),
            ("call_timeout", |it| it.call_timeout(SECOND)),
            ("max_message_bytes", |it| it.max_message_bytes(1)),
            ("max_connections", |it| it.max_connections(1)),
            ("token", |it| it.token("hush")),
            ("allow_origin", |it| it.allow_origin("https://a.example")),
            ("resume", |it| it.resume("1:2:3:4:5:3:6".parse().unwrap())),
            ("queue_bytes", |it| it.queue_bytes(1)),
            ("overflow", |it| it.overflow(Overflow::DropOldest)),
            ("keep_trying", |it| it.keep_trying(true)),
            ("request_interval", |it| {
                it.request_interval(SECOND..=SECOND)
            }),
            ("closing_silence", |it| it.closing_silence(SECOND)),
            ("stall_timeout", |it| it.stall_timeout(SECOND)),
            ("channel_arg", |it| it.channel_arg("a", 1)),
        ]
    }

    /// The cells of a line of the table in the documentation of `Config`.
    fn cells(first: &str) -> impl Iterator<Item = &'static str> {
        let start = format!("/// | {first}");
        let line = include_str!("mod.rs")
            .lines()
            .find(|line| line.starts_with(&start));
        let line = line.unwrap_or_else(|| panic!("{first} is not in the documentation's table"));
        line.trim_end_matches('|').split('|').skip(2).map(str::trim)
    }

    /// The column of a kind.
    fn column(kind: EndpointKind) -> &'static str {
        match (kind.family(), kind.has_tls()) {
            (Family::Grpc, false) => "unix",
            (Family::Grpc, true) => "TCP",
            (Family::Http, false) => "HTTP",
            (Family::Http, true) => "HTTPS",
            (Family::File, _) => "file",
            (Family::Stdin, _) => "stdin",
            (Family::Log, _) => "log",
        }
    }

    /// The kinds that the table marks for an option.
    fn documented(option: &str) -> Vec<EndpointKind> {
        let marks: Vec<_> = cells("option |")
            .zip(cells(&format!("[`{option}`](")))
            .collect();
        let is_marked = |kind: &EndpointKind| {
            let mark = marks.iter().find(|(name, _)| *name == column(*kind));
            mark.unwrap_or_else(|| panic!("no column {}", column(*kind)))
                .1
                == "yes"
        };
        EndpointKind::ALL
            .iter()
            .copied()
            .filter(is_marked)
            .collect()
    }

    #[test]
    fn every_row_has_its_line_in_the_documentation() {
        let config = Config::default();
        for (row, (option, _)) in config.rows().iter().zip(given()) {
            assert_eq!(row.option, option);
            let kinds: Vec<_> = EndpointKind::ALL
                .iter()
                .copied()
                .filter(|kind| (row.applies)(*kind))
                .collect();
            assert_eq!(documented(option), kinds, "{option}");
        }
    }

    #[test]
    fn an_option_without_effect_is_refused_by_its_name_and_the_endpoint() {
        for (option, give) in given() {
            for kind in EndpointKind::ALL {
                let text = kind.example();
                let endpoint = text.parse().unwrap();
                assert!(Config::new(&text).check_effects(&endpoint).is_ok());
                let config = give(Config::new(&text));
                let applies = documented(option).contains(kind);
                match config.check_effects(&endpoint) {
                    Ok(()) => assert!(applies, "{option} on {text}"),
                    Err(error) => {
                        let shown = error.to_string();
                        assert!(!applies, "{shown}");
                        let start = format!("{option}: has no effect on {endpoint}; leave it out");
                        assert!(shown.starts_with(&start), "{shown}");
                        assert!(config.check_options().is_err(), "{shown}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_off_is_not_given() {
        let config = Config::new("-").plaintext(false).keep_trying(false);
        assert!(config.check().is_ok());
    }
}
