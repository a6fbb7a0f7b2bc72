use super::*;

use crate::error::Error;

fn problem(config: Config) -> (&'static str, String) {
    match config.check() {
        Err(Error::Config {
            option,
            problem,
            remedy,
        }) => (option, format!("{problem}; {}", remedy.unwrap())),
        other => panic!("{config:?} gave {other:?}"),
    }
}

#[test]
fn the_default_is_falcos_socket_in_plaintext() {
    let checked = Config::default().check().unwrap();
    assert_eq!(checked.endpoint.to_string(), Endpoint::DEFAULT);
    assert!(checked.pem.is_none());
}

#[test]
fn plaintext_on_tcp_has_to_be_asked_for() {
    let tcp = Config::new("localhost:5060");
    assert!(tcp.clone().plaintext(true).check().is_ok());
    let (option, problem) = problem(tcp);
    assert_eq!(option, "tls");
    for part in [
        "localhost:5060: Falco requires mutual TLS",
        "ca.crt, client.crt and client.key",
    ] {
        assert!(problem.contains(part), "{problem}");
    }
}

#[test]
fn what_the_endpoint_or_the_files_have_wrong_stays_visible() {
    let error = Config::new("localhost").check().unwrap_err();
    assert!(matches!(error, Error::Endpoint { .. }), "{error}");
    let missing = Tls::from_files("/nonexistent/ca.crt", "c", "k");
    let error = Config::new("localhost:5060")
        .tls(missing)
        .check()
        .unwrap_err();
    assert!(matches!(error, Error::Tls { .. }), "{error}");
}

#[test]
fn each_impossible_option_names_its_remedy() {
    let tls = || Tls::from_pem("ca", "cert", "key");
    let unix = Config::default;
    let tcp = || Config::new("[::1]:5060").tls(tls());
    let ms = Duration::from_millis;
    for (config, option, remedy) in [
        (
            unix().tls(tls()),
            "tls",
            "leave it out, or give a TCP endpoint",
        ),
        (tcp().plaintext(true), "tls", "choose one of them"),
        (
            unix().server_name("falco"),
            "server_name",
            "leave it out, it applies to host:port",
        ),
        (
            Config::new("[::1]:5060")
                .plaintext(true)
                .server_name("falco"),
            "server_name",
            "leave it out, or set tls",
        ),
        (tcp().server_name(""), "server_name", "write one alone"),
        (
            tcp().server_name("falco:5060"),
            "server_name",
            "without port",
        ),
        (
            tcp().server_name("fal\0co"),
            "server_name",
            "as the server's certificate has it",
        ),
        (
            unix().connect_timeout(ms(0)),
            "connect_timeout",
            "give 1 ms to 24 days",
        ),
        (
            unix().connect_timeout(Duration::MAX),
            "connect_timeout",
            "give 1 ms to 24 days",
        ),
        (
            unix().call_timeout(ms(0)),
            "call_timeout",
            "give 1 ms to 24 days",
        ),
        (
            unix().max_message_bytes(0),
            "max_message_bytes",
            "give 1 to 1073741823",
        ),
        (
            unix().max_message_bytes(1 << 30),
            "max_message_bytes",
            "give 1 to 1073741823",
        ),
        (unix().queue_bytes(0), "queue_bytes", "give 1 to"),
        (
            Config::new("listen+http://[::1]:0").max_connections(0),
            "max_connections",
            "give 1 to 65536",
        ),
        (
            unix().request_interval(ms(0)..=ms(9)),
            "request_interval",
            "give 1 ms to 24 days",
        ),
        (
            unix().request_interval(ms(9)..=Duration::MAX),
            "request_interval",
            "to 24 days",
        ),
        (
            unix().request_interval(ms(9)..=ms(8)),
            "request_interval",
            "swap them",
        ),
        (
            unix().channel_arg("", 1),
            "channel_arg",
            "give both as plain text",
        ),
        (
            unix().channel_arg("a\0b", 1),
            "channel_arg",
            "give both as plain text",
        ),
        (
            unix().channel_arg("a", "b\0c"),
            "channel_arg",
            "give both as plain text",
        ),
    ] {
        let (culprit, problem) = problem(config);
        assert_eq!(culprit, option, "{problem}");
        assert!(
            problem.contains(remedy),
            "{option}: {problem} (expected {remedy:?})"
        );
    }
}

#[test]
fn channel_args_come_from_numbers_and_texts() {
    let config = Config::default().channel_arg("a", 1).channel_arg("b", "c");
    assert!(config.check().is_ok());
    let expected = [
        ("a".to_owned(), ChannelArg::Int(1)),
        ("b".to_owned(), ChannelArg::Text("c".into())),
    ];
    assert_eq!(config.channel_args, expected);
}

#[test]
fn debug_shows_each_option_and_no_secret() {
    let config = Config::new("http://me:hush@falco")
        .channel_arg("grpc.http_proxy", "http://me:hush@proxy:3128")
        .queue_bytes(77);
    let shown = format!("{config:?}");
    for part in [
        "http://falco",
        "http://proxy:3128",
        "queue_bytes: 77",
        "stall_timeout: 60s",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
    assert!(!shown.contains("hush"), "{shown}");
    let error = config.check().unwrap_err().to_string();
    assert!(!error.contains("hush"), "{error}");
}
