//! Whether `http_output.url` leads to the endpoint.

use falco_client::check::Outcome;
use falco_client::Config;

use super::{check, says};

#[test]
fn url_and_endpoint_are_the_same_place_or_not() {
    use Outcome::{Failed, Ok, Warning};
    // Ports are compared as well, so that one is needed that is free.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    for (host, url, outcome, part) in [
        ("127.0.0.1", "http://localhost:PORT/", Ok, "lead to listen+http"),
        ("127.0.0.1", "localhost:PORT", Ok, "lead to"),
        ("127.0.0.1", "http://user:pass@127.0.0.1:PORT/a?b=c", Ok, "lead to"),
        ("0.0.0.0", "http://127.9.9.9:PORT", Ok, "lead to"),
        ("localhost", "http://localhost:PORT", Ok, "lead to"),
        ("127.0.0.1", "'\"http://localhost:PORT/\"'", Ok, "lead to"),
        (
            "127.0.0.1",
            "http://127.0.0.2:PORT/",
            Failed,
            "leads to 127.0.0.2, and the endpoint",
        ),
        (
            "127.0.0.1",
            "http://192.0.2.1:PORT/",
            Failed,
            "leads to 192.0.2.1, not this machine",
        ),
        (
            "0.0.0.0",
            "http://192.0.2.1:PORT/",
            Warning,
            "no address of this machine",
        ),
        (
            "127.0.0.1",
            "http://no-such-host.invalid:PORT/",
            Warning,
            "no-such-host.invalid, a name that is unknown here",
        ),
        (
            "127.0.0.1",
            "http://localhost/",
            Failed,
            "set http_output.url to http://localhost:PORT/",
        ),
        (
            "127.0.0.1",
            "https://localhost:PORT/",
            Failed,
            "which has no TLS; make them lead to the same: set http_output.url to http://localhost:PORT/",
        ),
        ("127.0.0.1", "ftp://localhost:PORT/", Failed, "ftp://localhost"),
        ("127.0.0.1", "\"http://local host:PORT/\"", Failed, "has a blank"),
        ("127.0.0.1", "\"\"", Failed, "http_output.url is not set; set"),
        ("127.0.0.1", "\"http://${HOST}:PORT/\"", Warning, "environment"),
        ("127.0.0.1", "\"http://${HOST}:1/\"", Failed, "expected at"),
        ("127.0.0.1", "\"http://$${HOST}:PORT/\"", Warning, "${HOST}, a name"),
    ] {
        let [url, part] = [url, part].map(|it| it.replace("PORT", &port.to_string()));
        let config = Config::new(format!("listen+http://{host}:{port}"));
        says(&check(config, &[format!("url: {url}")]), outcome, &[&part]);
    }
}
