//! Files that `config_files` names.

use falco_client::check::Outcome;

use super::{said, says, Settings, ALL_ON, NOWHERE};

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
