//! A client that closes while alerts come.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::thread;

use falco_client::{Client, Handle};
use futures::executor::block_on;
use futures::StreamExt as _;

use crate::falco::{socket, Falco, Load};
use crate::load::Check;
use crate::{grouped, report, scale, Random};

/// Reads to the end, which `close` is to bring about.
type Read = fn(&Client, close: &mut dyn FnMut(Handle), check: Arc<Mutex<Check>>);

fn iterator(client: &Client, close: &mut dyn FnMut(Handle), check: Arc<Mutex<Check>>) {
    let alerts = client.subscribe().unwrap();
    close(alerts.handle());
    for alert in alerts {
        check.lock().unwrap().add(&alert.unwrap());
    }
}

fn stream(client: &Client, close: &mut dyn FnMut(Handle), check: Arc<Mutex<Check>>) {
    let mut alerts = client.subscribe().unwrap();
    close(alerts.handle());
    block_on(async {
        while let Some(alert) = alerts.next().await {
            check.lock().unwrap().add(&alert.unwrap());
        }
    });
}

fn callback(client: &Client, close: &mut dyn FnMut(Handle), check: Arc<Mutex<Check>>) {
    let watch = client.subscribe_with(move |alert| {
        check.lock().unwrap().add(&alert.unwrap());
        ControlFlow::Continue(())
    });
    let watch = watch.unwrap();
    close(watch.handle());
    watch.wait().unwrap();
}

#[test]
fn closed() {
    // Faster than a subscription asks, and slow enough for its last answer to end, also among other tests.
    let (closes, rate) = scale((12, 5_000), (200, 20_000));
    let mut random = Random::seeded();
    let folder = tempfile::tempdir().unwrap();
    let mut falco = Falco::start(&Load {
        rate: Some(rate),
        ..Load::on(socket(&folder))
    });
    let client = Client::open(&falco.endpoint).unwrap();
    let check = Arc::new(Mutex::new(Check::whole()));
    for round in 0..closes {
        let read: Read = [iterator, stream, callback][round % 3];
        let moment = random.millis(60);
        let mut closing = None;
        let mut close = |handle: Handle| {
            closing = Some(thread::spawn(move || {
                thread::sleep(moment);
                handle.close();
            }));
        };
        read(&client, &mut close, check.clone());
        closing.unwrap().join().unwrap();
        let written = falco.count().0;
        assert_eq!(
            check.lock().unwrap().alerts,
            written,
            "closed after {moment:?}"
        );
    }
    report(&format!(
        "closed {closes} times under {rate} alerts a second: all {} alerts that the server wrote were \
         delivered",
        grouped(check.lock().unwrap().alerts)
    ));
}
