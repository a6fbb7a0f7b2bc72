//! Many Falcos over gRPC.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use falco_client::server::Server;
use falco_client::Alert;

use crate::machine::{self, share, used};
use crate::part::{commands, say, Part};
use crate::{corpus, number};

/// Falcos to a process.
const TOGETHER: usize = 250;
/// Alerts per second of each.
const RATE: usize = 5;
/// Until the subscriptions have come to rest, or the cadence to its pace.
const SETTLE: Duration = Duration::from_secs(4);
const MEASURED: Duration = Duration::from_secs(10);
/// How long the Falcos are gone before a reader is to follow them again.
const GONE: Duration = Duration::from_secs(8);
/// Alerts of the flood, over all Falcos.
const FLOOD: usize = 100_000;

pub fn measure(sizes: &[usize]) {
    machine::print();
    println!("{RATE} alerts/s each; CPU in percent of a core, of the reader");
    println!(
        "{:>6} {:>8} {:>7} {:>7} {:>7} {:>6} {:>7} {:>6} {:>7} {:>9} {:>7} {:>7} {:>7} {:>7}",
        "falcos",
        "alerts/s",
        "p50 ms",
        "p99 ms",
        "max ms",
        "CPU",
        "req/s",
        "idle",
        "req/s",
        "flood/s",
        "CPU s/M",
        "again s",
        "MiB",
        "threads",
    );
    for &size in sizes {
        row(size);
    }
}

struct Falcos(Vec<Part>);

impl Falcos {
    fn start(folder: &str, size: usize) -> Falcos {
        let firsts = (0..size).step_by(TOGETHER);
        let mut falcos = Falcos(
            firsts
                .map(|first| {
                    let count = TOGETHER.min(size - first).to_string();
                    Part::start(&["part-falcos", folder, &first.to_string(), &count])
                })
                .collect(),
        );
        falcos.answers();
        falcos
    }

    fn all(&mut self, command: &str) -> usize {
        self.0.iter_mut().for_each(|part| part.send(command));
        self.answers()
    }

    fn answers(&mut self) -> usize {
        let answers = self.0.iter_mut().map(|part| part.answer()[0] as usize);
        answers.sum()
    }
}

fn row(size: usize) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let mut falcos = Falcos::start(folder, size);
    let mut reader = Part::start(&["part-reader", folder, &size.to_string()]);
    reader.answer();
    sleep(SETTLE);

    reader.ask("begin");
    let before = used(reader.id());
    sleep(MEASURED);
    let idle = share(before, used(reader.id()), MEASURED);
    let idle_requests = reader.ask("end")[3] / MEASURED.as_secs_f64();

    let mut paced = |time: Duration| {
        reader.ask("begin");
        let (before, begin) = (used(reader.id()), Instant::now());
        let sent = falcos.all(&format!("pace {} {}", RATE, time.as_secs()));
        reader.ask(&format!("await {sent}"));
        let (after, time) = (used(reader.id()), begin.elapsed());
        (
            reader.ask("end"),
            share(before, after, time),
            sent as f64 / time.as_secs_f64(),
            time,
            after,
        )
    };
    paced(SETTLE);
    let (late, cpu, rate, time, after) = paced(MEASURED);
    let requests = late[3] / time.as_secs_f64();

    reader.ask("begin");
    let before = used(reader.id());
    let sent = falcos.all(&format!("flood {}", FLOOD / size));
    let took = reader.ask(&format!("await {sent}"))[0];
    let flood_cpu = (used(reader.id()).cpu - before.cpu).as_secs_f64() * 1e6 / sent as f64;

    falcos.all("stop");
    sleep(GONE);
    falcos.all("start");
    let again = reader.ask("follow")[0];

    println!(
        "{size:>6} {rate:>8.0} {:>7.1} {:>7.1} {:>7.1} {cpu:>6.1} {requests:>7.0} {idle:>6.1} \
         {idle_requests:>7.0} {:>9.0} {flood_cpu:>7.1} {again:>7.2} {:>7.1} {:>7}",
        late[0],
        late[1],
        late[2],
        sent as f64 / took,
        after.memory,
        after.threads,
    );
}

/// The Falcos of one process.
pub fn run(folder: &str, first: usize, count: usize) {
    let start = || -> Vec<Server> {
        let paths = (first..first + count).map(|at| endpoint(folder, at));
        let servers = paths.map(|path| Server::builder().listen(path).start().unwrap());
        servers.collect()
    };
    let mut servers = start();
    let recordings = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let mut messages = corpus::messages(&recordings);
    say(&[count as f64]);
    for command in commands() {
        let mut sent = 0;
        let words: Vec<_> = command.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["pace", rate, seconds] => {
                let (begin, end) = (Instant::now(), number(seconds) * number(rate) * count);
                while sent < end {
                    let due = sent as f64 / (number(rate) * count) as f64;
                    let due = begin + Duration::from_secs_f64(due);
                    sleep(due.saturating_duration_since(Instant::now()));
                    let mut message = messages.next().unwrap();
                    stamp(&mut message);
                    servers[sent % count].push_bytes(message);
                    sent += 1;
                }
            }
            ["flood", each] => {
                for server in servers.iter().cycle().take(number(each) * count) {
                    server.push_bytes(messages.next().unwrap());
                    sent += 1;
                }
            }
            ["stop"] => servers.clear(),
            ["start"] => servers = start(),
            _ => panic!("{command:?}"),
        }
        say(&[sent as f64]);
    }
}

pub fn endpoint(folder: &str, at: usize) -> String {
    format!("unix://{folder}/{at}.sock")
}

/// Says that the alert is of this moment: a later field replaces an earlier one.
fn stamp(message: &mut Vec<u8>) {
    let time = Alert::builder().time(SystemTime::now()).build();
    message.extend_from_slice(time.as_bytes());
}
