//! Requests that post no alert: probes of Kubernetes and load balancers, answered as falcosidekick does,
//! and a test alert.

use jiff::Timestamp;
use ureq_proto::http::{header, Method, StatusCode};

use crate::http::{HttpResponse, RequestHead};

pub(super) const METHODS: &str = "POST, GET, HEAD, OPTIONS";

pub(super) fn is_probe(head: &RequestHead) -> bool {
    answer(head).is_some()
}

/// The response to a probe.
pub(super) fn answer(head: &RequestHead) -> Option<HttpResponse> {
    let text = |text| HttpResponse::text(StatusCode::OK, text);
    match (&head.method, head.uri.path()) {
        // HAProxy's, for any path.
        (&Method::OPTIONS, _) => Some(HttpResponse {
            headers: vec![(header::ALLOW, METHODS)],
            ..HttpResponse::empty(StatusCode::OK)
        }),
        (&Method::GET | &Method::HEAD, "/ping") => Some(text("pong\n")),
        (&Method::GET | &Method::HEAD, "/healthz") => Some(HttpResponse {
            content_type: "application/json",
            ..text("{\"status\": \"ok\"}")
        }),
        (&Method::GET | &Method::HEAD, "/" | "/livez") => Some(text("ok\n")),
        _ => None,
    }
}

/// Whether a request is for a test alert. One that has a body may be an alert.
pub(super) fn wants_test(head: &RequestHead, body: &[u8]) -> bool {
    head.method == Method::POST && head.uri.path() == "/test" && matches!(body, b"" | b"{}")
}

/// Falcosidekick's, with our name.
pub(super) fn test_alert() -> String {
    let time = Timestamp::now();
    let nanos = time.as_nanosecond();
    format!(
        "{{\"hostname\":\"falco-client\",\"output\":\"This is a test from falco-client\",\
         \"output_fields\":{{\"evt.time\":{nanos},\"proc.name\":\"falco-client\",\
         \"user.name\":\"falco-client\"}},\"priority\":\"Debug\",\"rule\":\"Test rule\",\
         \"source\":\"syscall\",\"tags\":[\"test\",\"example\"],\"time\":\"{time:.9}\"}}"
    )
}
