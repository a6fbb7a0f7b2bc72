//! The values of output fields, in JSON and as gRPC carries them.

use std::borrow::Cow;

use serde_json::value::RawValue;

/// Whether the JSON is a scalar or a list of scalars, equal to `text` where that is known.
pub(super) fn is(json: &str, text: Option<&[u8]>) -> bool {
    if !json.starts_with('[') {
        let same = |value: &str, text: &[u8]| value.as_bytes() == text || is_rounded(json, text);
        return scalar(json).is_some_and(|value| text.is_none_or(|text| same(&value, text)));
    }
    let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(json) else {
        return false;
    };
    let values: Option<Vec<_>> = elements
        .iter()
        .map(|element| scalar(element.get()))
        .collect();
    let same = |values: Vec<_>, text| format!("({})", values.join(",")).as_bytes() == text;
    values.is_some_and(|values| text.is_none_or(|text| same(values, text)))
}

/// The scalar as gRPC carries it. None for another value, or one that not every reader accepts.
fn scalar(json: &str) -> Option<Cow<'_, str>> {
    match json.as_bytes().first()? {
        b'"' if memchr::memchr(b'\\', json.as_bytes()).is_none() => {
            json.get(1..json.len() - 1).map(Cow::from)
        }
        b'"' => serde_json::from_str(json).ok().map(Cow::Owned),
        b'{' | b'[' => None,
        b'n' => Some("<NA>".into()),
        b't' | b'f' => Some(json.into()),
        // Most numbers are: reading one as a double is slow.
        _ if json.len() <= 20 && json.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(json.into())
        }
        _ => number(json).map(|_| json.into()),
    }
}

/// Over gRPC, a number may have fewer digits of a fraction, or leading zeros.
fn is_rounded(json: &str, text: &[u8]) -> bool {
    // A string is no number: the quote makes it fail to parse.
    match (
        number(json),
        std::str::from_utf8(text).ok().and_then(number),
    ) {
        (Some(exact), Some(rounded)) => (exact - rounded).abs() < 1.0,
        _ => false,
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_in_their_form() {
        for (json, text) in [
            (r#""a\u00e9\n""#, "aé\n"),
            (r#""""#, ""),
            ("1795365767284336179", "1795365767284336179"),
            ("18446744073709551615", "18446744073709551615"),
            ("-1", "-1"),
            ("12345", "000012345"),
            ("0.123", "0.1"),
            ("null", "<NA>"),
            ("true", "true"),
            (r#"["a,b","\n",1,null,false]"#, "(a,b,\n,1,<NA>,false)"),
            ("[]", "()"),
        ] {
            assert!(is(json, Some(text.as_bytes())), "{json}");
            assert!(is(json, None), "{json}");
            assert!(!is(json, Some(b"other")), "{json}");
        }
        for (json, text) in [
            (r#""1.0""#, "1"),
            ("1", "2"),
            ("1", ""),
            ("null", "null"),
            ("true", "1"),
            (r#"["a"]"#, "a"),
            (r#"["a"]"#, "(a"),
            (r#"["a","b"]"#, "(a)"),
        ] {
            assert!(!is(json, Some(text.as_bytes())), "{json}");
        }
    }

    #[test]
    fn what_not_every_reader_takes_is_refused() {
        for json in [
            r#""\ud800""#,
            r#"["\udfff"]"#,
            "1e999",
            "{}",
            "[[]]",
            r#"[{"a":1}]"#,
        ] {
            assert!(!is(json, None), "{json}");
        }
    }
}
