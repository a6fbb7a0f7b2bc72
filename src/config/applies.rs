//! Which option applies to which kind of endpoint.

use super::Config;
use crate::endpoint::Endpoint;
use crate::error::{Error, Result};

/// A kind of endpoint: a column of the table below.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Column {
    Unix,
    Tcp,
    Http,
    Https,
    File,
    Stdin,
}

const COLUMNS: [Column; 6] = [
    Column::Unix,
    Column::Tcp,
    Column::Http,
    Column::Https,
    Column::File,
    Column::Stdin,
];

impl Column {
    fn of(endpoint: &Endpoint) -> Column {
        match endpoint {
            Endpoint::Unix(_) => Column::Unix,
            Endpoint::Tcp { .. } => Column::Tcp,
            Endpoint::Listen { tls: false, .. } => Column::Http,
            Endpoint::Listen { tls: true, .. } => Column::Https,
            Endpoint::File(_) => Column::File,
            Endpoint::Stdin => Column::Stdin,
        }
    }

    /// Its form, as a remedy shows it.
    fn form(self) -> &'static str {
        match self {
            Column::Unix => "unix:///path",
            Column::Tcp => "host:port",
            Column::Http => "listen+http://ADDR:PORT",
            Column::Https => "listen+https://ADDR:PORT",
            Column::File => "file:///path",
            Column::Stdin => "-",
        }
    }
}

/// An option, whether it is given, and for each of the [`COLUMNS`] whether it applies to that.
struct Row {
    option: &'static str,
    given: bool,
    applies: [bool; COLUMNS.len()],
}

impl Row {
    fn applies_to(&self, kind: Column) -> bool {
        let mut cells = COLUMNS.iter().zip(self.applies);
        cells.any(|(column, applies)| *column == kind && applies)
    }
}

impl Config {
    /// Every option but the endpoint itself.
    fn rows(&self) -> [Row; 14] {
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
            queue_bytes,
            overflow,
            keep_trying,
            request_interval,
            closing_silence,
            stall_timeout,
            channel_args,
        } = self;
        let row = |option, given, applies: [u8; COLUMNS.len()]| Row {
            option,
            given,
            applies: applies.map(|cell| cell == 1),
        };
        #[rustfmt::skip]
        let rows = [
            //                                                        unix tcp http https file -
            row("tls",               tls.is_some(),                   [0,  1,  0,   1,    0,  0]),
            row("plaintext",         *plaintext,                      [0,  1,  0,   0,    0,  0]),
            row("server_name",       server_name.is_some(),           [0,  1,  0,   0,    0,  0]),
            row("connect_timeout",   connect_timeout.is_given(),      [1,  1,  0,   0,    0,  0]),
            row("call_timeout",      call_timeout.is_given(),         [1,  1,  1,   1,    0,  0]),
            row("max_message_bytes", max_message_bytes.is_some(),     [1,  1,  1,   1,    1,  1]),
            row("max_connections",   max_connections.is_given(),      [0,  0,  1,   1,    0,  0]),
            row("queue_bytes",       queue_bytes.is_given(),          [1,  1,  1,   1,    1,  1]),
            row("overflow",          overflow.is_given(),             [1,  1,  1,   1,    1,  1]),
            row("keep_trying",       *keep_trying,                    [1,  1,  0,   0,    0,  0]),
            row("request_interval",  request_interval.is_given(),     [1,  1,  0,   0,    1,  0]),
            row("closing_silence",   closing_silence.is_given(),      [1,  1,  0,   0,    0,  1]),
            row("stall_timeout",     stall_timeout.is_given(),        [1,  1,  0,   0,    0,  0]),
            row("channel_arg",       !channel_args.is_empty(),        [1,  1,  0,   0,    0,  0]),
        ];
        rows
    }

    /// Refuses an option that is given and has no effect on this endpoint.
    pub(super) fn check_effects(&self, endpoint: &Endpoint) -> Result<()> {
        let kind = Column::of(endpoint);
        let rows = self.rows();
        let idle = rows.iter().find(|row| row.given && !row.applies_to(kind));
        let Some(idle) = idle else {
            return Ok(());
        };
        let forms: Vec<_> = COLUMNS
            .into_iter()
            .filter(|kind| idle.applies_to(*kind))
            .map(Column::form)
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
    use crate::tls::Tls;

    /// An endpoint of each kind.
    const ENDPOINTS: [(Column, &str); 6] = [
        (Column::Unix, "unix:///run/falco/falco.sock"),
        (Column::Tcp, "localhost:5060"),
        (Column::Http, "listen+http://127.0.0.1:0"),
        (Column::Https, "listen+https://127.0.0.1:0"),
        (Column::File, "file:///var/log/falco.log"),
        (Column::Stdin, "-"),
    ];

    type Give = fn(Config) -> Config;

    /// Each option given, by its name.
    fn given() -> [(&'static str, Give); 14] {
        const SECOND: Duration = Duration::from_secs(1);
        [
            ("tls", |it| it.tls(Tls::from_pem("ca", "cert", "key"))),
            ("plaintext", |it| it.plaintext(true)),
            ("server_name", |it| it.server_name("falco")),
            ("connect_timeout", |it| it.connect_timeout(SECOND)),
            ("call_timeout", |it| it.call_timeout(SECOND)),
            ("max_message_bytes", |it| it.max_message_bytes(1)),
            ("max_connections", |it| it.max_connections(1)),
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

    /// The kinds that the table in the documentation of `Config` marks for an option.
    fn documented(option: &str) -> Vec<Column> {
        let start = format!("/// | [`{option}`](");
        let source = include_str!("mod.rs");
        let line = source.lines().find(|line| line.starts_with(&start));
        let line = line.unwrap_or_else(|| panic!("{option} is not in the documentation's table"));
        let cells = line.trim_end_matches('|').split('|').skip(2);
        let marks: Vec<_> = cells.map(|cell| cell.trim() == "yes").collect();
        assert_eq!(marks.len(), COLUMNS.len(), "{line}");
        let marked = COLUMNS.into_iter().zip(marks);
        marked.filter_map(|(kind, is)| is.then_some(kind)).collect()
    }

    #[test]
    fn every_row_has_its_endpoint_and_its_line_in_the_documentation() {
        for (kind, text) in ENDPOINTS {
            assert_eq!(Column::of(&text.parse().unwrap()), kind);
        }
        let config = Config::default();
        for (row, (option, _)) in config.rows().iter().zip(given()) {
            assert_eq!(row.option, option);
            let kinds: Vec<_> = COLUMNS
                .into_iter()
                .filter(|kind| row.applies_to(*kind))
                .collect();
            assert_eq!(documented(option), kinds, "{option}");
        }
    }

    #[test]
    fn an_option_without_effect_is_refused_by_its_name_and_the_endpoint() {
        for (option, give) in given() {
            for (kind, text) in ENDPOINTS {
                let endpoint = text.parse().unwrap();
                assert!(Config::new(text).check_effects(&endpoint).is_ok());
                let config = give(Config::new(text));
                let applies = documented(option).contains(&kind);
                match config.check_effects(&endpoint) {
                    Ok(()) => assert!(applies, "{option} on {text}"),
                    Err(error) => {
                        let shown = error.to_string();
                        assert!(!applies, "{shown}");
                        let start = format!("{option}: has no effect on {text}; leave it out");
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
