//! Falco before and after 0.24, which have different services.

use super::*;

#[test]
fn a_subscription_to_an_old_falco_is_a_call_for_each_request() {
    let mut script = Script::subscribe();
    script.fail(unimplemented());
    script.expect(["set Output", "open Subscribe"]);
    script.on(Event::CallEnded);
    script.expect(["following"]);
    script.pass(ms(9));
    script.expect([]);
    script.pass(ms(1));
    script.expect(["open Subscribe"]);
    script.message();
    script.on(Event::CallEnded);
    script.expect([]);
    script.pass(ms(10));
    script.expect(["open Subscribe"]);
}

#[test]
fn a_silent_old_falco_is_called_less_often() {
    let mut script = Script::polling();
    let mut calls = 0;
    for _ in 0..300 {
        script.pass(ms(10));
        while let Some(action) = script.subscription.next_action() {
            assert_eq!(text(&action), "open Subscribe");
            script.on(Event::CallEnded);
            calls += 1;
        }
    }
    // In 3 s: each 10 ms would be 300, each 250 ms would be 12.
    assert!((20..60).contains(&calls), "{calls}");
}

#[test]
fn a_message_shows_that_an_old_falco_is_followed() {
    let mut script = Script::subscribe();
    script.fail(unimplemented());
    script.message();
    script.expect(["set Output", "open Subscribe", "following"]);
}

#[test]
fn a_get_is_made_to_either() {
    let mut script = Script::get();
    script.fail(unimplemented());
    script.expect(["set Output", "open Subscribe"]);
    script.message();
    script.on(Event::CallEnded);
    script.expect(["end"]);
}

#[test]
fn a_server_of_neither_ends_it() {
    for mut script in [Script::subscribe(), Script::get()] {
        script.fail(unimplemented());
        script.fail(unimplemented());
        let actions: Vec<_> = std::iter::from_fn(|| script.subscription.next_action())
            .map(|action| text(&action))
            .collect();
        assert_eq!(
            actions,
            [
                "set Output",
                "open Subscribe",
                "set Outputs",
                "end: unimplemented"
            ]
        );
    }
}

#[test]
fn an_update_between_two_calls_is_followed() {
    let mut script = Script::polling();
    script.pass(ms(10));
    script.fail(unimplemented());
    script.expect(["open Subscribe", "set Outputs", "open Sub, request in 10ms"]);
    // It is followed already.
    script.on(Event::RequestSent);
    script.on(Event::RequestWritten);
    script.expect(["request in 10ms"]);
    script.pass(ms(500));
    script.message();
    script.expect([]);
    // That is a Falco from 0.24 on.
    script.on(Event::CallEnded);
    script.expect(["set Outputs", "wait 50ms", "waiting 50ms"]);
}

#[test]
fn a_call_that_has_brought_something_was_not_unimplemented() {
    let mut script = Script::keep_trying();
    script.message();
    script.fail(unimplemented());
    script.expect([
        "following",
        "set Outputs",
        "wait 50ms",
        "waiting 50ms, tells the reader unimplemented",
    ]);
}

#[test]
fn a_loss_of_an_old_falco_is_one_of_a_subscription_that_was_served() {
    let mut script = Script::polling();
    script.pass(ms(10));
    script.fail(unavailable());
    script.expect([
        "open Subscribe",
        "set Outputs",
        "wait 50ms for a server",
        "waiting 50ms",
    ]);
    // Another client has found out meanwhile.
    script.on(Event::RetryDue(Generation::Output));
    script.expect(["open Subscribe"]);
    script.on(Event::CallEnded);
    script.expect(["following, reconnected"]);
}

#[test]
fn a_failed_first_call_to_an_old_falco_was_not_served() {
    let mut script = Script::subscribe();
    script.fail(unimplemented());
    script.fail(unavailable());
    script.expect([
        "set Output",
        "open Subscribe",
        "set Outputs",
        "renew certificates",
        "wait 100ms for a server",
        "waiting 100ms",
    ]);
}

#[test]
fn each_call_that_ends_in_order_is_a_sign_of_life() {
    let mut script = Script::polling();
    script.pass(ms(10));
    script.expect(["open Subscribe"]);
    script.pass(s(29));
    script.expect([]);
    script.pass(s(1));
    script.expect(["probe for Liveness, 15s"]);
    script.on(Event::CallEnded);
    script.pass(s(1));
    script.expect(["open Subscribe"]);
    // Of the call before.
    script.probed(Probe::Liveness, timed_out());
    script.expect([]);
}
