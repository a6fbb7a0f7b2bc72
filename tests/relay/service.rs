//! `falco-client relay` as a service of systemd, whose socket the test has.

use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};

use crate::{Rig, LIMIT};

#[test]
fn systemd_hears_when_it_is_ready_that_it_lives_and_that_it_stops() {
    let rig = Rig::set_up();
    let path = rig.path("notify");
    let systemd = UnixDatagram::bind(&path).unwrap();
    systemd.set_read_timeout(Some(LIMIT)).unwrap();
    let hear = || {
        let mut text = [0; 1024];
        let length = systemd.recv(&mut text).unwrap();
        String::from_utf8_lossy(&text[..length]).into_owned()
    };
    let mut relay = Command::new(env!("CARGO_BIN_EXE_falco-client"))
        .args(["relay", "--from", "listen+http://127.0.0.1:0", "--to"])
        .arg(rig.path("out.jsonl"))
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "300000")
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    assert_eq!(hear(), "READY=1\n");
    for _ in 0..3 {
        assert_eq!(hear(), "WATCHDOG=1\nSTATUS=0 alerts wait\n");
    }
    let id = relay.id().to_string();
    assert!(Command::new("kill")
        .args(["-TERM", &id])
        .status()
        .unwrap()
        .success());
    let stopping = std::iter::repeat_with(hear).find(|heard| !heard.starts_with("WATCHDOG"));
    assert_eq!(stopping.unwrap(), "STOPPING=1\n");
    assert!(relay.wait().unwrap().success());
}
