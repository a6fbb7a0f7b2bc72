//! Moves the alerts of all sources on gRPC into the spool, on one thread.
//!
//! gRPC delivers on one thread for all connections, which must not wait for a spool. A full spool holds
//! back all sources alike, so that they need no thread each.

use std::sync::Arc;
use std::thread::JoinHandle;

use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use log::Level;

use super::admission::Admission;
use super::shutdown::{Member, WaitGroup};
use super::source::{input_log, kind, Names};
use super::spool::Spool;
use super::trail::Trail;
use super::upstream::Upstream;
use crate::alerts::{Alerts, Handle};
use crate::client::Client;
use crate::delivery::Message;
use crate::error::{Error, Result};
use crate::util::thread::spawn_named;

/// How many alerts are stored together, at most.
const BATCH: usize = 256;

/// The sources that are read together.
#[derive(Default)]
pub(super) struct Puller {
    sources: FuturesUnordered<BoxFuture<'static, ()>>,
}

impl Puller {
    /// Subscribes to a source, which `finished` counts until all that came is stored.
    pub(super) fn add(
        &self,
        client: &Client,
        names: Names,
        spool: &Arc<Spool>,
        admission: &Arc<Admission>,
        trail: &Arc<Trail>,
        finished: &Arc<WaitGroup>,
    ) -> Result<Handle> {
        let alerts = client.subscribe()?;
        let handle = alerts.handle();
        let (ended, end) = oneshot::channel();
        let upstream = Upstream {
            name: names.name.clone(),
            connection: client.connection()?.clone(),
            handle: handle.clone(),
            trail: trail.clone(),
        };
        self.sources.push(upstream.watch(end).boxed());
        let (spool, admission) = (spool.clone(), admission.clone());
        let pull = pull(alerts, names, spool, admission, finished.enter());
        self.sources.push(pull.map(|()| drop(ended)).boxed());
        Ok(handle)
    }

    /// Starts the thread, where there is something to read.
    pub(super) fn start(mut self) -> Result<Option<JoinHandle<()>>> {
        if self.sources.is_empty() {
            return Ok(None);
        }
        let run = move || block_on(async { while self.sources.next().await.is_some() {} });
        let thread = spawn_named("relay-sources", run)
            .map_err(|error| Error::no_thread("the sources on gRPC", "to read them", error))?;
        Ok(Some(thread))
    }
}

async fn pull(
    mut alerts: Alerts,
    names: Names,
    spool: Arc<Spool>,
    admission: Arc<Admission>,
    member: Member,
) {
    let incoming = |message| names.incoming(Message::grpc(message));
    let name = &names.name;
    let log = input_log(name);
    let mut batch = Vec::new();
    while let Some(first) = alerts.next().await {
        let mut next = Some(first);
        while let Some(item) = next.take() {
            match item {
                Ok(alert) if !admission.admits_alert(&alert) => {}
                Ok(alert) => batch.push(incoming(alert.into_bytes())),
                // A client on gRPC may be able to decode it.
                Err(Error::Undecodable { bytes, .. }) => batch.push(incoming(bytes.into_vec())),
                Err(error) => log.log(Level::Error, kind(&error), format_args!("{error}")),
            }
            if batch.len() < BATCH {
                next = alerts.try_recv().ok();
            }
        }
        let mut count = batch.len();
        if count > 0 && spool.put(std::mem::take(&mut batch)).is_err() {
            alerts.handle().cancel();
            while let Some(item) = alerts.next().await {
                count += usize::from(item.is_ok());
            }
            log::error!("{name}: {count} alerts were received and found no room in the spool");
            break;
        }
        // The next batch is another source's, where one has alerts.
        yield_once().await;
    }
    drop(spool);
    // The last, so that the source counts as running until the spool is released.
    drop(member);
}

async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}
