//! Where a JSON object ends, found without reading it.

/// How far into an object a scan is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Scan {
    depth: u64,
    in_string: bool,
    escaped: bool,
}

impl Scan {
    /// Goes on through `text`. Where the object ends in it, if it does.
    pub(super) fn run(&mut self, text: &[u8]) -> Option<usize> {
        for (place, &byte) in text.iter().enumerate() {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(place + 1);
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// Whether it is within a string, which has no line break in it.
    pub(super) fn is_in_string(self) -> bool {
        self.in_string
    }
}

/// The keys of Falco's JSON, and `uuid` of falcosidekick's.
const KEYS: [&[u8]; 10] = [
    b"hostname",
    b"output",
    b"message",
    b"output_fields",
    b"priority",
    b"rule",
    b"source",
    b"tags",
    b"time",
    b"uuid",
];

/// Whether an object's first key is one of Falco's, as far as it is there.
pub(super) fn begins_like_an_alert(text: &[u8]) -> bool {
    let Some(rest) = text.trim_ascii_start().strip_prefix(b"{") else {
        return false;
    };
    let Some(key) = rest.trim_ascii_start().strip_prefix(b"\"") else {
        return false;
    };
    match key.iter().position(|&byte| byte == b'"') {
        Some(end) => {
            let (key, rest) = key.split_at_checked(end).unwrap_or((key, &[]));
            let rest = rest.get(1..).unwrap_or_default().trim_ascii_start();
            KEYS.contains(&key) && matches!(rest.first(), None | Some(b':'))
        }
        None => KEYS.iter().any(|name| name.starts_with(key)),
    }
}

/// Whether a text ends as an alert does whose beginning is missing, or is from the midst of one.
pub(super) fn is_like_a_piece(text: &[u8]) -> bool {
    let has = |piece: &[u8]| text.windows(piece.len()).any(|window| window == piece);
    let middles = [
        &b"\",\"output_fields\":{"[..],
        b",\"priority\":\"",
        b",\"rule\":\"",
        b",\"time\":\"",
    ];
    (text.ends_with(b"}") && has(b"\":")) || middles.into_iter().any(has)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_ends_where_its_brackets_do() {
        for (text, end) in [
            (r#"{} x"#, Some(2)),
            (r#"{"a":{"b":[1,{}]}}{"#, Some(18)),
            (r#"{"}":"\"}"} "#, Some(11)),
            (r#"{"a":1"#, None),
            (r#"{"a}"#, None),
        ] {
            assert_eq!(Scan::default().run(text.as_bytes()), end, "{text}");
            // In pieces.
            let mut scan = Scan::default();
            let mut bytes = text.as_bytes().chunks(1);
            let place = bytes.position(|piece| scan.run(piece).is_some());
            assert_eq!(place.map(|place| place + 1), end, "{text}");
        }
        let mut scan = Scan::default();
        scan.run(b"{\"a");
        assert!(scan.is_in_string());
    }

    #[test]
    fn an_alert_is_known_by_its_first_key() {
        for text in [
            "{\"rule\":1",
            " { \"output\" : ",
            "{\"hos",
            "{\"",
            "{\"time\"",
        ] {
            assert!(begins_like_an_alert(text.as_bytes()), "{text}");
        }
        for text in ["", "{", "{}", "{\"log\":", "{\"rules", "{\"rule\",", "rule"] {
            assert!(!begins_like_an_alert(text.as_bytes()), "{text}");
        }
        for text in ["le\":\"x\"}", "r\":1},\"priority\":\"Warn"] {
            assert!(is_like_a_piece(text.as_bytes()), "{text}");
        }
        for text in ["", "}", "some text {}", "output: \"%user.name\""] {
            assert!(!is_like_a_piece(text.as_bytes()), "{text}");
        }
    }
}
