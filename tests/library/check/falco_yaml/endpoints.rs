//! The endpoints that the settings have.

use falco_client::check::FalcoYaml;

use super::Settings;

#[test]
fn the_endpoint_is_as_seen_from_its_machine() {
    for (address, endpoint) in [
        (
            "unix:///run/falco/falco.sock",
            Some("unix:///run/falco/falco.sock"),
        ),
        ("0.0.0.0:5060", Some("localhost:5060")),
        ("[::]:5061", Some("localhost:5061")),
        ("192.0.2.1:5060", Some("192.0.2.1:5060")),
        ("${WHERE}", None),
        ("nowhere", None),
    ] {
        let settings = Settings::new(&format!("grpc: {{bind_address: \"{address}\"}}"));
        let found = FalcoYaml::read(settings.path("falco.yaml")).endpoint();
        let found = found.map(|endpoint| endpoint.to_string());
        assert_eq!(found.as_deref(), endpoint, "{address}");
    }
}

/// All that are enabled, the one to take first.
#[test]
fn each_output_that_is_enabled_has_its_endpoint() {
    let grpc = "grpc: {enabled: true, bind_address: \"unix:///run/f.sock\"}\n";
    let http = |url| format!("http_output: {{enabled: true, url: \"{url}\"}}\n");
    let file = "file_output: {enabled: true, filename: /var/log/falco.jsonl}\n";
    let stdout = "stdout_output: {enabled: true}\n";
    let program = "program_output: {enabled: true, program: cat}\n";
    let json = "json_output: true\n";
    for (text, expected) in [
        (grpc.to_owned(), vec!["unix:///run/f.sock"]),
        (
            http("http://localhost:2801/x"),
            vec!["listen+http://127.0.0.1:2801"],
        ),
        (http("localhost"), vec!["listen+http://127.0.0.1:80"]),
        (
            http("https://[::1]:2801"),
            vec!["listen+https://[::1]:2801"],
        ),
        (http("http://192.0.2.1:2801"), vec![]),
        (
            http("http://no-such-host.invalid:1"),
            vec!["listen+http://0.0.0.0:1"],
        ),
        (http("${URL}"), vec![]),
        (http("http://localhost:2801").replace("true", "off"), vec![]),
        (file.to_owned(), vec!["file:///var/log/falco.jsonl"]),
        (file.replace("/var", "./var"), vec![]),
        (program.to_owned(), vec!["-"]),
        (stdout.to_owned(), vec!["-"]),
        (
            [stdout, file, grpc, &http("http://localhost:2801")].concat(),
            vec![
                "unix:///run/f.sock",
                "listen+http://127.0.0.1:2801",
                "file:///var/log/falco.jsonl",
                "-",
            ],
        ),
        // As Falco's default settings before 0.44, then with JSON.
        (
            [stdout, &grpc.replace("true", "false")].concat(),
            vec!["unix:///run/f.sock", "-"],
        ),
        (
            [json, stdout, &grpc.replace("true", "false")].concat(),
            vec!["-"],
        ),
        (
            [grpc, "grpc_output: {enabled: false}\n", file].concat(),
            vec!["file:///var/log/falco.jsonl"],
        ),
    ] {
        let settings = Settings::new(&text);
        let found = FalcoYaml::read(settings.path("falco.yaml")).endpoints();
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "{text}");
    }
}
