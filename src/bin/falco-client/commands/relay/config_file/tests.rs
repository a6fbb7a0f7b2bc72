use std::path::Path;

use falco_client::{Alert, Priority};

use super::*;

fn parse(text: &str) -> Result<ConfigFile, String> {
    ConfigFile::parse(Path::new("/etc/falco/relay.toml"), text).map_err(|failure| match failure {
        Failure::Usage(problem) => problem,
        other => format!("{other:?}"),
    })
}

#[test]
fn each_option_is_read() {
    let file = parse(
        r#"
close_within = 5
falco = "0.44.0"
filter = { min_priority = "warning", rules = ["Term*"], fields = ["k8s.ns.name!=kube-system"] }

[spool]
dir = "spool"
size = 16
when_full = "drop-oldest"

[metrics]
address = "127.0.0.1:9376"
fields = ["k8s.ns.name"]

[[source]]
endpoint = "listen+http://127.0.0.1:2801"
name = "edge"
max_message_bytes = 1_000_000
max_connections = 10

[[source]]
endpoint = "falco:5060"
ca = "ca.crt"
cert = "client.crt"
key = "client.key"
server_name = "localhost"

[[sink]]
address = "alerts.jsonl"

[[sink]]
address = "http://sink/"
headers = { Z = "last in the alphabet", Authorization = "s3cret" }
bearer_token_file = "token"

[[sink]]
address = "grpc"
fan_out = true
"#,
    )
    .unwrap();
    assert_eq!((file.close_within, file.spool_size), (Some(5), Some(16)));
    assert_eq!(file.spool.unwrap(), Path::new("/etc/falco/spool"));
    assert!(matches!(file.when_full, Some(WhenFull::DropOldest)));
    assert_eq!(file.metrics_fields, ["k8s.ns.name"]);
    let sources: Vec<_> = file
        .sources
        .iter()
        .map(|one| format!("{:?}", one.config))
        .collect();
    assert_eq!(file.sources[0].name.as_deref(), Some("edge"));
    assert!(sources[0].contains("1000000"), "{}", sources[0]);
    assert!(sources[1].contains("/etc/falco/ca.crt"), "{}", sources[1]);
    let sinks: Vec<_> = file.sinks.iter().map(|sink| format!("{sink:?}")).collect();
    assert!(
        sinks[0].contains("file:///etc/falco/alerts.jsonl"),
        "{}",
        sinks[0]
    );
    assert!(
        sinks[1].contains(r#"["Z", "Authorization"]"#),
        "{}",
        sinks[1]
    );
    assert!(sinks[1].contains("/etc/falco/token") && !sinks[1].contains("s3cret"));
    assert!(sinks[2].contains("fan_out: true"), "{}", sinks[2]);
    let alert = |rule: &str| {
        Alert::builder()
            .rule(rule)
            .priority(Priority::Error)
            .build()
    };
    assert!(file.filter.matches(&alert("Terminal shell")));
    assert!(!file.filter.matches(&alert("Other")));
}

#[test]
fn an_error_says_where_it_is_and_what_was_meant() {
    for (text, expected) in [
        (
            "close_withn = 5",
            "1:1: unknown key `close_withn` in the file; did you mean `close_within`?",
        ),
        (
            "\n[[sink]]\naddres = 'grpc'",
            "3:1: unknown key `addres` in [[sink]]; did you mean `address`?",
        ),
        (
            "[[source]]\nmax-connections = 5",
            "2:1: unknown key `max-connections` in [[source]]; did you mean `max_connections`?",
        ),
        (
            "[spool]\nxyz = 1",
            "2:1: unknown key `xyz` in [spool]; its keys are dir, size, when_full",
        ),
        (
            "[[sink]]\nheaders = {}",
            "1:1: [[sink]] needs the key `address`",
        ),
        (
            "spool = 'dir'",
            "1:9: `spool`: write a table, as in [spool]",
        ),
        (
            "[source]\nendpoint = '-'",
            "1:1: `source`: write [[source]]",
        ),
        (
            "[spool]\nsize = 0",
            "2:8: `size`: write a whole number from 1 to 1073741824",
        ),
        (
            "[spool]\nwhen_full = 'drop'",
            "2:13: `when_full`: write wait, drop-oldest or drop-newest",
        ),
        ("[[source]]\nendpoint = 'ftp://x'", "2:12: `endpoint`: "),
        (
            "[[sink]]\naddress = 'listen+http://x:1'",
            "2:11: `address`: ",
        ),
        (
            "[[sink]]\naddress = 'http://x'\ncert = 'c'",
            "1:1: `cert` and `key` go together",
        ),
        ("filter = { rules = ['ok', '[a'] }", "1:27: `rules`: "),
        (
            "filter = { min_priority = 'urgent' }",
            "1:27: `min_priority`: ",
        ),
        (
            "[[sink]]\naddress = 'http://x'\nbatch = { format = 'list' }",
            "3:20: `format`: write array or lines",
        ),
        (
            "[[sink]]\naddress = 'http://x'\nbatch = { format = 'array', delay = 61 }",
            "3:37: `delay`: write seconds from 0 to 60",
        ),
        (
            "[[source]]\nendpoint = '-'\ntoken_file = 'none'",
            "3:14: `token_file`: /etc/falco/none: No such file",
        ),
        ("close_within = ", "1:16: "),
        (
            "[[sink]]\naddress = 'grpc'\naddress = 'grpc'",
            "3:1: duplicate key",
        ),
    ] {
        let error = parse(text).err().unwrap();
        let expected = format!("/etc/falco/relay.toml:{expected}");
        assert!(error.starts_with(&expected), "{text}: {error}\n{expected}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn no_error_has_a_secret() {
    for text in [
        "[[sink]]\naddress = 'http://h/'\nheaders = { A = 53cret }",
        "[[sink]]\naddress = 'http://h/'\nheaders = 's3cret'",
        "[[sink]]\naddress = 'http://h/'\nheaders = { A = ['s3cret'] }",
        "[[sink]]\naddress = 'http://u:s3cret@'",
        "[[sink]]\naddress = 'http://u:s3cret@ h/'",
        "[[sink]]\nheaders = { A = 's3cret",
        "[[sink]]\nheaders = { A = s3cret }",
    ] {
        let error = parse(text).err().unwrap();
        assert!(!error.contains("3cret"), "{error}");
    }
}

#[test]
fn the_example_has_every_key() {
    let text = include_str!("../../../../../../examples/relay.toml");
    let uncommented: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            // Files of secrets are read.
            Some(option) if option.contains(" = ") && !option.contains("secrets/") => option,
            _ => line,
        })
        .fold(String::new(), |text, line| text + line + "\n");
    for text in [text, &uncommented] {
        let file = parse(text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((file.sources.len(), file.sinks.len()), (2, 3));
    }
    let keys = [
        KEYS,
        SPOOL,
        METRICS,
        parts::SOURCE,
        parts::SINK,
        parts::BATCH,
        parts::FILTER,
    ];
    for key in keys.concat() {
        let is_there = text.contains(&format!("{key} = ")) || text.contains(&format!("[{key}]"));
        // A plaintext connection is nothing to copy.
        assert!(key == "plaintext" || is_there, "{key}");
    }
}
