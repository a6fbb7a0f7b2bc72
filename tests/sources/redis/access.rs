//! Passwords, rights and certificates.

use falco_client::check::Check;
use falco_client::{Client, Config, State};

use crate::common::certificates::Certificates;
use crate::common::redis::RedisServer;
use crate::common::{until, LIMIT};
use crate::read;

#[test]
fn a_password_is_asked_for_and_shown_nowhere() {
    let Some(redis) = RedisServer::with(&["--requirepass", "s3cret"]) else {
        return;
    };
    let endpoint = |login: &str, options: &str| {
        format!("redis://{login}127.0.0.1:{}/alerts{options}", redis.port)
    };
    let refusal = |endpoint: &str| {
        let client = Client::open(endpoint).unwrap();
        assert!(!format!("{client:?}").contains("wr0ng"));
        let error = client.subscribe().unwrap().recv_timeout(LIMIT).unwrap();
        let error = error.unwrap_err();
        assert!(
            !error.is_transient() && !error.to_string().contains("wr0ng"),
            "{error}"
        );
        error.to_string()
    };
    for wrong in [endpoint("", ""), endpoint(":wr0ng@", "")] {
        let error = refusal(&wrong);
        assert!(
            error.contains("does not take the user or the password"),
            "{error}"
        );
    }
    let file = redis.path("password");
    std::fs::write(&file, "s3cret\n").unwrap();
    let from_file = endpoint("", &format!("?password-file={}", file.display()));
    for right in [
        endpoint(":s3cret@", ""),
        endpoint("default:s3cret@", ""),
        from_file.clone(),
    ] {
        let alerts = read(&right);
        until("it follows", || alerts.state() == State::Following);
        let report = Check::new(Config::new(&right)).run().unwrap().to_string();
        assert!(report.contains("ok       login"), "{report}");
        assert!(!report.contains("s3cret"), "{report}");
    }
    // A user who may read nothing else, and not this.
    let mut admin = redis::Client::open(endpoint(":s3cret@", "").replace("/alerts", "")).unwrap();
    let mut run = |words: &[&str]| {
        let mut command = redis::cmd(words[0]);
        command
            .arg(&words[1..])
            .query::<String>(&mut admin)
            .unwrap();
    };
    run(&["ACL", "SETUSER", "falco", "on", ">pw", "~others", "+@all"]);
    let error = refusal(&endpoint("falco:pw@", ""));
    assert!(error.contains("ACL SETUSER"), "{error}");
    // What it has worked with may be taken away and be given back.
    run(&["ACL", "SETUSER", "falco", "~alerts"]);
    let alerts = read(&endpoint("falco:pw@", "?group=g"));
    until("it follows", || alerts.state() == State::Following);
    run(&["ACL", "SETUSER", "falco", "resetkeys"]);
    until("it waits", || {
        matches!(alerts.state(), State::Waiting { .. })
    });
    run(&["ACL", "SETUSER", "falco", "~alerts"]);
    until("it follows again", || alerts.state() == State::Following);
}

#[test]
fn tls_verifies_the_server_and_may_show_a_certificate() {
    let certificates = Certificates::for_names(&["localhost"]);
    let file = |name: &str| certificates.path(name).display().to_string();
    let port = crate::common::redis::free_port().to_string();
    let Some(_redis) = RedisServer::with(&[
        "--tls-port",
        &port,
        "--tls-cert-file",
        &file("server.crt"),
        "--tls-key-file",
        &file("server.key"),
        "--tls-ca-cert-file",
        &file("ca.crt"),
    ]) else {
        return;
    };
    let endpoint = |host: &str, options: &str| format!("rediss://{host}:{port}/alerts{options}");
    let (ca, own) = (file("ca.crt"), (file("client.crt"), file("client.key")));
    let trusted = format!("?ca={ca}&cert={}&key={}", own.0, own.1);
    let alerts = read(&endpoint("localhost", &trusted));
    until("it follows", || alerts.state() == State::Following);
    let failure = |endpoint: String| {
        let error = read(&endpoint).recv_timeout(LIMIT).unwrap().unwrap_err();
        error.to_string()
    };
    for (endpoint, remedy) in [
        (endpoint("localhost", ""), "give ca=FILE"),
        (endpoint("127.0.0.1", &trusted), "the host by the name"),
        (endpoint("localhost", "?ca=/nowhere"), "cannot be read"),
    ] {
        let error = failure(endpoint);
        assert!(error.contains(remedy), "{error}");
    }
    // It hangs up on who has none, or says so after the handshake.
    let without = Check::new(Config::new(endpoint("localhost", &format!("?ca={ca}"))));
    assert!(without.run().unwrap().failed().is_some());
}
