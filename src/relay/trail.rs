//! Finds alerts that come back through other relays, which each would send on for ever.
//!
//! A relay sends each HTTP sink, and each relay that reads it over gRPC, its own id and those that it received
//! itself. One that receives its own refuses the request, or [reads no more](super::upstream). What is sent applies
//! to all alerts of a relay, not to those in a request alone.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Mutex;

use ureq::http::StatusCode;

use crate::http::{HttpResponse, Rejection, RequestHead};
use crate::source::http::PostGuard;
use crate::util::lock::lock;

/// The header that has the ids, separated by commas: first the sender's.
pub(super) const HEADER: &str = "falco-client-relays";

/// How many ids of others are kept and passed on: a header with more would be too large for some servers.
const MOST: usize = 16;

/// How many digits an id has.
const DIGITS: usize = 32;

/// A random number that names a relay as long as it runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct RelayId(u128);

/// The id of a relay, and those of relays that alerts have passed before.
pub(super) struct Trail {
    own: RelayId,
    /// The latest first.
    others: Mutex<VecDeque<RelayId>>,
}

impl RelayId {
    /// From the random keys of a hash map: nothing else is random in each build.
    fn random() -> RelayId {
        let half = || u128::from(RandomState::new().build_hasher().finish());
        RelayId(half() << 64 | half())
    }

    fn parse(text: &[u8]) -> Option<RelayId> {
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != DIGITS || !text.iter().all(is_digit) {
            return None;
        }
        let text = std::str::from_utf8(text).ok()?;
        Some(RelayId(u128::from_str_radix(text, 16).ok()?))
    }
}

impl fmt::Display for RelayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0DIGITS$x}", self.0)
    }
}

impl Trail {
    pub(super) fn new() -> Trail {
        Trail {
            own: RelayId::random(),
            others: Mutex::default(),
        }
    }

    /// The value of the header that a sink is to get now.
    pub(super) fn header(&self) -> String {
        let mut text = self.own.to_string();
        for other in &*lock(&self.others) {
            text.push(',');
            text += &other.to_string();
        }
        text
    }

    /// Keeps the ids of a request. Those that came first are kept longest.
    fn keep(&self, ids: &[RelayId]) {
        let mut others = lock(&self.others);
        for id in ids.iter().take(MOST).rev() {
            others.retain(|other| other != id);
            others.push_front(*id);
        }
        others.truncate(MOST);
    }

    /// Whether its own id is among those that it is told, which it keeps otherwise.
    pub(super) fn comes_back(&self, told: &[u8]) -> bool {
        // Whatever else is there is no reason to lose an alert.
        let ids: Vec<_> = told
            .split(|&byte| byte == b',')
            .filter_map(|text| RelayId::parse(text.trim_ascii()))
            .collect();
        let comes_back = ids.contains(&self.own);
        if !comes_back && !ids.is_empty() {
            self.keep(&ids);
        }
        comes_back
    }

    /// Forgets the ids of others. Those that still count are told again.
    pub(super) fn forget(&self) {
        lock(&self.others).clear();
    }
}

impl PostGuard for Trail {
    fn check(&self, head: &RequestHead) -> Result<(), Rejection> {
        let values = head.headers.get_all(HEADER).iter();
        // A proxy may have made several of one.
        let told: Vec<&[u8]> = values.map(|value| value.as_bytes()).collect();
        match self.comes_back(&told.join(&b',')) {
            true => Err(comes_back()),
            false => Ok(()),
        }
    }
}

fn comes_back() -> Rejection {
    let text =
        "alerts of this relay come back from there: let a relay on the way not send them on\n";
    let reason =
        "it is a relay that gets alerts of this one, which come back and would go round for \
                  ever: let a relay on the way not send them on";
    Rejection {
        kind: "alerts that come back",
        reason: reason.to_owned(),
        response: HttpResponse::text(StatusCode::LOOP_DETECTED, text),
    }
}

#[cfg(test)]
mod tests {
    use ureq::http::Request;

    use super::*;

    fn status(trail: &Trail, values: &[&[u8]]) -> u16 {
        let mut request = Request::post("/");
        for value in values {
            request = request.header(HEADER, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let refused = trail.check(&head).err();
        refused.map_or(200, |rejection| rejection.response.status.as_u16())
    }

    #[test]
    fn a_relay_refuses_what_has_passed_it_through_any_number_of_others() {
        let trails: Vec<_> = (0..4).map(|_| Trail::new()).collect();
        for two in trails.windows(2) {
            assert_eq!(status(&two[1], &[two[0].header().as_bytes()]), 200);
        }
        let last = trails[3].header();
        for trail in &trails {
            assert_eq!(status(trail, &[last.as_bytes()]), 508);
        }
        assert_eq!(status(&Trail::new(), &[last.as_bytes()]), 200);
        // A second header, and spaces, as a proxy may make them.
        let spaced = format!("{}, {}", Trail::new().own, trails[0].own);
        assert_eq!(status(&trails[0], &[b"", spaced.as_bytes()]), 508);
    }

    #[test]
    fn what_is_no_id_is_ignored_and_the_latest_ids_are_kept() {
        let trail = Trail::new();
        let own = trail.own.to_string();
        let longer = format!("{own}0");
        let upper = "A".repeat(DIGITS);
        let sign = format!("+{}", &own[1..]);
        for value in [
            b"".as_slice(),
            b",,,",
            b"\xff\xfe",
            &own.as_bytes()[1..],
            longer.as_bytes(),
            upper.as_bytes(),
            sign.as_bytes(),
            &[b'0'; 8000],
        ] {
            assert_eq!(status(&trail, &[value]), 200);
        }
        assert_eq!(trail.header(), own);

        let id = |number: u128| RelayId(number).to_string();
        let many: Vec<_> = (0..300).map(id).collect();
        assert_eq!(status(&trail, &[many.join(",").as_bytes()]), 200);
        assert_eq!(trail.header(), format!("{own},{}", many[..MOST].join(",")));
        // Twice the same is kept once.
        let (new, old) = (id(1000), id(3));
        assert_eq!(status(&trail, &[new.as_bytes(), old.as_bytes()]), 200);
        let kept = trail.header();
        assert!(kept.starts_with(&format!("{own},{new},{old},")), "{kept}");
        assert_eq!(kept.split(',').count(), 1 + MOST);
        assert_eq!(kept.matches(&old).count(), 1);
        // Its own id counts, wherever it stands.
        let behind = format!("{},{own}", many.join(","));
        assert_eq!(status(&trail, &[behind.as_bytes()]), 508);
    }
}
