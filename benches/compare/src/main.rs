//! Compares readers of Falco's alerts end to end. Run by `script/bench`.
//!
//! | | |
//! | --- | --- |
//! | `serve ENDPOINT ALERTS RECORDINGS [CERTIFICATES]` | the server of a backlog |
//! | `read READER ENDPOINT [CERTIFICATES]` | reads a backlog with tonic |
//! | `watch READER ENDPOINT ALERTS` | subscribes with tonic |
//! | `json RECORDINGS` | compares crates that read and write JSON |
//! | `ranges RESULTS` | shows what the kept runs have in common |
//! | `compare OURS …` | runs them all, and draws what came of it |

mod chart;
mod json;
mod json_crates;
mod machine;
mod pki;
mod placement;
mod plan;
mod process;
mod proof;
mod ranges;
mod ratio;
mod report;
mod rounds;
mod serve;
mod subscriptions;
mod tonic_readers;

#[path = "../../corpus.rs"]
mod corpus;
#[path = "../../measured.rs"]
mod measured;
#[path = "../../prost_alert.rs"]
mod prost_alert;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["serve", endpoint, alerts, recordings, ref certificates @ ..] => serve::serve(
            endpoint,
            alerts.parse().unwrap(),
            recordings.as_ref(),
            certificates.first().map(AsRef::as_ref),
        ),
        ["read", reader, endpoint, ref certificates @ ..] => {
            tonic_readers::read(reader, endpoint, certificates.first().map(AsRef::as_ref));
        }
        ["watch", reader, endpoint, alerts] => {
            tonic_readers::watch(reader, endpoint, alerts.parse().unwrap());
        }
        ["json", recordings] => json_crates::compare(recordings.as_ref()),
        ["ranges", results] => ranges::show(results.as_ref()),
        ["compare", ref plan @ ..] => plan::run(plan),
        _ => panic!("see the table at the start of main.rs"),
    }
}
