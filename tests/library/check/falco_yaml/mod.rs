//! Which of Falco's settings is off.

mod endpoints;
mod included;
mod losses;

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
