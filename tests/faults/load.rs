//! Alerts that say where they belong and whether they are still what was sent.

use std::sync::OnceLock;

use falco_client::{Alert, Priority};

use crate::Random;

/// The alert of this number in this life of a server: the same whenever it is made, and another for
/// each number, in its length and in every byte.
pub fn alert(life: u64, number: u64) -> Alert {
    let mut random = Random::of(life << 40 ^ number);
    Alert::builder()
        .without_time()
        .rule("Numbered")
        .priority(Priority::ALL[number as usize % 8])
        .output(some(&mut random))
        .field("life", life.to_string())
        .field("number", number.to_string())
        .field("some", some(&mut random))
        .tag("fault")
        .source("syscall")
        .build()
}

/// 100 to 611 bytes of a text that repeats itself nowhere.
fn some(random: &mut Random) -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(|| {
        let mut random = Random::of(0);
        (0..1 << 16)
            .map(|_| char::from(b' ' + random.below(95) as u8))
            .collect()
    });
    let start = random.below((1 << 16) - 611) as usize;
    &text[start..start + 100 + random.below(512) as usize]
}

/// Life and number of an alert, if it is byte for byte the one that was sent under them.
pub fn place(received: &Alert) -> Option<(u64, u64)> {
    let life = received.field("life")?.parse().ok()?;
    let number = received.field("number")?.parse().ok()?;
    (alert(life, number) == *received).then_some((life, number))
}

/// Whether alerts come as they were sent: unaltered, none twice, in order.
#[derive(Default, Debug)]
pub struct Check {
    pub alerts: u64,
    /// The newest life that was heard of.
    pub life: u64,
    /// The number after the last of that life.
    pub next: u64,
    pub missing: u64,
    may_miss: bool,
}

impl Check {
    /// Each life starts at 0 and goes on without a gap, however early it ends.
    pub fn whole() -> Check {
        Check::default()
    }

    /// Some may be missing, as where a connection breaks.
    pub fn with_gaps() -> Check {
        Check {
            may_miss: true,
            ..Check::default()
        }
    }

    /// Whether it is the first of its life.
    pub fn add(&mut self, alert: &Alert) -> bool {
        let Some((life, number)) = place(alert) else {
            panic!("altered, after {self:?}: {alert:?}");
        };
        let new = life > self.life || self.alerts == 0;
        if new {
            (self.life, self.next) = (life, 0);
        }
        let follows = number == self.next || self.may_miss && number > self.next;
        assert!(
            life == self.life && follows,
            "alert {number} of life {life} after {self:?}"
        );
        self.missing += number - self.next;
        self.next = number + 1;
        self.alerts += 1;
        new
    }
}
