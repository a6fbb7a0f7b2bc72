//! Connections that are cut, delayed or fed garbage at any byte.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use falco_client::{Client, Config, Error};

use crate::common::certificates::Certificates;
use crate::common::LIMIT;
use crate::falco::{socket, tls, Falco, Load};
use crate::load::place;
use crate::proxy::{Plan, Proxy};
use crate::{grouped, report, scale, Random};

/// Clients side by side, so that one's back-off is another's turn.
const CLIENTS: usize = 8;

/// What each client has to receive once no more harm is done.
const AFTERWARDS: u64 = 500;

/// Over TLS whatever is changed on the way is noticed, so that nothing altered may arrive.
#[test]
fn proxied_tls() {
    let certificates = Certificates::new();
    let falco = Falco::start(&Load::over_tls(&certificates));
    let tls = tls(&certificates.client_files());
    let configure = |config: Config| config.tls(tls.clone());
    let seen = harm(&falco, certificates.folder(), true, configure);
    assert_eq!((seen.altered, seen.undecodable), (0, 0));
}

/// A unix socket adds nothing by which a change could be noticed, but where bytes only go missing
/// or come late, nothing altered may arrive.
#[test]
fn proxied_unix() {
    let seen = harm_unix(false);
    assert_eq!((seen.altered, seen.undecodable), (0, 0));
}

/// Garbage in the middle of an alert is that alert then, so that only what follows can be judged.
#[test]
fn proxied_garbage() {
    harm_unix(true);
}

fn harm_unix(garbage: bool) -> Seen {
    let folder = tempfile::tempdir().unwrap();
    let listen = socket(&folder);
    let falco = Falco::start(&Load::on(listen));
    harm(&falco, folder.path(), garbage, |config| config)
}

#[derive(Default)]
struct Seen {
    alerts: HashSet<u64>,
    altered: u64,
    undecodable: u64,
    /// Sequences that ended with an error.
    ended: u64,
    mended: bool,
}

/// Puts clients behind a proxy that harms every connection, and sees each of them go on.
fn harm(falco: &Falco, folder: &Path, garbage: bool, configure: impl Fn(Config) -> Config) -> Seen {
    let connections = scale(30, 1_000);
    let mut random = Random::seeded();
    let plans = move || plan(&mut random, garbage);
    let proxy = Proxy::start(&falco.endpoint, folder, plans);
    let seen = Mutex::new(Seen::default());
    let config = Config::new(&proxy.endpoint)
        .connect_timeout(Duration::from_secs(1))
        .stall_timeout(Duration::from_secs(2));
    let client = || Client::new(configure(config.clone())).unwrap();
    let start = Instant::now();
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let (client, seen) = (client(), &seen);
                scope.spawn(move || follow(&client, seen))
            })
            .collect();
        let (mut known, mut when) = (0, Instant::now());
        // One that hangs would keep the number from growing, sooner or later.
        while known < connections && when.elapsed() < LIMIT {
            thread::sleep(Duration::from_millis(5));
            if proxy.connections() > known {
                (known, when) = (proxy.connections(), Instant::now());
            }
        }
        let hangs = known < connections || clients.iter().any(|client| client.is_finished());
        proxy.mend();
        // Also where one has failed: the others shall end.
        seen.lock().unwrap().mended = true;
        assert!(!hangs, "after {known} connections");
    });
    let seen = seen.into_inner().unwrap();
    report(&format!(
        "{} connections to {} harmed ({}) in {:.0?}: {} alerts, none twice, {} altered, {} \
         undecodable; {} sequences ended with an error, the others recovered; no panic, no hang",
        grouped(proxy.connections()),
        match falco.endpoint.starts_with("unix:") {
            true => "a unix socket",
            false => "mutual TLS",
        },
        match garbage {
            true => "cut, delayed, garbage",
            false => "cut, delayed",
        },
        start.elapsed(),
        grouped(seen.alerts.len() as u64),
        seen.altered,
        seen.undecodable,
        seen.ended,
    ));
    seen
}

fn plan(random: &mut Random, garbage: bool) -> Plan {
    let down = random.below(3) > 0;
    // Within the handshake, or somewhere among requests or alerts.
    let mut place = || match (random.below(3), down) {
        (0, true) => random.below(4_000),
        (_, false) => random.below(3_000),
        (_, true) => random.below(400_000),
    };
    let (pause, hit, cut) = (place(), place(), place());
    let chance = |random: &mut Random| random.below(2) == 0;
    let garbage = garbage && chance(random);
    Plan {
        down,
        pause: chance(random).then(|| (pause, random.millis(300))),
        garbage: garbage.then(|| (hit, 1 + random.below(64) as usize, random.number())),
        cut: Some(if garbage { hit + cut } else { cut }),
        // A connection that garbage has spoilt and not ended may live on and bring no more alerts,
        // so that this cannot show how long a client would put up with it.
        limit: garbage.then(|| Duration::from_secs(5)),
    }
}

/// Subscribes, and does so again whenever that has ended, until all is well again.
fn follow(client: &Client, seen: &Mutex<Seen>) {
    let lock = || -> MutexGuard<Seen> { seen.lock().unwrap() };
    let mut afterwards = 0;
    while afterwards < AFTERWARDS {
        let mut alerts = client.subscribe().unwrap();
        while afterwards < AFTERWARDS {
            // The longest that a client may be kept from its next alert, after harm upon harm.
            let Ok(item) = alerts.recv_timeout(LIMIT) else {
                panic!("neither an alert nor an error: {:?}", alerts.state());
            };
            let mut seen = lock();
            match item {
                Ok(alert) => match place(&alert) {
                    Some((_, number)) => {
                        assert!(seen.alerts.insert(number), "alert {number} came twice");
                        afterwards += u64::from(seen.mended);
                    }
                    None => seen.altered += 1,
                },
                Err(Error::Undecodable { .. }) => seen.undecodable += 1,
                Err(Error::TooLarge { .. }) => {}
                // What garbage said of a certificate or a status.
                Err(
                    error @ (Error::Untrusted { .. }
                    | Error::Unavailable { .. }
                    | Error::Unimplemented { .. }
                    | Error::Status { .. }),
                ) => {
                    println!("{error}");
                    seen.ended += 1;
                    break;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}
