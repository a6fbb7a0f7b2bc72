//! Which of Falco's settings is off.

use std::fs;
use std::path::{Path, PathBuf};

use falco_client::check::{Check, FalcoYaml, Outcome, Report, Step};
use falco_client::Config;

use crate::common::Falco;

/// A file in a folder of its own, where `{folder}` stands for that.
struct Settings {
    folder: tempfile::TempDir,
}

impl Settings {
    fn new(text: &str) -> Settings {
        let settings = Settings {
            folder: tempfile::tempdir().unwrap(),
        };
        settings.write("falco.yaml", text);
        settings
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(
            path,
            text.replace("{folder}", self.folder.path().to_str().unwrap()),
        )
        .unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn check(&self, endpoint: &str) -> Report {
        check(endpoint, &self.path("falco.yaml"))
    }
}

fn check(endpoint: &str, path: &Path) -> Report {
    let check = Check::new(Config::new(endpoint)).falco_yaml(FalcoYaml::read(path));
    let report = check.run().unwrap();
    println!("{report}");
    report
}

/// What is said of the settings, each with its outcome.
fn said(report: &Report) -> Vec<(Outcome, String)> {
    let findings = report.findings().iter();
    findings
        .filter(|finding| finding.step == Step::FalcoYaml)
        .map(|finding| (finding.outcome, finding.to_string()))
        .collect()
}

#[track_caller]
fn says(report: &Report, expected: &[(Outcome, &str)]) {
    let said = said(report);
    assert_eq!(said.len(), expected.len(), "{report}");
    for ((outcome, text), (expected, part)) in said.iter().zip(expected) {
        assert_eq!(outcome, expected, "{report}");
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
}

const NOWHERE: &str = "unix:///nonexistent/falco.sock";

const ALL_ON: &str = "grpc: {enabled: true, bind_address: \"unix:///nonexistent/falco.sock\"}\n\
                      grpc_output: {enabled: true}\n";

/// Where nothing listens, the setting is what is broken; where all goes well, someone has set it
/// otherwise, as on Falco's command line.
#[test]
fn each_setting_that_is_off() {
    use Outcome::{Failed, Warning};
    let falco = Falco::start();
    let address = falco.endpoint();
    for (text, of_the_dead, of_the_living) in [
        (
            "grpc: {enabled: false, bind_address: \"ADDRESS\"}\ngrpc_output: {enabled: true}",
            vec![(
                Failed,
                "grpc.enabled is false; set it to true, and restart Falco",
            )],
            vec![(Warning, "grpc.enabled is false")],
        ),
        (
            "grpc: {bind_address: \"ADDRESS\"}\ngrpc_output: {}",
            vec![(Failed, "grpc.enabled is not set; set it to true")],
            vec![(Warning, "grpc.enabled is not set")],
        ),
        (
            "grpc: {enabled: maybe, bind_address: \"ADDRESS\"}",
            vec![(Failed, "grpc.enabled is \"maybe\", which is not true")],
            vec![(Warning, "\"maybe\"")],
        ),
        (
            "grpc: {enabled: yes, bind_address: \"ADDRESS\"}\ngrpc_output: {enabled: Off}",
            vec![(
                Failed,
                "grpc_output.enabled is Off, so that no alert ever arrives; set it to true",
            )],
            vec![(Failed, "grpc_output.enabled is Off")],
        ),
        (
            "grpc: {enabled: TRUE, bind_address: \"unix:///run/other.sock\"}",
            vec![(
                Failed,
                "grpc.bind_address is unix:///run/other.sock, and the endpoint is",
            )],
            vec![(Warning, "make them the same")],
        ),
        (
            "grpc: {enabled: true}",
            vec![(
                Failed,
                "grpc.bind_address is 0.0.0.0:5060, and the endpoint is unix:",
            )],
            vec![(Warning, "0.0.0.0:5060")],
        ),
        (
            "grpc: {enabled: true, bind_address: \"nowhere\"}",
            vec![(
                Failed,
                "grpc.bind_address: endpoint \"nowhere\": has no port",
            )],
            vec![(Warning, "nowhere:5060")],
        ),
        (
            "rules_files: []\nstdout_output: {enabled: true}",
            vec![(
                Failed,
                "has no grpc and no grpc_output, as with Falco 0.44 and later",
            )],
            vec![(Warning, "later let its http_output send")],
        ),
        (
            "hello: world",
            vec![(Failed, "does not look like Falco's; give its falco.yaml")],
            vec![(Warning, "does not look like Falco's")],
        ),
        (
            "grpc: {enabled: \"${ON}\", bind_address: \"${WHERE}\"}",
            vec![
                (
                    Warning,
                    "grpc.enabled is ${ON}, which Falco's environment decides",
                ),
                (Warning, "grpc.bind_address is ${WHERE}"),
            ],
            vec![(Warning, "${ON}"), (Warning, "${WHERE}")],
        ),
    ] {
        let dead = Settings::new(&text.replace("ADDRESS", NOWHERE));
        let report = dead.check(NOWHERE);
        says(&report, &of_the_dead);
        let broken = match of_the_dead[0].0 {
            Failed => Step::FalcoYaml,
            _ => Step::Socket,
        };
        assert_eq!(report.failed().unwrap().step, broken, "{report}");

        let living = Settings::new(&text.replace("ADDRESS", &address));
        let report = living.check(&address);
        says(&report, &of_the_living);
        let failed = report.failed().map(|finding| finding.step);
        let expected = (of_the_living[0].0 == Failed).then_some(Step::FalcoYaml);
        assert_eq!(failed, expected, "{report}");
        assert_eq!(
            report.findings().last().unwrap().step,
            Step::Outputs,
            "it goes on"
        );
    }
}

#[test]
fn what_is_well_is_reported() {
    let falco = Falco::start();
    let address = falco.endpoint();
    let settings = Settings::new(&ALL_ON.replace(NOWHERE, &address));
    let report = settings.check(&address);
    assert!(report.failed().is_none(), "{report}");
    says(
        &report,
        &[(Outcome::Ok, &format!("are enabled, bind_address {address}"))],
    );
}

/// A socket may be reached by another path.
#[test]
fn a_symbolic_link_is_the_same_socket() {
    let falco = Falco::start();
    let link = falco.folder.path().join("link.sock");
    std::os::unix::fs::symlink(falco.folder.path().join("falco.sock"), &link).unwrap();
    let settings = Settings::new(&ALL_ON.replace(NOWHERE, &falco.endpoint()));
    let report = settings.check(&format!("unix://{}", link.display()));
    says(&report, &[(Outcome::Ok, "are enabled")]);
}

#[test]
fn included_files_replace_in_order_unless_they_only_add() {
    let settings = Settings::new(
        "config_files:\n  - {folder}/config.d\n  - {path: {folder}/late.yaml, strategy: add-only}\n\
         grpc: {enabled: false}\n"
            .replace("{path: {folder}/late.yaml", "{path: \"{folder}/late.yaml\"")
            .as_str(),
    );
    settings.write("config.d/0.yaml", "");
    settings.write(
        "late.yaml",
        "grpc: {enabled: false}\ngrpc_output: {enabled: false}\n",
    );
    says(
        &settings.check(NOWHERE),
        &[
            (Outcome::Failed, "falco.yaml: grpc.enabled is false"),
            (
                Outcome::Failed,
                "falco.yaml: grpc.bind_address is 0.0.0.0:5060",
            ),
            (Outcome::Failed, "late.yaml: grpc_output.enabled is false"),
        ],
    );
    settings.write("config.d/1.yaml", ALL_ON);
    says(&settings.check(NOWHERE), &[(Outcome::Ok, "are enabled")]);
    settings.write("config.d/2.yaml", "grpc: {enabled: false}\n");
    says(
        &settings.check(NOWHERE),
        &[
            (Outcome::Failed, "config.d/2.yaml: grpc.enabled is false"),
            // The whole value is replaced.
            (
                Outcome::Failed,
                "config.d/2.yaml: grpc.bind_address is 0.0.0.0:5060",
            ),
        ],
    );
    settings.write("config.d/3.yaml", "grpc: [\n");
    let report = settings.check(NOWHERE);
    let (outcome, text) = said(&report).remove(0);
    assert_eq!(outcome, Outcome::Warning);
    assert!(text.contains("config.d/3.yaml is no YAML: "), "{text}");
}

#[test]
fn included_files_that_falco_does_not_read_are_named() {
    let settings = Settings::new(&format!(
        "config_files: [{{folder}}/none.yaml, config.d, \"${{MORE}}\", {{folder}}/more.yaml, \
         {{folder}}/falco.yaml]\n{ALL_ON}"
    ));
    settings.write("more.yaml", "config_files: [a.yaml]\n");
    let report = settings.check(NOWHERE);
    says(
        &report,
        &[
            (
                Outcome::Warning,
                "none.yaml, which does not exist, and Falco skips it",
            ),
            (
                Outcome::Warning,
                "config.d, which Falco looks for in the folder that it is started in",
            ),
            (Outcome::Warning, "config.d, which does not exist"),
            (
                Outcome::Warning,
                "${MORE}, which Falco's environment decides",
            ),
            (Outcome::Warning, "config_files names the main file itself"),
            (
                Outcome::Warning,
                "more.yaml has config_files, with which Falco does not start",
            ),
        ],
    );
}

#[test]
fn files_that_cannot_be_used() {
    let falco = Falco::start();
    for (text, part) in [
        ("grpc: [", "is no YAML: "),
        ("- grpc", "has no settings"),
        (&*"[".repeat(1000), "; give Falco's falco.yaml"),
        (&*"#".repeat(2 << 20), "has more than 1 MiB"),
    ] {
        let report = Settings::new(text).check(&falco.endpoint());
        says(&report, &[(Outcome::Failed, part)]);
    }
    let report = check(&falco.endpoint(), Path::new("/nonexistent/falco.yaml"));
    says(
        &report,
        &[(
            Outcome::Failed,
            "/nonexistent/falco.yaml cannot be read: No such file",
        )],
    );
}

#[test]
fn hostile_settings_end_soon() {
    let many: String = (0..90_000).map(|n| format!("k{n}: v\n")).collect();
    let report = Settings::new(&many).check(NOWHERE);
    says(&report, &[(Outcome::Failed, "does not look like Falco's")]);

    let settings = Settings::new(&format!("config_files: [{{folder}}/config.d]\n{ALL_ON}"));
    for n in 0..200 {
        settings.write(&format!("config.d/{n}.yaml"), "a: b\n");
    }
    let report = settings.check(NOWHERE);
    says(&report, &[(Outcome::Warning, "more than 100 files")]);
}

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

const POSTS: &str = "listen+http://127.0.0.1:0";

/// As yaml-cpp and Falco read them: settings are made by Ansible, Helm and Puppet, too.
#[test]
fn truth_is_spelt_in_many_ways() {
    let problems = |json: &str, url: &str| {
        let http = format!("http_output: {{enabled: True, url: {url}}}");
        let settings = Settings::new(&format!("json_output: {json}\n{http}\n"));
        let said = said(&settings.check(POSTS));
        let failed = said
            .into_iter()
            .filter(|(outcome, _)| *outcome == Outcome::Failed);
        failed.map(|(_, text)| text).collect::<Vec<_>>()
    };
    let url = "http://receiver:2801/";
    for json in [
        "true",
        "True",
        "TRUE",
        "yes",
        "On",
        "\"true\"",
        "\"${FALCO_JSON}\"",
    ] {
        assert_eq!(problems(json, url), [""; 0], "{json}");
    }
    for json in ["false", "no", "Off", "FALSE", "tRUE", "1", "[]"] {
        let problems = problems(json, url);
        assert_eq!(problems.len(), 1, "{json}");
        assert!(problems[0].contains("json_output"), "{problems:?}");
    }
    for url in [
        "\"'http://receiver:2801/'\"",
        "receiver:2801",
        "http://u:p@receiver:2801/x?y",
    ] {
        assert_eq!(problems("true", url), [""; 0], "{url}");
    }
}

#[test]
fn what_is_secret_in_a_url_is_not_shown() {
    let url = "https://user:s3cret@intake.example:8443/v2?key=0123456789abcdef";
    let settings = Settings::new(&format!(
        "json_output: true\nhttp_output: {{enabled: true, url: \"{url}\"}}\n"
    ));
    let report = settings.check("listen+http://127.0.0.1:0");
    let text = format!("{report}{}", serde_json::to_string(&report).unwrap());
    assert!(text.contains("https://intake.example:8443/v2?…"), "{text}");
    assert!(
        !text.contains("s3cret") && !text.contains("0123456789abcdef"),
        "{text}"
    );
}

#[test]
fn settings_are_found_in_the_values_of_a_chart_and_in_a_config_map() {
    let settings = "  json_output: false\n  http_output: {enabled: true, url: \"http://no-such-host.invalid:1\"}\n";
    let chart = format!("image: {{tag: 1}}\nfalco:\n{settings}");
    let inner = settings
        .replace("  json", "    json")
        .replace("  http", "    http");
    let map = format!("kind: ConfigMap\ndata:\n  falco.yaml: |\n{inner}");
    let anchored =
        "x: &off false\njson_output: *off\nhttp_output: {enabled: true, url: \"http://no-such-host.invalid:1\"}";
    for text in [&*chart, &*map, anchored] {
        let report = Settings::new(text).check(POSTS);
        let unknown = "no-such-host.invalid, a name that is unknown here";
        let expected = [
            (Outcome::Failed, "json_output is not true"),
            (Outcome::Warning, unknown),
        ];
        says(&report, &expected);
    }
}

#[test]
fn settings_that_make_alerts_poorer_are_warned_of() {
    let settings = Settings::new(
        "json_output: true\njson_include_output_fields_property: false\n\
         outputs_queue: {capacity: 100}\nhttp_output: {enabled: true, url: \"http://a:1\"}",
    );
    let report = settings.check(POSTS);
    let texts: Vec<_> = said(&report)
        .into_iter()
        .map(|(outcome, text)| {
            assert_ne!(outcome, Outcome::Failed, "{text}");
            text
        })
        .collect();
    assert!(
        texts
            .iter()
            .any(|text| text.contains("have no output fields")),
        "{texts:?}"
    );
    assert!(
        texts
            .iter()
            .any(|text| text.contains("outputs_queue.capacity is 100")),
        "{texts:?}"
    );
}

#[test]
fn settings_that_lose_or_delay_alerts_are_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.json");
    let file = format!("file://{}", path.display());
    let falco = Falco::start();
    let address = falco.endpoint();
    let base = format!(
        "json_output: true\nstdout_output: {{enabled: true}}\nfile_output: {{enabled: true, \
         keep_alive: true, filename: {}}}\ngrpc: {{enabled: true, bind_address: \"{address}\"}}\n",
        path.display()
    );
    for (endpoint, text, expected) in [
        ("-", "priority: debug\nbuffered_outputs: false", ""),
        ("-", "priority: ${LEVEL}\nbuffered_outputs: ${BUFFERED}", ""),
        ("-", "outputs: {rate: 0}\noutputs_queue: {capacity: 0}", ""),
        (
            "-",
            "priority: warning",
            "priority is warning, so that rules",
        ),
        (&address, "priority: Notice", "priority is Notice"),
        (
            &address,
            "outputs_queue: {capacity: 7}",
            "outputs_queue.capacity is 7",
        ),
        (&address, "json_include_tags_property: false", ""),
        (&file, "json_include_tags_property: false", "have no tags"),
        (&file, "json_include_output_property: no", "have no output"),
        (&file, "buffered_outputs: true", "alerts arrive late"),
        ("-", "buffered_outputs: true", "alerts arrive late"),
        (&address, "buffered_outputs: true", ""),
        (
            "-",
            "outputs: {rate: 1, max_burst: 9}",
            "outputs.rate is 1, so that a Falco before 0.36",
        ),
    ] {
        let report = Settings::new(&format!("{base}{text}\n")).check(endpoint);
        let said = said(&report);
        assert!(report.failed().is_none(), "{report}");
        let warned = said
            .iter()
            .filter(|(outcome, _)| *outcome == Outcome::Warning);
        let warned: Vec<_> = warned.map(|(_, text)| text.as_str()).collect();
        match expected {
            "" => assert_eq!(warned, [""; 0], "{text}"),
            part => assert!(warned.len() == 1 && warned[0].contains(part), "{warned:?}"),
        }
    }
}

#[test]
fn a_program_that_is_started_for_each_alert_is_warned_of() {
    let program = "json_output: true\nprogram_output: {enabled: true, program: cat}\n";
    let report = Settings::new(program).check("-");
    says(
        &report,
        &[
            (Outcome::Ok, "program_output are on"),
            (Outcome::Warning, "starts the program anew for each alert"),
        ],
    );
    let kept = program.replace("cat", "cat, keep_alive: true");
    let report = Settings::new(&kept).check("-");
    says(&report, &[(Outcome::Ok, "program_output are on")]);
}
