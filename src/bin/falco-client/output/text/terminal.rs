//! The text form on a terminal: a heading of time, priority, rule and place, and below it the output,
//! wrapped and without what the heading has.

use std::io::{self, Write};

use falco_client::Alert;
use jiff::tz::TimeZone;
use jiff::Timestamp;

use super::line;
use super::message::{output, without_prefix};
use super::wrap::Wrapped;
use crate::escape::Escaped;
use crate::output::{colour_is_welcome, columns, Style};

/// Lines below the heading.
const LINES: usize = 8;

/// No screen has room for more of one alert. A multiple of what [`LINES`] hold, since marks of no width
/// take no room.
const LONGEST: usize = 8192;

/// As wide as the longest priority.
const PRIORITY: usize = 13;

/// As wide as a time, so that the output begins below the priority.
const INDENT: usize = 9;

/// How alerts are shown on this terminal.
pub struct Screen {
    coloured: bool,
    utc: bool,
    zone: TimeZone,
}

impl Screen {
    /// Times are short and local, or whole and UTC.
    pub fn new(utc: bool) -> Screen {
        Screen {
            coloured: colour_is_welcome(),
            utc,
            zone: TimeZone::system(),
        }
    }

    pub fn write(&self, alert: &Alert, to: &mut impl Write) -> io::Result<()> {
        self.write_at(alert, Timestamp::now(), columns(), to)
    }

    fn write_at(
        &self,
        alert: &Alert,
        now: Timestamp,
        width: usize,
        to: &mut impl Write,
    ) -> io::Result<()> {
        let priority = alert.priority();
        let mut to = Wrapped::new(to, self.coloured, width, INDENT);
        to.raw(&self.time(alert, now), Style::Faint)?;
        to.raw(" ", Style::Plain)?;
        to.raw(&priority.to_string(), Style::Priority(priority))?;
        to.raw(
            &" ".repeat(PRIORITY.saturating_sub(priority.to_string().len())),
            Style::Plain,
        )?;
        for word in words(&escaped(alert.rule(), LONGEST / 8).0) {
            to.word(word, Style::Strong)?;
        }
        let place = Place::of(alert);
        for (text, style) in place.shown() {
            to.pair("· ", &text, style)?;
        }

        let text = output(alert);
        let (text, rest) = escaped(without_prefix(&text, priority), LONGEST);
        let mut words = words(&text).filter(|word| !place.has(word)).peekable();
        if words.peek().is_some() {
            to.begin(LINES)?;
        }
        let mut fields = false;
        for word in words {
            // Falco's rules put it between the sentence and the fields.
            if word == "|" && !std::mem::replace(&mut fields, true) {
                to.end_line();
                continue;
            }
            let (key, value) = pair(word);
            to.pair(key, value, Style::Plain)?;
        }
        to.leave_out(rest);
        to.end()
    }

    fn time(&self, alert: &Alert, now: Timestamp) -> String {
        match Timestamp::new(alert.seconds(), alert.nanos()) {
            Ok(time) if !self.utc => {
                let (time, now) = (
                    time.to_zoned(self.zone.clone()),
                    now.to_zoned(self.zone.clone()),
                );
                let form = match (time.date() == now.date(), time.year() == now.year()) {
                    (true, _) => "%H:%M:%S",
                    (false, true) => "%b %d %H:%M:%S",
                    (false, false) => "%Y-%m-%d %H:%M:%S",
                };
                time.strftime(form).to_string()
            }
            _ => line::time(alert),
        }
    }
}

/// At most so many characters of a text, made harmless, and how many more it has.
fn escaped(text: &str, most: usize) -> (String, usize) {
    match text.char_indices().nth(most) {
        None => (Escaped(text).to_string(), 0),
        Some((at, _)) => (Escaped(&text[..at]).to_string(), text[at..].chars().count()),
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty())
}

/// The name of a field with its sign, as rules write it, and the value.
fn pair(word: &str) -> (&str, &str) {
    let name = |byte: u8| byte.is_ascii_alphanumeric() || b"_.[]-".contains(&byte);
    match word.find('=') {
        Some(at @ 1..=40) if word.as_bytes()[..at].iter().copied().all(name) => {
            word.split_at(at + 1)
        }
        _ => ("", word),
    }
}

/// Where it happened.
#[derive(Default)]
struct Place {
    container: String,
    image: String,
    pod: String,
    host: String,
    /// What an output repeats of it, `name=value`.
    repeated: Vec<String>,
}

/// The fields that the heading shows, and their usual names in the text.
const SHOWN: [(&str, &str); 5] = [
    ("container.name", "container_name"),
    ("container.image.repository", "container_image_repository"),
    ("container.image.tag", "container_image_tag"),
    ("k8s.pod.name", "k8s_pod_name"),
    ("k8s.ns.name", "k8s_ns_name"),
];

impl Place {
    fn of(alert: &Alert) -> Place {
        let field = |name: &str| {
            let value = alert.field(name).unwrap_or_default();
            let value = escaped(value, 256).0;
            match value.as_str() {
                "<NA>" | "host" => String::new(),
                _ => value,
            }
        };
        let [name, repository, tag, pod, namespace] = SHOWN.map(|(name, _)| field(name));
        let short = repository.rsplit('/').next().unwrap_or_default();
        let image = match tag.as_str() {
            "" => short.to_owned(),
            tag => format!("{short}:{tag}"),
        };
        let repeated = SHOWN
            .iter()
            .zip([&name, &repository, &tag, &pod, &namespace])
            .filter(|(_, value)| !value.is_empty())
            .map(|((_, label), value)| format!("{label}={value}"))
            .collect();
        Place {
            container: match name.is_empty() {
                true => field("container.id"),
                false => name,
            },
            image,
            pod: match (namespace.as_str(), pod.as_str()) {
                ("", pod) => pod.to_owned(),
                (namespace, "") => namespace.to_owned(),
                (namespace, pod) => format!("{namespace}/{pod}"),
            },
            host: escaped(alert.hostname(), 256).0,
            repeated,
        }
    }

    fn shown(&self) -> Vec<(String, Style)> {
        let container = match (self.container.as_str(), self.image.as_str()) {
            (name, "") => name.to_owned(),
            ("", image) => image.to_owned(),
            (name, image) => format!("{name} ({image})"),
        };
        let all = [
            (container, Style::Place),
            (self.pod.clone(), Style::Faint),
            (self.host.clone(), Style::Faint),
        ];
        all.into_iter()
            .filter(|(text, _)| !text.is_empty())
            .collect()
    }

    /// Whether a word of the output says what the heading says, or nothing.
    fn has(&self, word: &str) -> bool {
        match word.strip_suffix("=<NA>") {
            Some(name) => !pair(word).0.is_empty() && !name.is_empty(),
            None => self.repeated.iter().any(|repeated| repeated == word),
        }
    }
}

#[cfg(test)]
mod tests {
    use falco_client::Priority;
    use unicode_width::UnicodeWidthStr as _;

    use super::*;

    /// 09:00:00.5 in Berlin.
    const TIME: i64 = 1_795_593_600;

    fn screen(coloured: bool, utc: bool) -> Screen {
        let zone = jiff::tz::Offset::constant(1).to_time_zone();
        Screen {
            coloured,
            utc,
            zone,
        }
    }

    fn shown_by(screen: &Screen, alert: &Alert, seconds_later: i64, width: usize) -> String {
        let mut bytes = Vec::new();
        let now = Timestamp::from_second(TIME + seconds_later).unwrap();
        screen.write_at(alert, now, width, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    fn shown(alert: &Alert, width: usize) -> String {
        shown_by(&screen(false, false), alert, 60, width)
    }

    fn shell() -> Alert {
        let line = format!(
            r#"{{"hostname":"node-1","output":"08:00:00.5: Notice A shell was spawned | user=root cmd=sh -i parent=<NA> container_name=shop k8s_ns_name=pay","output_fields":{{"container.id":"5f1e8a1c7d03","container.name":"shop","container.image.repository":"docker.io/library/nginx","container.image.tag":"1.27","k8s.ns.name":"pay","k8s.pod.name":null}},"priority":"Notice","rule":"Terminal shell in container","source":"syscall","time":"{}"}}"#,
            Timestamp::from_second(TIME).unwrap()
        );
        Alert::from_json(&line).unwrap()
    }

    #[test]
    fn a_heading_and_what_it_does_not_have() {
        assert_eq!(
            shown(&shell(), 100),
            "09:00:00 Notice        Terminal shell in container · shop (nginx:1.27) · pay · node-1\n\
             \x20        A shell was spawned\n\
             \x20        user=root cmd=sh -i\n"
        );
        assert_eq!(
            shown(&shell(), 60),
            "09:00:00 Notice        Terminal shell in container\n\
             \x20        · shop (nginx:1.27) · pay · node-1\n\
             \x20        A shell was spawned\n\
             \x20        user=root cmd=sh -i\n"
        );
    }

    #[test]
    fn times_are_short_and_have_a_date_on_another_day() {
        let begin = |screen: &Screen, later| {
            let shown = shown_by(screen, &shell(), later, 100);
            shown.split(" Notice").next().unwrap().to_owned()
        };
        assert_eq!(begin(&screen(false, false), 3600), "09:00:00");
        assert_eq!(begin(&screen(false, false), 24 * 3600), "Nov 25 09:00:00");
        assert_eq!(
            begin(&screen(false, false), 90 * 24 * 3600),
            "2026-11-25 09:00:00"
        );
        assert_eq!(
            begin(&screen(false, true), 0),
            "2026-11-25T08:00:00.000000000Z"
        );
    }

    #[test]
    fn rule_priority_and_container_stand_out() {
        let shown = shown_by(&screen(true, false), &shell(), 0, 100);
        for styled in [
            "\x1b[38;5;31mNotice\x1b[0m",
            "\x1b[1mTerminal\x1b[0m",
            "\x1b[38;5;28mshop (nginx:1.27)\x1b[0m",
        ] {
            assert!(shown.contains(styled), "{shown:?}");
        }
    }

    #[test]
    fn a_hostile_alert_is_a_few_harmless_lines_of_the_width() {
        let hostile = "\x1b]0;x\x07\r\n09:00:00 Notice forged\u{2028}\u{202e}\u{9b}2J 語\u{301}";
        let alert = Alert::builder()
            .without_time()
            .priority(Priority::Emergency)
            .rule(hostile.repeat(3))
            .hostname(hostile.repeat(9))
            .field("container.name", hostile.repeat(9))
            .field("k8s.pod.name", "x".repeat(1 << 20))
            .output(hostile.repeat(9999));
        for alert in [alert.build(), alert.output("x".repeat(1 << 20)).build()] {
            for width in [40, 80, 200] {
                let shown = shown(&alert, width);
                assert!(
                    shown.lines().all(|line| line.width() <= width + 12),
                    "{shown}"
                );
                assert!(shown.lines().count() <= 30, "{shown}");
                let harmless = |char: char| char == '\n' || !char.is_control();
                assert!(shown.chars().all(harmless), "{shown:?}");
                assert!(!shown.contains(['\u{2028}', '\u{202e}']), "{shown:?}");
                assert!(shown.contains("…+"), "{shown}");
            }
        }
    }
}
