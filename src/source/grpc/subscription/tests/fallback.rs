//! A subscription that Falco accepts and does not serve.

use super::*;

/// Up to the first `get`, one second after the subscription.
fn fetching() -> Script {
    let mut script = Script::accepted();
    script.pass(ms(899));
    script.expect([]);
    script.pass(ms(1));
    script.expect(["fetch"]);
    script
}

/// Up to the report.
fn unserved() -> Script {
    let mut script = fetching();
    script.fetched();
    script.on(Event::FetchEnded(None));
    script.expect([]);
    script.pass(s(1));
    script.expect(["fetch"]);
    script.fetched();
    script.on(Event::FetchEnded(None));
    script.expect(["unserved"]);
    script
}

#[test]
fn two_calls_of_get_that_bring_something_prove_it() {
    let mut script = unserved();
    for _ in 0..3 {
        script.pass(s(1));
        script.expect(["fetch"]);
        script.fetched();
        script.on(Event::FetchEnded(None));
        // It is reported once.
        script.expect([]);
    }
}

#[test]
fn one_that_is_served_after_all_is_followed_and_fetches_no_more() {
    let mut script = unserved();
    script.message();
    script.expect(["following"]);
    script.pass(s(14));
    script.expect([]);
}

#[test]
fn one_that_has_brought_something_is_served() {
    let mut script = Script::delivering();
    script.pass(s(20));
    script.expect([]);
}

#[test]
fn without_a_find_the_pause_doubles() {
    let mut script = fetching();
    let mut pauses = Vec::new();
    while pauses.len() < 5 {
        script.on(Event::FetchEnded(None));
        let mut pause = 0;
        while !script.subscription.fallback.is_fetching() {
            script.pass(s(1));
            pause += 1;
        }
        pauses.push(pause);
        // The call is silent for so long that the server is probed.
        script.probed(Probe::Liveness, Ok(()));
    }
    assert_eq!(pauses, [2, 4, 8, 16, 16]);
}

#[test]
fn a_get_that_waits_at_a_server_that_answers_proves_it() {
    let mut script = fetching();
    script.pass(s(5));
    script.expect(["probe for Fallback, 5s"]);
    script.probed(Probe::Fallback, Ok(()));
    script.expect(["unserved"]);
    script.pass(s(2));
    script.expect([]);
}

#[test]
fn a_get_that_waits_at_a_server_that_does_not_answer_proves_nothing() {
    let mut script = fetching();
    script.pass(s(5));
    script.expect(["probe for Fallback, 5s"]);
    script.probed(Probe::Fallback, timed_out());
    script.expect([]);
}

#[test]
fn a_get_that_has_brought_something_is_served() {
    let mut script = fetching();
    script.fetched();
    script.pass(s(6));
    script.probed(Probe::Fallback, Ok(()));
    script.expect([]);
}

#[test]
fn an_alert_that_is_too_large_is_reported_and_counts_as_a_find() {
    let mut script = fetching();
    script.on(Event::FetchEnded(Some(too_large())));
    script.expect(["alert lost: too large"]);
    script.pass(s(1));
    script.expect(["fetch"]);
    script.fetched();
    script.on(Event::FetchEnded(None));
    script.expect(["unserved"]);
}

#[test]
fn a_find_ends_the_doubling() {
    let mut script = fetching();
    script.on(Event::FetchEnded(None));
    script.pass(s(2));
    script.fetched();
    script.on(Event::FetchEnded(None));
    script.expect(["fetch"]);
    script.pass(s(1));
    script.expect(["fetch"]);
}

#[test]
fn finds_count_for_one_subscription() {
    let mut script = fetching();
    script.fetched();
    script.on(Event::FetchEnded(None));
    script.on(Event::CallEnded);
    script.retry();
    script.expect(["set Outputs", "wait 100ms", "waiting 100ms", "open Sub"]);
    script.accept();
    script.pass(ms(900));
    script.expect(["fetch"]);
    script.fetched();
    script.on(Event::FetchEnded(None));
    script.expect([]);
}

#[test]
fn what_a_get_found_before_a_loss_does_not_count_after_it() {
    let mut script = fetching();
    script.fetched();
    // It goes on while the subscription is made again.
    script.on(Event::CallEnded);
    script.expect(["set Outputs", "wait 100ms", "waiting 100ms"]);
    script.retry();
    script.on(Event::FetchEnded(None));
    script.expect(["open Sub"]);
    script.accept();
    script.pass(s(2));
    script.expect(["fetch"]);
    script.fetched();
    script.on(Event::FetchEnded(None));
    script.expect([]);
}

#[test]
fn a_get_that_is_open_is_drained_when_a_waiting_subscription_is_closed() {
    let mut script = fetching();
    script.on(Event::CallEnded);
    script.expect(["set Outputs", "wait 100ms", "waiting 100ms"]);
    script.on(Event::Close);
    script.retry();
    script.pass(ms(250));
    script.expect(["probe for Drain, 5s"]);
    script.on(Event::Cancel);
    script.expect(["cancel calls"]);
    script.on(Event::FetchEnded(None));
    script.expect(["end"]);
}

#[test]
fn a_subscription_that_turned_out_to_be_of_an_old_falco_needs_no_fallback() {
    let mut script = Script::accepted();
    script.fail(unimplemented());
    script.expect(["set Output", "open Subscribe"]);
    script.pass(s(14));
    script.expect([]);
}

#[test]
fn an_old_falco_and_a_get_need_no_fallback() {
    let mut script = Script::get();
    script.pass(s(14));
    script.expect([]);
    let mut script = Script::polling();
    script.pass(ms(10));
    script.expect(["open Subscribe"]);
    script.pass(s(14));
    script.expect([]);
}

#[test]
fn what_a_get_finds_comes_before_the_end() {
    let mut script = fetching();
    script.fail(status(StatusCode::PermissionDenied));
    script.expect(["set Outputs"]);
    script.fetched();
    script.pass(s(10));
    script.expect([]);
    script.on(Event::FetchEnded(None));
    script.expect(["end: PERMISSION_DENIED"]);
}

#[test]
fn a_stall_takes_the_get_with_it() {
    let mut script = fetching();
    script.pass(s(14));
    script.expect(["probe for Fallback, 5s", "probe for Liveness, 15s"]);
    script.on(Event::Close);
    script.probed(Probe::Liveness, timed_out());
    script.probed(Probe::Liveness, timed_out());
    script.expect([
        "stop requests",
        "probe for Liveness, 15s",
        "drop calls",
        "renew channel",
        "set Outputs",
        "end: timeout 60s",
    ]);
}

#[test]
fn closing_takes_what_a_get_has_found() {
    let mut script = unserved();
    script.pass(s(1));
    script.on(Event::Close);
    script.expect(["fetch", "stop requests"]);
    // The server ends the subscription, while the get still brings something.
    script.on(Event::CallEnded);
    script.expect(["set Outputs"]);
    for _ in 0..3 {
        script.pass(ms(249));
        script.expect([]);
        script.fetched();
    }
    script.pass(ms(250));
    script.expect(["probe for Drain, 5s"]);
    script.probed(Probe::Drain, Ok(()));
    script.pass(ms(100));
    script.expect(["cancel calls"]);
    script.on(Event::FetchEnded(None));
    script.expect(["end"]);
}

#[test]
fn no_get_is_called_while_it_closes() {
    let mut script = unserved();
    script.on(Event::Close);
    script.expect(["stop requests"]);
    script.pass(s(10));
    script.expect(["probe for Drain, 5s"]);
}
