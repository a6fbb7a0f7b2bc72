//! Which requests may post alerts.

use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;
use ureq_proto::http::{header, HeaderValue, StatusCode};

use crate::config::{Config, Token};
use crate::http::{HttpResponse, Rejection, RequestHead};

/// The kind of requests without the token, by which they are counted.
pub(super) const UNAUTHORIZED: &str = "requests without the token";

/// What else may refuse a request that posts alerts, by its head.
pub(crate) trait PostGuard: Send + Sync {
    /// Called with each one that may post.
    fn check(&self, head: &RequestHead) -> Result<(), Rejection>;
}

/// Whom a port takes alerts from.
pub(super) struct PostAdmission {
    token: Option<Token>,
    origins: Vec<String>,
}

impl PostAdmission {
    pub(super) fn of(config: &Config) -> PostAdmission {
        PostAdmission {
            token: config.token.clone(),
            origins: config.allowed_origins.clone(),
        }
    }

    pub(super) fn check(&self, head: &RequestHead) -> Result<(), Rejection> {
        if let Some(token) = &self.token {
            let mut given = head
                .headers
                .get_all(header::AUTHORIZATION)
                .iter()
                .peekable();
            let reason = match given.peek() {
                None => "it has no token",
                Some(_) => "its token is another",
            };
            if !given.any(|given| is_token(token, given)) {
                return Err(unauthorized(reason));
            }
        }
        let mut origins = head.headers.get_all(header::ORIGIN).iter();
        let is_allowed = |origin: &HeaderValue| {
            let origin = origin.as_bytes();
            let mut allowed = self.origins.iter();
            allowed.any(|allowed| allowed.as_bytes().eq_ignore_ascii_case(origin))
        };
        match origins.all(is_allowed) {
            true => Ok(()),
            false => Err(of_a_web_page(head)),
        }
    }
}

/// As a bearer's, or as the password of basic authentication, which an address has behind the user.
fn is_token(token: &Token, header: &HeaderValue) -> bool {
    let mut parts = header.as_bytes().splitn(2, |&byte| byte == b' ');
    let (scheme, value) = (parts.next(), parts.next().unwrap_or_default().trim_ascii());
    match scheme {
        Some(scheme) if scheme.eq_ignore_ascii_case(b"bearer") => token.is(value),
        Some(scheme) if scheme.eq_ignore_ascii_case(b"basic") => {
            let Ok(pair) = STANDARD.decode(value) else {
                return false;
            };
            let colon = pair.iter().position(|&byte| byte == b':');
            let password = colon.and_then(|colon| pair.get(colon + 1..));
            password.is_some_and(|password| token.is(password))
        }
        _ => false,
    }
}

fn unauthorized(reason: &str) -> Rejection {
    let text =
        "this port needs a token: Authorization: Bearer TOKEN, or http://falco:TOKEN@host:port/\n";
    Rejection {
        kind: UNAUTHORIZED,
        reason: reason.to_owned(),
        response: HttpResponse {
            headers: vec![(
                header::WWW_AUTHENTICATE,
                "Basic realm=\"falco-client\", Bearer realm=\"falco-client\"",
            )],
            ..HttpResponse::text(StatusCode::UNAUTHORIZED, text)
        },
    }
}

/// Of a page on any site, which may post to a port of the machine that its reader sits at.
fn of_a_web_page(head: &RequestHead) -> Rejection {
    let text = "requests with the header Origin come from web pages, and are not served\n";
    Rejection {
        kind: "requests of web pages",
        reason: format!(
            "{} has the header Origin, as a web page sends it that allow_origin does not name",
            head.method
        ),
        response: HttpResponse::text(StatusCode::FORBIDDEN, text),
    }
}
