//! From an end or a failure to the next call.

use super::*;

#[test]
fn a_subscription_that_falco_ends_is_made_again_soon() {
    let mut script = Script::delivering();
    script.on(Event::CallEnded);
    script.expect(["set Outputs", "wait 50ms", "waiting 50ms"]);
    assert_eq!(script.subscription.deadline(), None);
    script.retry();
    script.expect(["open Sub"]);
    script.message();
    script.expect(["following, reconnected"]);
    script.message();
    script.expect([]);
}

#[test]
fn the_pause_doubles_until_a_subscription_is_served() {
    let mut script = Script::subscribe();
    for pause in [
        "100ms", "200ms", "400ms", "800ms", "1.6s", "3.2s", "5s", "5s",
    ] {
        script.fail(unavailable());
        let (wait, waiting) = (
            format!("wait {pause} for a server"),
            format!("waiting {pause}"),
        );
        script.expect(["set Outputs", "renew certificates", &wait, &waiting]);
        script.retry();
        script.expect(["open Sub"]);
    }
    script.message();
    script.fail(unavailable());
    script.expect([
        "following",
        "set Outputs",
        "wait 50ms for a server",
        "waiting 50ms",
    ]);
}

#[test]
fn one_that_was_accepted_for_five_seconds_was_served() {
    for (time, pause) in [(ms(4_999), "100ms"), (ms(5_001), "50ms")] {
        let mut script = Script::accepted();
        script.pass(time - ms(100));
        while script.subscription.next_action().is_some() {}
        script.on(Event::CallEnded);
        let (wait, waiting) = (format!("wait {pause}"), format!("waiting {pause}"));
        // The end without a failure is no refusal.
        script.expect(["set Outputs", &wait, &waiting]);
    }
}

#[test]
fn one_that_was_not_accepted_was_not_served_however_long_it_took() {
    let mut script = Script::subscribe();
    script.pass(s(10));
    script.on(Event::CallEnded);
    script.expect(["set Outputs", "wait 100ms", "waiting 100ms"]);
}

#[test]
fn a_loss_of_one_that_was_not_served_is_no_reconnection() {
    let mut script = Script::waiting();
    script.retry();
    script.message();
    script.expect(["open Sub", "following"]);
}

#[test]
fn a_reconnection_is_counted_once_however_many_attempts_it_takes() {
    let mut script = Script::delivering();
    script.on(Event::CallEnded);
    script.retry();
    script.fail(unavailable());
    script.retry();
    script.message();
    script.expect([
        "set Outputs",
        "wait 50ms",
        "waiting 50ms",
        "open Sub",
        "set Outputs",
        "renew certificates",
        "wait 100ms for a server",
        "waiting 100ms",
        "open Sub",
        "following, reconnected",
    ]);
}

#[test]
fn a_reconnection_is_not_counted_again_for_one_that_was_not_served() {
    let mut script = Script::delivering();
    script.on(Event::CallEnded);
    script.retry();
    script.expect(["set Outputs", "wait 50ms", "waiting 50ms", "open Sub"]);
    script.on(Event::RequestWritten);
    script.pass(ms(100));
    script.on(Event::CallEnded);
    script.retry();
    script.message();
    script.expect([
        "following, reconnected",
        "set Outputs",
        "wait 100ms",
        "waiting 100ms",
        "open Sub",
        "following",
    ]);
}

#[test]
fn messages_may_follow_a_failure_and_the_first_failure_counts() {
    let mut script = Script::subscribe();
    script.on(Event::CallFailed(unavailable()));
    script.message();
    script.on(Event::CallFailed(status(StatusCode::PermissionDenied)));
    script.expect(["following"]);
    script.on(Event::CallEnded);
    script.expect(["set Outputs", "wait 50ms for a server", "waiting 50ms"]);
}

#[test]
fn what_does_not_pass_ends_it() {
    let mut script = Script::delivering();
    script.fail(status(StatusCode::PermissionDenied));
    script.expect(["set Outputs", "end: PERMISSION_DENIED"]);
}

#[test]
fn with_keep_trying_it_is_told_once_and_tried_again() {
    let denied = || status(StatusCode::PermissionDenied);
    let mut script = Script::keep_trying();
    script.fail(denied());
    script.expect([
        "set Outputs",
        "renew certificates",
        "wait 100ms",
        "waiting 100ms, tells the reader PERMISSION_DENIED",
    ]);
    script.retry();
    script.fail(denied());
    script.expect([
        "open Sub",
        "set Outputs",
        "renew certificates",
        "wait 200ms",
        "waiting 200ms",
    ]);
    // Another reason is told as well, and the same one once it had been followed meanwhile.
    script.retry();
    script.fail(status(StatusCode::Unauthenticated));
    script.retry();
    script.message();
    script.fail(status(StatusCode::Unauthenticated));
    script.expect([
        "open Sub",
        "set Outputs",
        "renew certificates",
        "wait 400ms",
        "waiting 400ms, tells the reader UNAUTHENTICATED",
        "open Sub",
        "following",
        "set Outputs",
        "wait 50ms",
        "waiting 50ms, tells the reader UNAUTHENTICATED",
    ]);
}

#[test]
fn every_alert_that_is_too_large_is_told() {
    let mut script = Script::delivering();
    for _ in 0..2 {
        script.fail(too_large());
        script.retry();
        script.message();
        script.expect([
            "set Outputs",
            "wait 50ms",
            "waiting 50ms, tells the reader too large",
            "open Sub",
            "following, reconnected",
        ]);
    }
}

#[test]
fn the_reason_of_a_wait_is_the_failure_or_that_falco_ended_it() {
    let why = |script: &mut Script| loop {
        match script.subscription.next_action() {
            Some(Action::Report(Notice::Waiting { why, .. })) => return why,
            Some(_) => {}
            None => panic!("it does not wait"),
        }
    };
    let mut script = Script::delivering();
    script.on(Event::CallEnded);
    assert!(why(&mut script).contains("ended the subscription"));
    script.retry();
    script.fail(unavailable());
    assert!(why(&mut script).contains("nothing listens"));
}

#[test]
fn an_inconclusive_failure_is_examined_once() {
    let mut script = Script::keep_trying();
    script.fail(untrusted());
    script.expect([
        "set Outputs",
        "examine",
        "renew certificates",
        "wait 100ms",
        "waiting 100ms, tells the reader untrusted (some CA)",
    ]);
    script.on(Event::Examined(None));
    script.expect([]);
    script.on(Event::Examined(Some(expired_certificate())));
    script.expect(["found the certificate has expired"]);
    script.retry();
    script.fail(untrusted());
    script.expect([
        "open Sub",
        "set Outputs",
        "renew certificates",
        "wait 200ms",
        "waiting 200ms",
    ]);
    script.retry();
    // Too late.
    script.on(Event::Examined(Some(expired_certificate())));
    script.expect(["open Sub"]);
}

#[test]
fn an_inconclusive_failure_that_ends_it_is_examined_before() {
    for (found, end) in [
        (None, "end: untrusted (some CA)"),
        (
            Some(expired_certificate()),
            "end: untrusted (the certificate has expired)",
        ),
    ] {
        let mut script = Script::subscribe();
        script.fail(untrusted());
        script.expect(["set Outputs", "examine"]);
        script.pass(s(1));
        script.expect([]);
        script.on(Event::Examined(found));
        script.expect([end]);
    }
}

#[test]
fn four_refusals_in_a_row_renew_the_channel() {
    let internal = || status(StatusCode::Internal);
    let mut script = Script::subscribe();
    let mut renewals = Vec::new();
    let mut fail = |script: &mut Script, at, error| {
        script.fail(error);
        script.retry();
        while let Some(action) = script.subscription.next_action() {
            if text(&action) == "renew channel" {
                renewals.push(at);
            }
        }
    };
    for at in 1..=9 {
        fail(&mut script, at, internal());
    }
    // One that is served begins the count anew.
    script.message();
    fail(&mut script, 10, internal());
    for at in 11..=13 {
        fail(&mut script, at, internal());
    }
    // There is no answer that could be spoilt.
    fail(&mut script, 14, unavailable());
    for at in 15..=18 {
        fail(&mut script, at, internal());
    }
    assert_eq!(renewals, [4, 8, 18]);
}

#[test]
fn a_server_without_a_sign_of_life_gets_a_new_channel() {
    let mut script = Script::delivering();
    // The last message came within the first quarter.
    script.pass(ms(15_000));
    script.expect([]);
    script.pass(s(15));
    script.expect(["probe for Liveness, 15s"]);
    script.probed(Probe::Liveness, timed_out());
    script.expect(["probe for Liveness, 15s"]);
    script.probed(Probe::Liveness, timed_out());
    script.expect([
        "drop calls",
        "renew channel",
        "set Outputs",
        "wait 50ms",
        "waiting 50ms",
    ]);
    // A session that was never served.
    script.retry();
    script.pass(s(15));
    script.probed(Probe::Liveness, timed_out());
    script.probed(Probe::Liveness, timed_out());
    script.expect([
        "open Sub",
        "probe for Liveness, 15s",
        "probe for Liveness, 15s",
        "drop calls",
        "renew channel",
        "set Outputs",
        "renew certificates",
        "wait 100ms",
        "waiting 100ms",
    ]);
}

#[test]
fn a_server_that_answers_is_probed_again_and_again() {
    let mut script = Script::delivering();
    script.pass(s(30));
    for _ in 0..3 {
        script.expect(["probe for Liveness, 15s"]);
        script.probed(Probe::Liveness, Ok(()));
        script.pass(s(15));
    }
}

#[test]
fn a_get_from_a_stalled_server_ends() {
    let mut script = Script::get();
    script.pass(s(15));
    script.probed(Probe::Liveness, timed_out());
    script.probed(Probe::Liveness, timed_out());
    script.expect([
        "probe for Liveness, 15s",
        "probe for Liveness, 15s",
        "drop calls",
        "renew channel",
        "set Outputs",
        "end: timeout 60s",
    ]);
}
