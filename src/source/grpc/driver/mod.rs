//! Carries out what a [`Subscription`] decides, and delivers its messages to an outlet, on the thread
//! where they arrive.

mod operations;
mod report;
mod requester;
mod wait;

use std::future::Future;
use std::ops::ControlFlow;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use operations::{Arrival, Operations};

use super::alarms::Alarm;
use super::channel::{alarms, request_budget, Connection};
use super::subscription::{Action, Event, Subscription, SubscriptionSettings};
use crate::delivery::{Control, Flow, Message, MessageResult, Mode, Outlet, State};
use crate::error::{Error, Result};
use crate::source::StartRequest;

struct Driver {
    subscription: Subscription,
    operations: Operations,
    /// For the deadline of the subscription.
    alarm: Alarm,
    outlet: Box<dyn Outlet>,
    control: Arc<Control>,
    pull: PullState,
}

enum PullState {
    /// `spawn` polls once on the caller's thread, and would go on there as long as messages come.
    /// The wake-up that follows it is served by the right thread.
    Spawned,
    Flowing,
    /// The outlet is full. Back-pressure: nothing is taken out of the calls.
    Paused,
}

/// Starts a driver, on the thread that serves its channel.
pub(super) fn start(connection: Arc<Connection>, request: StartRequest) -> Result<()> {
    let StartRequest {
        purpose,
        outlet,
        control,
        // Falco keeps no alert that it has written.
        from: _,
        // Nothing is posted.
        post_guard: _,
    } = request;
    let settings = SubscriptionSettings::new(
        connection.config(),
        connection.endpoint(),
        purpose,
        request_budget(),
    );
    let operations = Operations::new(connection, purpose);
    let client = operations.client().clone();
    let mut driver = Driver {
        subscription: Subscription::new(settings, operations.generation(), Instant::now()),
        operations,
        alarm: Alarm::new(alarms()),
        outlet,
        control: control.clone(),
        pull: PullState::Spawned,
    };
    if let ControlFlow::Break(Some(error)) = driver.act() {
        return Err(error);
    }
    client.spawn(driver);
    control.wake();
    Ok(())
}

impl Future for Driver {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context) -> Poll<()> {
        let driver = self.get_mut();
        driver.control.register(cx.waker());
        if let PullState::Spawned = driver.pull {
            driver.pull = PullState::Flowing;
            return Poll::Pending;
        }
        // A reader's waker or a callback may panic: that must end no other call.
        let polled = catch_unwind(AssertUnwindSafe(|| match driver.drive(cx) {
            ControlFlow::Continue(()) => Poll::Pending,
            ControlFlow::Break(error) => driver.end(error),
        }));
        polled.unwrap_or_else(|_| {
            // The report of it may panic as well.
            let end = || {
                let endpoint = driver.control.endpoint().to_string();
                driver.end(Some(Error::CallbackPanicked { endpoint }))
            };
            let _ = catch_unwind(AssertUnwindSafe(end));
            Poll::Ready(())
        })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.control.forget();
    }
}

impl Driver {
    fn drive(&mut self, cx: &mut Context) -> ControlFlow<Option<Error>> {
        match self.control.mode() {
            Mode::Run => {}
            Mode::Close => self.handle(Event::Close),
            Mode::Cancel => self.handle(Event::Cancel),
            Mode::Abandon => return ControlFlow::Break(None),
        }
        loop {
            self.act()?;
            if self.is_held_back() {
                return ControlFlow::Continue(());
            }
            let outlet = &mut *self.outlet;
            match self.operations.poll(cx, &self.control.counters, outlet) {
                Poll::Ready(Arrival::Message(message)) => {
                    self.subscription.message();
                    // That it is followed is reported before its first message.
                    self.act()?;
                    self.deliver_message(message)?;
                }
                Poll::Ready(Arrival::Fetched(message)) => {
                    self.subscription.fetched();
                    self.deliver_message(message)?;
                }
                Poll::Ready(Arrival::Event(event)) => self.handle(event),
                Poll::Pending => {
                    let Some(deadline) = self.subscription.deadline() else {
                        return ControlFlow::Continue(());
                    };
                    if self.alarm.poll(cx, deadline).is_pending() {
                        return ControlFlow::Continue(());
                    }
                    self.handle(Event::Timeout);
                }
            }
        }
    }

    #[cold]
    fn handle(&mut self, event: Event) {
        self.subscription.handle(event, Instant::now());
    }

    /// Carries out what the subscription has decided. For most messages that is nothing.
    #[inline]
    fn act(&mut self) -> ControlFlow<Option<Error>> {
        while let Some(action) = self.subscription.next_action() {
            self.carry_out(action)?;
        }
        ControlFlow::Continue(())
    }

    #[cold]
    fn carry_out(&mut self, action: Action) -> ControlFlow<Option<Error>> {
        match action {
            Action::Perform(operation) => {
                let event = self.operations.perform(operation, &self.control.counters);
                if let Some(event) = event {
                    self.handle(event);
                }
                ControlFlow::Continue(())
            }
            Action::Report(notice) => self.report(notice),
        }
    }

    /// Whether the outlet has no room. After a cancel it takes what has arrived all the same.
    fn is_held_back(&mut self) -> bool {
        match self.pull {
            PullState::Paused if !self.subscription.is_cancelled() => {
                if !self.outlet.has_room() {
                    return true;
                }
                self.pull = PullState::Flowing;
                self.subscription.activity(Instant::now);
                false
            }
            PullState::Spawned | PullState::Flowing | PullState::Paused => false,
        }
    }

    fn deliver_message(&mut self, message: Vec<u8>) -> ControlFlow<Option<Error>> {
        self.control.counters.received(message.len());
        self.deliver(Ok(Message::grpc(message)))?;
        self.subscription.activity(Instant::now);
        ControlFlow::Continue(())
    }

    fn deliver(&mut self, item: MessageResult) -> ControlFlow<Option<Error>> {
        match self.outlet.take(item) {
            Flow::Continue => {}
            Flow::Pause => self.pull = PullState::Paused,
            Flow::Stop => return ControlFlow::Break(None),
            #[cfg(feature = "relay")]
            Flow::Refuse => return ControlFlow::Break(None),
        }
        ControlFlow::Continue(())
    }

    fn end(&mut self, error: Option<Error>) -> Poll<()> {
        self.control.set(State::Ended);
        self.outlet.end(error);
        Poll::Ready(())
    }
}
