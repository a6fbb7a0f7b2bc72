//! Where a request ends, and whether another may follow it, by its headers.

use ureq_proto::http::{header, HeaderMap, Version};

use super::message::RequestHead;

/// Whether a body follows the head.
pub(super) fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(header::CONTENT_LENGTH) || headers.contains_key(header::TRANSFER_ENCODING)
}

pub(super) fn content_length(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(header::CONTENT_LENGTH)?.to_str().ok()?;
    length.trim().parse().ok()
}

/// Whether a proxy in between may see another end of the body than this server does, so that what one
/// takes for a body is a request to the other (request smuggling).
pub(super) fn is_ambiguous(head: &RequestHead) -> bool {
    let mut encodings = head.headers.get_all(header::TRANSFER_ENCODING).iter();
    match (encodings.next(), encodings.next()) {
        (None, _) => head.headers.get_all(header::CONTENT_LENGTH).iter().count() > 1,
        (Some(encoding), None) => {
            !encoding.as_bytes().eq_ignore_ascii_case(b"chunked")
                || head.version != Version::HTTP_11
                || head.headers.contains_key(header::CONTENT_LENGTH)
        }
        (Some(_), Some(_)) => true,
    }
}

/// Whether the client ends the connection after the response.
pub(super) fn wants_close(head: &RequestHead) -> bool {
    let values = head.headers.get_all(header::CONNECTION).iter();
    let mut values = values.filter_map(|value| value.to_str().ok());
    head.version == Version::HTTP_10
        || values.any(|value| value.to_ascii_lowercase().contains("close"))
}
