//! [`Inbox`]: what a node was asked for and has not done yet.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

use ironloom_net::door::Stop;
use parking_lot::Mutex;

use crate::world::Answer;
use crate::{Order, OrderError};

/// What a node was asked for and has not done yet.
pub(super) struct Inbox {
    orders_max: usize,
    queue: Mutex<Queue>,
    is_stopped: AtomicBool,
}

#[derive(Default)]
struct Queue {
    orders: VecDeque<(Order, Answer)>,
    /// Whom to wake; nobody before the driver is there.
    driver: Option<Stop>,
    /// Whether nobody takes orders any more.
    is_closed: bool,
}

impl Inbox {
    pub(super) fn new(orders_max: usize) -> Self {
        Self { orders_max, queue: Mutex::default(), is_stopped: AtomicBool::new(false) }
    }

    /// From now on this is who has to be woken.
    pub(super) fn open(&self, driver: Stop) {
        self.queue.lock().driver = Some(driver);
    }

    /// Gives an order, or answers it at once if it cannot be kept.
    pub(super) fn give(&self, order: Order, answer: Answer) {
        let mut queue = self.queue.lock();
        if queue.is_closed || self.is_stopped() {
            answer.give(Err(OrderError::Stopped));
        } else if queue.orders.len() >= self.orders_max {
            answer.give(Err(OrderError::Busy { orders_max: self.orders_max }));
        } else {
            queue.orders.push_back((order, answer));
            if let Some(driver) = &queue.driver {
                driver.wake();
            }
        }
    }

    pub(super) fn take(&self) -> Option<(Order, Answer)> {
        self.queue.lock().orders.pop_front()
    }

    /// Wakes whoever takes orders.
    pub(super) fn wake(&self) {
        if let Some(driver) = &self.queue.lock().driver {
            driver.wake();
        }
    }

    /// Makes the node stop.
    pub(super) fn stop(&self) {
        self.is_stopped.store(true, Ordering::Release);
        self.wake();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Acquire)
    }

    /// Nobody takes orders any more: those that are there are answered so.
    pub(super) fn close(&self) {
        let mut queue = self.queue.lock();
        queue.is_closed = true;
        let orders = std::mem::take(&mut queue.orders);
        drop(queue);
        for (_, answer) in orders {
            answer.give(Err(OrderError::Stopped));
        }
    }
}
