//! A server that stands still, and a peer that vanishes without a word.

use std::process::Command;
use std::time::{Duration, Instant};

use falco_client::{Client, Config, State};

use crate::common::certificates::Certificates;
use crate::common::{until, LIMIT};
use crate::falco::{socket, tls, Falco, Load};
use crate::load::Check;
use crate::proxy::Proxy;
use crate::{grouped, report, scale};

const RATE: u32 = 2_000;

fn deadline() -> Duration {
    scale(Duration::from_millis(600), Duration::from_secs(10))
}

/// Follows; `vanish` must be noticed in the time that was allowed, and `come_back` be followed again.
fn noticed_and_followed_again(
    config: Config,
    what: &str,
    mut vanish: impl FnMut(),
    mut come_back: impl FnMut(),
) {
    let config = config
        .stall_timeout(deadline())
        .connect_timeout(deadline() / 2);
    let mut alerts = Client::new(config).unwrap().subscribe().unwrap();
    let mut check = Check::with_gaps();
    for _ in 0..1_000 {
        check.add(&alerts.recv_timeout(LIMIT).unwrap().unwrap());
    }
    let start = Instant::now();
    vanish();
    let mut noticed = Duration::ZERO;
    until("it is noticed", || {
        while let Ok(alert) = alerts.try_recv() {
            check.add(&alert.unwrap());
        }
        noticed = start.elapsed();
        matches!(alerts.state(), State::Waiting { .. })
    });
    // The machine may be busy, but this is not another kind of time-out.
    assert!(
        noticed < deadline() * 2 + Duration::from_secs(5),
        "{noticed:?}"
    );
    std::thread::sleep(scale(
        Duration::ZERO,
        Duration::from_secs(60).saturating_sub(noticed),
    ));
    come_back();
    let back = Instant::now();
    let before = check.alerts;
    while check.alerts < before + 1_000 {
        check.add(&alerts.recv_timeout(LIMIT).unwrap().unwrap());
    }
    assert_eq!(alerts.state(), State::Following);
    report(&format!(
        "{what} for {:.0?} with a stall_timeout of {:?}: noticed after {noticed:.1?}, 1000 alerts \
         {:.1?} after the return; {} alerts in order, none altered, {} lost with the connection",
        back - start,
        deadline(),
        back.elapsed(),
        grouped(check.alerts),
        grouped(check.missing),
    ));
}

#[test]
fn frozen() {
    let folder = tempfile::tempdir().unwrap();
    let falco = Falco::start(&Load {
        rate: Some(RATE),
        ..Load::on(socket(&folder))
    });
    noticed_and_followed_again(
        Config::new(&falco.endpoint),
        "server frozen",
        || falco.signal("STOP"),
        || falco.signal("CONT"),
    );
}

/// Behind a proxy that passes nothing and closes nothing.
#[test]
fn vanished() {
    let certificates = Certificates::new();
    let falco = Falco::start(&Load {
        rate: Some(RATE),
        ..Load::over_tls(&certificates)
    });
    let proxy = Proxy::faithful(&falco.endpoint, certificates.folder());
    noticed_and_followed_again(
        Config::new(&proxy.endpoint).tls(tls(&certificates.client_files())),
        "TCP peer vanished behind a proxy",
        || proxy.vanish(),
        || proxy.come_back(),
    );
}

/// A network namespace with a link to this one.
struct Machine {
    name: String,
    address: String,
}

impl Machine {
    /// None where this process may not make one.
    fn start() -> Option<Machine> {
        let id = std::process::id();
        let (name, net) = (format!("falco-{id}"), format!("10.213.{}", id % 250));
        let (here, address) = (format!("{net}.1/24"), format!("{net}.2"));
        let (link, far) = (format!("falco{id}"), format!("eaten{id}"));
        if !ip(&format!("netns add {name}")) {
            return None;
        }
        let machine = Machine { name, address };
        let name = &machine.name;
        let made = [
            format!("link add {link} type veth peer name {far} netns {name}"),
            format!("addr add {here} dev {link}"),
            format!("link set {link} up"),
            format!("-n {name} link set {far} name eth0"),
            format!("-n {name} addr add {}/24 dev eth0", machine.address),
            format!("-n {name} link set eth0 up"),
            format!("-n {name} link set lo up"),
        ];
        made.iter().all(|command| ip(command)).then_some(machine)
    }

    fn link(&self, state: &str) {
        assert!(ip(&format!("-n {} link set eth0 {state}", self.name)));
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Its link goes with it.
        ip(&format!("netns del {}", self.name));
    }
}

fn ip(command: &str) -> bool {
    let status = Command::new("ip").args(command.split(' ')).status();
    status.is_ok_and(|status| status.success())
}

/// In a network of its own, whose link goes down.
#[test]
#[ignore = "needs root: script/soak unplugged"]
fn unplugged() {
    let machine = Machine::start().expect("network namespaces need root and the command ip");
    let certificates = Certificates::for_names(&[&machine.address]);
    let load = Load {
        rate: Some(RATE),
        listen: format!("{}:0", machine.address),
        ..Load::over_tls(&certificates)
    };
    let falco = Falco::start_by(&load, &["ip", "netns", "exec", &machine.name]);
    noticed_and_followed_again(
        Config::new(&falco.endpoint).tls(tls(&certificates.client_files())),
        "link of a TCP peer down",
        || machine.link("down"),
        || machine.link("up"),
    );
}
