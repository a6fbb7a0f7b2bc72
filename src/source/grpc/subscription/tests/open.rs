//! A call from its beginning to its first message.

use super::*;

#[test]
fn a_subscription_is_followed_once_its_first_request_was_not_refused() {
    let mut script = Script::subscribe();
    script.on(Event::RequestSent);
    script.expect(["request in 10ms"]);
    script.pass(ms(500));
    script.expect([]);
    script.on(Event::RequestWritten);
    script.pass(ms(99));
    // Only the first one counts.
    script.on(Event::RequestWritten);
    script.expect([]);
    script.pass(ms(1));
    script.expect(["following"]);
    script.on(Event::RequestWritten);
    script.pass(ms(300));
    script.expect([]);
}

#[test]
fn a_message_shows_that_it_is_followed() {
    let mut script = Script::subscribe();
    script.message();
    script.expect(["following"]);
    script.message();
    script.on(Event::RequestSent);
    script.on(Event::RequestWritten);
    script.expect(["request in 10ms"]);
    script.pass(ms(500));
    script.expect([]);
}

#[test]
fn a_refused_request_is_not_followed() {
    let mut script = Script::subscribe();
    script.on(Event::RequestSent);
    script.on(Event::RequestWritten);
    script.on(Event::RequestRefused);
    script.expect(["request in 10ms"]);
    script.pass(s(2));
    script.expect([]);
}

#[test]
fn after_refusals_it_takes_as_long_as_the_last_pause() {
    let mut script = Script::waiting();
    script.retry();
    script.fail(unavailable());
    script.retry();
    script.expect([
        "open Sub",
        "set Outputs",
        "renew certificates",
        "wait 200ms for a server",
        "waiting 200ms",
        "open Sub",
    ]);
    script.on(Event::RequestSent);
    script.on(Event::RequestWritten);
    script.expect(["request in 10ms"]);
    script.pass(ms(199));
    script.expect([]);
    script.pass(ms(1));
    script.expect(["following"]);
}

#[test]
fn after_a_long_outage_it_is_followed_within_a_quarter_of_a_second() {
    let mut script = Script::waiting();
    for _ in 0..8 {
        script.retry();
        script.fail(unavailable());
    }
    script.retry();
    while script.subscription.next_action().is_some() {}
    script.on(Event::RequestSent);
    script.on(Event::RequestWritten);
    script.expect(["request in 10ms"]);
    script.pass(ms(249));
    script.expect([]);
    script.pass(ms(1));
    script.expect(["following"]);
}

#[test]
fn requests_slow_down_in_silence() {
    let mut script = Script::accepted();
    script.pass(ms(900));
    script.expect(["fetch"]);
    script.on(Event::RequestSent);
    script.expect(["request in 125ms"]);
    script.pass(s(2));
    script.on(Event::RequestSent);
    script.expect(["request in 250ms"]);
    script.message();
    script.on(Event::RequestSent);
    script.expect(["request in 10ms"]);
}

#[test]
fn a_get_ends_with_its_call_and_reports_nothing_before() {
    let mut script = Script::get();
    script.message();
    script.pass(s(10));
    script.expect([]);
    script.on(Event::CallEnded);
    script.expect(["end"]);
}

#[test]
fn a_get_ends_with_any_failure() {
    let mut script = Script::get();
    script.message();
    script.fail(unavailable());
    script.expect(["set Outputs", "end: unavailable"]);
}

#[test]
fn a_call_that_cannot_be_made_ends_it() {
    let mut script = Script::waiting();
    script.retry();
    script.on(Event::OpenFailed(unavailable()));
    script.expect(["open Sub", "end: unavailable"]);
}
