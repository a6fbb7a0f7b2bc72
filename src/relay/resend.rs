//! Sends dead letters again.

use std::sync::{Arc, Mutex};

use super::dead_letters::{DeadLetter, DeadLetterFile, DeadLetters};
use super::deliver::{Deliver, Reason};
use super::progress::Progress;
use super::sink::{HandOver, Sink, StartSink};
use super::sink_queue::SinkQueue;
use super::spool::{Entry, Sinks, Spool, Storage};
use super::threads::Threads;
use crate::api::version;
use crate::config::Overflow;
use crate::error::{Error, Result};

/// How many letters are sent before they are removed from the file.
const BATCH: usize = 64;

/// What has become of dead letters that were [sent again](DeadLetterFile::send).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Resent {
    /// Letters that the sink has taken. They are no more in the file.
    pub taken: u64,
    /// Why the sink refused others. They are still in the file.
    pub refused: Vec<String>,
    /// Why the sink takes nothing now. What follows was not tried, and is still in the file.
    pub failed: Option<String>,
}

impl DeadLetterFile {
    /// Sends letters of this file, in their order, to an HTTP server, a file or standard output, and
    /// removes those that it has taken. A relay may run meanwhile.
    ///
    /// If this process is killed, up to 64 of them that were sent are still in the file.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a gRPC sink, to which nothing can be sent, and for options that it has no
    /// use for; [`Error::Spool`] where the file cannot be written.
    pub fn send(&self, letters: &[DeadLetter], to: &Sink) -> Result<Resent> {
        if to.may_fan_out() {
            let problem = format!("{to} is read by clients, and nothing can be sent to it");
            let problem = (problem, "give http://…, https://… or a file");
            return Err(Error::config("send_to", problem));
        }
        to.check_options()?;
        let mut resent = Resent::default();
        let (mut plain, mut labelled) = (None, None);
        for batch in letters.chunks(BATCH) {
            let mut taken = Vec::new();
            for letter in batch {
                let deliver = match letter.labelled {
                    true => &mut labelled,
                    false => &mut plain,
                };
                let deliver = match deliver {
                    Some(deliver) => deliver,
                    none => none.insert(open(to, letter.labelled)?),
                };
                match send(&mut **deliver, letter) {
                    Ok(None) => taken.push(letter),
                    Ok(Some(reason)) => resent.refused.push(reason),
                    Err(problem) => {
                        resent.failed = Some(problem);
                        break;
                    }
                }
            }
            resent.taken += taken.len() as u64;
            self.remove(taken)?;
            if resent.failed.is_some() {
                break;
            }
        }
        Ok(resent)
    }
}

/// Sends one letter. Returns why it is refused, if it is.
fn send(
    deliver: &mut dyn Deliver,
    letter: &DeadLetter,
) -> std::result::Result<Option<String>, String> {
    let entry = Entry {
        number: 1,
        source: letter.source.as_str().into(),
        format: letter.format,
        bytes: letter.bytes.as_slice().into(),
    };
    let delivery = deliver
        .deliver(&[entry])
        .map_err(|failure| failure.problem)?;
    if delivery.handled == 0 {
        return Err("it takes nothing".to_owned());
    }
    let refused = delivery.refused.into_iter().next();
    Ok(refused.map(|refused| match refused.reason {
        Reason::NoAlert(_) => "it is no alert".to_owned(),
        reason @ (Reason::Failed(_) | Reason::Answer { .. }) => reason.to_string(),
    }))
}

/// What delivers to a sink.
fn open(to: &Sink, labelled: bool) -> Result<Box<dyn Deliver>> {
    let hand_over: HandOver = Mutex::default();
    let sinks = Sinks {
        named: &[to.identity()],
        forget: &[],
        of_address: Sink::identify,
    };
    // Nothing comes through it.
    let spool = Arc::new(Spool::open(Storage::Memory, 1, Overflow::Wait, &sinks)?);
    let progress = Arc::new(Progress::default());
    to.target().start(StartSink {
        name: to.to_string().into(),
        queue: SinkQueue::new(spool, 0, None, progress.clone()),
        progress,
        dead_letters: Arc::new(DeadLetters::new(None)),
        threads: &Threads::default(),
        labelled,
        tls: to.tls.as_ref(),
        fan_out: false,
        sink: to,
        version: &version::Response::new(),
        trail: None,
        hand_over: Some(&hand_over),
    })?;
    let deliver = hand_over.into_inner().unwrap_or_default();
    deliver.ok_or_else(|| {
        let problem = format!("nothing can be sent to {to}");
        Error::config("send_to", (problem, "give http://…, https://… or a file"))
    })
}
