//! Closing and cancelling in each phase.

use super::*;

#[test]
fn an_open_call_is_closed_once_nothing_is_in_flight() {
    let mut script = Script::delivering();
    script.on(Event::Close);
    script.expect(["stop requests"]);
    script.pass(ms(249));
    script.message();
    script.pass(ms(249));
    script.expect([]);
    script.pass(ms(1));
    script.expect(["probe for Drain, 5s"]);
    script.probed(Probe::Drain, Ok(()));
    script.pass(ms(62));
    script.expect([]);
    script.pass(ms(1));
    script.expect(["cancel calls"]);
    // What has arrived still comes.
    script.message();
    script.fail(status(StatusCode::Cancelled));
    script.expect(["set Outputs", "end"]);
}

#[test]
fn the_driver_may_close_again_and_again() {
    let mut script = Script::delivering();
    script.on(Event::Close);
    script.pass(ms(200));
    script.on(Event::Close);
    script.pass(ms(50));
    script.expect(["stop requests", "probe for Drain, 5s"]);
    script.on(Event::Cancel);
    script.on(Event::Cancel);
    script.on(Event::Close);
    script.expect(["cancel calls"]);
}

#[test]
fn a_closed_call_requests_no_more_and_is_not_accepted_later() {
    let mut script = Script::subscribe();
    script.on(Event::RequestSent);
    script.on(Event::RequestWritten);
    script.on(Event::Close);
    script.on(Event::RequestSent);
    script.pass(ms(200));
    script.expect(["request in 10ms", "stop requests", "probe for Drain, 5s"]);
}

#[test]
fn a_call_without_an_answer_is_silent_since_its_request() {
    let mut script = Script::accepted();
    script.pass(ms(50));
    script.on(Event::Close);
    script.expect(["stop requests"]);
    // 150 of 200 ms have passed.
    script.pass(ms(49));
    script.expect([]);
    script.pass(ms(1));
    script.expect(["probe for Drain, 5s"]);
}

#[test]
fn a_waiting_subscription_is_closed_at_once() {
    let mut script = Script::waiting();
    script.on(Event::Close);
    script.expect(["end"]);
}

#[test]
fn a_polling_subscription_is_closed_at_once() {
    let mut script = Script::polling();
    script.on(Event::Close);
    script.expect(["end"]);
}

#[test]
fn an_open_call_to_an_old_falco_is_closed_with_its_end() {
    let mut script = Script::polling();
    script.pass(ms(10));
    script.on(Event::Close);
    script.message();
    script.expect(["open Subscribe", "stop requests"]);
    script.on(Event::CallEnded);
    script.expect(["end"]);

    // The first one shows that it was followed.
    let mut script = Script::subscribe();
    script.fail(unimplemented());
    script.on(Event::Close);
    script.on(Event::CallEnded);
    script.expect([
        "set Output",
        "open Subscribe",
        "stop requests",
        "following",
        "end",
    ]);
}

#[test]
fn a_closed_get_still_finds_the_generation() {
    let mut script = Script::get();
    script.on(Event::Close);
    script.fail(unimplemented());
    script.message();
    script.on(Event::CallEnded);
    script.expect(["stop requests", "set Output", "open Subscribe", "end"]);
}

#[test]
fn a_closed_subscription_does_not_look_for_the_generation() {
    let mut script = Script::subscribe();
    script.on(Event::Close);
    script.fail(unimplemented());
    script.expect(["stop requests", "set Outputs", "end"]);
}

#[test]
fn a_failure_while_closing_is_told() {
    let mut script = Script::delivering();
    script.on(Event::Close);
    script.fail(unavailable());
    script.expect(["stop requests", "set Outputs", "end: unavailable"]);
}

#[test]
fn the_first_message_while_closing_shows_that_it_was_followed() {
    let mut script = Script::subscribe();
    script.on(Event::Close);
    script.message();
    script.expect(["stop requests", "following"]);
}

#[test]
fn a_drain_that_is_not_confirmed_is_reported() {
    for (result, expected) in [
        (timed_out(), &["unconfirmed", "cancel calls"][..]),
        (
            probe_failed(RpcStatusCode::UNIMPLEMENTED),
            &["cancel calls"],
        ),
    ] {
        let mut script = Script::delivering();
        script.on(Event::Close);
        script.pass(ms(250));
        script.expect(["stop requests", "probe for Drain, 5s"]);
        script.probed(Probe::Drain, result);
        script.pass(ms(100));
        let actions: Vec<_> = std::iter::from_fn(|| script.subscription.next_action())
            .map(|action| text(&action))
            .collect();
        assert_eq!(actions, expected);
    }
}

#[test]
fn a_server_may_stall_while_it_is_drained() {
    let mut script = Script::delivering();
    script.pass(s(29));
    script.on(Event::Close);
    script.pass(s(1));
    script.expect([
        "stop requests",
        "probe for Drain, 5s",
        "probe for Liveness, 15s",
    ]);
}

#[test]
fn closing_waits_for_an_examination() {
    let mut script = Script::subscribe();
    script.fail(untrusted());
    script.on(Event::Close);
    script.pass(s(1));
    script.expect(["set Outputs", "examine"]);
    script.on(Event::Examined(Some(expired_certificate())));
    script.expect(["end: untrusted (the certificate has expired)"]);
}

#[test]
fn cancelling_an_open_call_delivers_what_has_arrived() {
    for mut script in [Script::delivering(), Script::get()] {
        script.on(Event::Cancel);
        script.expect(["cancel calls"]);
        assert!(script.subscription.is_cancelled());
        assert_eq!(script.subscription.deadline(), None);
        script.message();
        script.on(Event::CallFailed(status(StatusCode::Cancelled)));
        script.expect([]);
        script.on(Event::CallEnded);
        let last = std::iter::from_fn(|| script.subscription.next_action()).last();
        assert_eq!(text(&last.unwrap()), "end");
    }
}

#[test]
fn a_failure_before_a_cancel_is_told() {
    let mut script = Script::delivering();
    script.on(Event::CallFailed(unavailable()));
    script.on(Event::Cancel);
    script.on(Event::CallEnded);
    script.expect(["cancel calls", "set Outputs", "end: unavailable"]);
}

#[test]
fn a_cancelled_call_is_neither_switched_nor_followed() {
    let mut script = Script::subscribe();
    script.on(Event::Cancel);
    script.fail(unimplemented());
    script.expect(["cancel calls", "set Outputs", "end"]);

    let mut script = Script::subscribe();
    script.fail(unimplemented());
    script.on(Event::Cancel);
    script.fail(status(StatusCode::Cancelled));
    script.expect(["set Output", "open Subscribe", "cancel calls", "end"]);
}

#[test]
fn a_subscription_without_a_call_is_cancelled_at_once() {
    for mut script in [Script::waiting(), Script::polling()] {
        script.on(Event::Cancel);
        // No call is open.
        script.expect(["cancel calls", "end"]);
    }
}

#[test]
fn a_cancelled_call_is_not_given_up() {
    let mut script = Script::delivering();
    script.pass(s(30));
    script.on(Event::Cancel);
    script.expect(["probe for Liveness, 15s", "cancel calls"]);
    script.probed(Probe::Liveness, timed_out());
    script.probed(Probe::Liveness, timed_out());
    script.expect([]);
}

#[test]
fn cancelling_ends_a_drain() {
    let mut script = Script::delivering();
    script.on(Event::Close);
    script.pass(ms(250));
    script.on(Event::Cancel);
    script.expect(["stop requests", "probe for Drain, 5s", "cancel calls"]);
    script.probed(Probe::Drain, Ok(()));
    script.pass(s(60));
    script.expect([]);
    script.on(Event::CallEnded);
    script.expect(["set Outputs", "end"]);
}
