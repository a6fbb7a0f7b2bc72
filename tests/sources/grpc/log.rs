//! What C-core has to say goes to `log`, and nowhere else. A process has one logger.

use std::sync::Mutex;

use falco_client::{Client, State};
use log::{LevelFilter, Log, Metadata, Record};

use crate::common::own_process::in_own_process;
use crate::common::until;

static LOGGED: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Keep;

impl Log for Keep {
    fn enabled(&self, _: &Metadata) -> bool {
        true
    }

    fn log(&self, record: &Record) {
        LOGGED.lock().unwrap().push(format!(
            "{} {} {}",
            record.level(),
            record.target(),
            record.args()
        ));
    }

    fn flush(&self) {}
}

fn logged(part: &str) -> usize {
    LOGGED
        .lock()
        .unwrap()
        .iter()
        .filter(|line| line.contains(part))
        .count()
}

#[test]
fn a_waiting_subscription_is_logged_once_and_c_core_logs_too() {
    in_own_process(
        "grpc::log::a_waiting_subscription_is_logged_once_and_c_core_logs_too",
        || {
            log::set_logger(&Keep).unwrap();
            log::set_max_level(LevelFilter::Info);
            let folder = tempfile::tempdir().unwrap();
            let listen = format!("unix://{}/falco.sock", folder.path().display());
            let client = Client::open(&listen).unwrap();
            let alerts = client.subscribe().unwrap();
            until("it waits", || {
                matches!(alerts.state(), State::Waiting { .. })
            });
            // More attempts, which are no news.
            for _ in 0..3 {
                client
                    .wait_connected(std::time::Duration::from_millis(200))
                    .unwrap_err();
            }
            assert_eq!(logged("subscribing again"), 1);
            let server = falco_client::server::Server::builder()
                .listen(&listen)
                .start()
                .unwrap();
            until("it follows", || alerts.state() == State::Following);
            assert_eq!(logged("following again"), 1);
            // C-core says why it cannot listen where no folder is.
            let nowhere = format!("unix://{}/none/falco.sock", folder.path().display());
            falco_client::server::Server::builder()
                .listen(nowhere)
                .start()
                .unwrap_err();
            assert!(logged("No address added") > 0);
            drop(server);
        },
    );
}
