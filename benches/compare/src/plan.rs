//! Who reads what.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::machine::Machine;
use crate::placement::Placement;
use crate::rounds::{self, Transport};
use crate::{chart, pki, report, subscriptions};

/// What a reader does with each alert, beside reading rule, priority and two fields.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Work {
    Fields,
    FalcoJson,
    GoJson,
    ProtoJson,
    /// What the Go client's example prints, by gogo's `jsonpb`.
    GoExample,
    /// Nothing: the bytes are counted.
    Bytes,
}

pub struct Reader {
    pub name: &'static str,
    pub command: Vec<String>,
    pub work: Work,
    pub transports: &'static [Transport],
    /// Reads a twentieth, so that it ends within the hour.
    pub slow: bool,
}

/// What can be measured without the rest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Backlog(Transport),
    Rates,
    Burst,
}

const PARTS: [(&str, Part); 4] = [
    ("unix", Part::Backlog(Transport::Unix)),
    ("tls", Part::Backlog(Transport::MutualTls)),
    ("rates", Part::Rates),
    ("burst", Part::Burst),
];

pub struct Plan {
    /// The program with this crate's readers.
    ours: String,
    /// Readers in other languages, where there are any: name and command.
    others: Vec<(String, Vec<String>)>,
    pub recordings: PathBuf,
    pub alerts: usize,
    pub rounds: usize,
    parts: Vec<Part>,
}

/// Of the words `OURS RECORDINGS ALERTS ROUNDS FOLDER RESULTS PARTS [NAME=COMMAND...]`, where the words of a
/// command stand between `|`, and the names of parts between commas. A run of some size is kept in the
/// folder RESULTS.
pub fn run(words: &[&str]) {
    let [ours, recordings, alerts, rounds, folder, results, parts, others @ ..] = words else {
        panic!("compare OURS RECORDINGS ALERTS ROUNDS FOLDER RESULTS PARTS [NAME=COMMAND...]");
    };
    let part = |name| {
        let part = PARTS.iter().find(|(other, _)| *other == name);
        let (_, part) = part.unwrap_or_else(|| panic!("no part {name}: unix, tls, rates or burst"));
        *part
    };
    let plan = Plan {
        ours: (*ours).to_owned(),
        others: others
            .iter()
            .map(|other| {
                let (name, command) = other.split_once('=').unwrap();
                let words = command.split('|').map(str::to_owned);
                (name.to_owned(), words.collect())
            })
            .collect(),
        recordings: recordings.into(),
        alerts: alerts.parse().unwrap(),
        rounds: rounds.parse().unwrap(),
        parts: parts.split(',').map(part).collect(),
    };
    let machine = Machine::look();
    println!("{}\n", machine.text());
    if machine.is_busy() && std::env::var_os("FALCO_CLIENT_BUSY").is_none() {
        eprintln!(
            "The machine is busy: nothing is compared. script/bench --busy compares all the same."
        );
        std::process::exit(1);
    }
    let work = tempfile::tempdir().unwrap();
    pki::write(work.path());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let mut random = now.as_nanos() as u64 | 1;
    let mut backlog = Vec::new();
    for transport in [Transport::Unix, Transport::MutualTls] {
        if plan.has(Part::Backlog(transport)) {
            for &placement in Placement::all() {
                let one = rounds::run(&plan, transport, placement, work.path(), &mut random);
                backlog.push(one);
            }
        }
    }
    let subscriptions = subscriptions::run(&plan, work.path(), &mut random);
    eprint!("\r{:<70}\r", "");
    report::print(&plan, &machine, &backlog, &subscriptions);
    let folder = Path::new(folder);
    std::fs::create_dir_all(folder).unwrap();
    report::write(
        folder,
        results.as_ref(),
        &machine,
        &plan,
        &backlog,
        &subscriptions,
    );
    chart::draw(folder, &backlog, &subscriptions);
}

pub fn this() -> String {
    let this = std::env::current_exe().unwrap();
    this.to_str().unwrap().to_owned()
}

impl Plan {
    pub fn has(&self, part: Part) -> bool {
        self.parts.contains(&part)
    }

    /// Whether its figures are worth more than a try.
    pub fn is_whole(&self) -> bool {
        self.alerts >= 500_000 && self.rounds >= 5
    }

    fn other(&self, name: &str, word: &str) -> Option<Vec<String>> {
        let (_, command) = self.others.iter().find(|(other, _)| other == name)?;
        Some(command.iter().cloned().chain([word.to_owned()]).collect())
    }

    /// Those of a backlog.
    pub fn readers(&self) -> Vec<Reader> {
        use Transport::{MutualTls, Unix};
        use Work::{Bytes, FalcoJson, Fields, GoExample, GoJson, ProtoJson};
        const BOTH: &[Transport] = &[Unix, MutualTls];
        let ours = |reader: &str| Some([&self.ours, "--read", reader].map(str::to_owned).to_vec());
        let tonic = |reader: &str| Some([&this(), "read", reader].map(str::to_owned).to_vec());
        let go = |word: &str| self.other("go", word);
        let python = |word: &str| self.other("python", word);
        let rows: [(_, _, _, &'static [Transport], _); 17] = [
            ("iterator", ours("iterator"), Fields, BOTH, false),
            (
                "stream, futures::executor",
                ours("stream"),
                Fields,
                BOTH,
                false,
            ),
            ("stream, smol", ours("smol"), Fields, BOTH, false),
            ("callback", ours("callback"), Fields, BOTH, false),
            (
                "iterator, Falco JSON",
                ours("falco-json"),
                FalcoJson,
                BOTH,
                false,
            ),
            ("iterator, Go JSON", ours("go-json"), GoJson, &[Unix], false),
            (
                "iterator, proto JSON",
                ours("proto-json"),
                ProtoJson,
                &[Unix],
                false,
            ),
            ("C-core, bytes only", ours("floor"), Bytes, BOTH, false),
            ("grpcio, its thread", ours("grpcio"), Fields, &[Unix], false),
            (
                "grpcio, block_on",
                ours("grpcio-block-on"),
                Fields,
                &[Unix],
                true,
            ),
            (
                "tonic, current-thread",
                tonic("current"),
                Fields,
                BOTH,
                false,
            ),
            ("tonic, multi-thread", tonic("multi"), Fields, BOTH, false),
            (
                "tonic, current-thread, OpenSSL",
                tonic("current-openssl"),
                Fields,
                &[MutualTls],
                false,
            ),
            (
                "tonic, Falco JSON",
                tonic("current-json"),
                FalcoJson,
                BOTH,
                false,
            ),
            ("Go", go("read"), Fields, &[Unix], false),
            (
                "Go, its example's JSON",
                go("json"),
                GoExample,
                &[Unix],
                true,
            ),
            ("Python", python("read"), Fields, &[Unix], true),
        ];
        let reader = |(name, command, work, transports, slow): (_, Option<_>, _, _, _)| {
            command.map(|command| Reader {
                name,
                command,
                work,
                transports,
                slow,
            })
        };
        rows.into_iter().filter_map(reader).collect()
    }

    /// Those that subscribe.
    pub fn subscribers(&self) -> Vec<(&'static str, Vec<String>)> {
        let words = |words: [&str; 3]| words.map(str::to_owned).to_vec();
        let this = this();
        let ours = [
            ("iterator", words([&self.ours, "--watch", "iterator"])),
            ("stream", words([&self.ours, "--watch", "stream"])),
        ];
        let theirs = [
            ("tonic, every 100 ms", words([&this, "watch", "current"])),
            ("tonic, every 1 s", words([&this, "watch", "current-1s"])),
        ];
        let go = self.other("go", "watch");
        ours.into_iter()
            .chain(theirs)
            .chain(go.map(|go| ("Go, every 1 s (its example)", go)))
            .collect()
    }

    /// The embedded Falco, which sends alerts at a rate, in the words of [`subscriptions`].
    pub fn emitter(&self, endpoint: &str, rate: &str, alerts: usize) -> Vec<String> {
        let alerts = alerts.to_string();
        let words = [&self.ours, "--emit", endpoint, rate, &alerts];
        words.map(str::to_owned).to_vec()
    }
}
