//! Entries of a stream and fields of a report, out of the answers that have them.

use redis::Value;

/// The field of an entry that has an alert, as the sink writes it.
pub(crate) const FIELD: &str = "alert";

/// An entry of a stream.
pub(crate) struct StreamEntry {
    pub id: String,
    /// Its fields and their values. None where it was deleted.
    pub fields: Option<Vec<(Vec<u8>, Vec<u8>)>>,
}

impl StreamEntry {
    /// Of an array of entries; what is none is left out.
    pub(crate) fn all(value: Value) -> Vec<StreamEntry> {
        items(value)
            .into_iter()
            .filter_map(StreamEntry::read)
            .collect()
    }

    /// Of the answer to a read of one stream.
    pub(crate) fn of_read(value: Value) -> Vec<StreamEntry> {
        // One stream was asked for: its name and its entries.
        let stream = items(value).into_iter().next().map(items);
        StreamEntry::all(
            stream
                .and_then(|mut stream| stream.pop())
                .unwrap_or_default(),
        )
    }

    fn read(value: Value) -> Option<StreamEntry> {
        let mut parts = items(value).into_iter();
        let id = text_of(&parts.next()?)?;
        let fields = match parts.next()? {
            Value::Nil => None,
            fields => {
                let mut fields = items(fields).into_iter().filter_map(bytes);
                let pair = || Some((fields.next()?, fields.next()?));
                Some(std::iter::from_fn(pair).collect())
            }
        };
        Some(StreamEntry { id, fields })
    }

    /// The alert: the value of the sink's field, or of others the first that may be JSON.
    pub(crate) fn alert(fields: Vec<(Vec<u8>, Vec<u8>)>) -> Option<Vec<u8>> {
        let is_json = |value: &[u8]| value.trim_ascii_start().first() == Some(&b'{');
        let place = fields
            .iter()
            .position(|(name, _)| name == FIELD.as_bytes())
            .or_else(|| fields.iter().position(|(_, value)| is_json(value)));
        fields.into_iter().nth(place?).map(|(_, value)| value)
    }
}

pub(crate) fn items(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

fn bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.into_bytes()),
        _ => None,
    }
}

pub(crate) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Value::SimpleString(text) => Some(text.clone()),
        Value::Int(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The value of a field in a report, which is a list of names and values.
pub(crate) fn field_of(report: &Value, name: &str) -> Option<String> {
    let Value::Array(items) = report else {
        return None;
    };
    let mut pairs = items.chunks_exact(2);
    pairs.find_map(|pair| match pair {
        [key, value] if text_of(key).as_deref() == Some(name) => text_of(value),
        _ => None,
    })
}
