//! [`Hub`]: who is told what happens, and [`Subscription`]: one of them.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use ironloom_core::{Duration, EventCount};
use parking_lot::Mutex;

use super::Event;

/// Who is told what happens.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    subscribers: Vec<Weak<Shared>>,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    arrived: EventCount,
}

#[derive(Debug)]
struct Queue {
    events: VecDeque<Event>,
    events_max: usize,
    dropped: u64,
}

/// What happens in a world from now on, in order. Whoever looks too seldom misses the newest, and learns how many.
///
/// ```
/// use ironloom_node::prelude::*;
///
/// let world = World::builder(1).machine("loom", |loom| loom).build()?;
/// let events = world.subscribe(100);
/// world.exec("loom", "true").wait()?;
/// assert!(matches!(events.poll(), Some(Event::Process { machine, .. }) if machine == "loom"));
/// assert_eq!((events.poll(), events.dropped()), (None, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Subscription {
    shared: Arc<Shared>,
}

impl Hub {
    pub(crate) fn subscribe(&mut self, events_max: usize) -> Subscription {
        let queue = Queue { events: VecDeque::new(), events_max, dropped: 0 };
        let shared = Arc::new(Shared { queue: Mutex::new(queue), arrived: EventCount::new() });
        self.subscribers.push(Arc::downgrade(&shared));
        Subscription { shared }
    }

    pub(crate) fn tell(&mut self, event: &Event) {
        self.subscribers.retain(|subscriber| {
            let Some(shared) = subscriber.upgrade() else { return false };
            let mut queue = shared.queue.lock();
            if queue.events.len() < queue.events_max {
                queue.events.push_back(event.clone());
            } else {
                queue.dropped += 1;
            }
            drop(queue);
            shared.arrived.notify_all();
            true
        });
    }
}

impl Subscription {
    /// What happened next, if anything did.
    #[must_use]
    pub fn poll(&self) -> Option<Event> {
        self.shared.queue.lock().events.pop_front()
    }

    /// Blocks the thread until something happens, or for so long.
    #[must_use]
    pub fn wait_for(&self, timeout: Duration) -> Option<Event> {
        let ticket = self.shared.arrived.ticket();
        if let Some(event) = self.poll() {
            return Some(event);
        }
        let _ = ticket.wait_for(timeout); // What counts is whether there is an event.
        self.poll()
    }

    /// Waits until something happens.
    pub async fn next(&self) -> Event {
        loop {
            self.shared.arrived.until(|| !self.shared.queue.lock().events.is_empty()).await;
            // Others may have the subscription as well, and be first.
            if let Some(event) = self.poll() {
                return event;
            }
        }
    }

    /// How many events were missed, as there was no room for them.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.queue.lock().dropped
    }
}
