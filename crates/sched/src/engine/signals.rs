//! What happens to a process from outside: being killed, asked to stop, linked and monitored.

#[cfg(test)]
mod tests;

use std::{sync::Arc, task::Waker};

use super::Engine;
use crate::{
    ExitReason, ProcessId,
    effect::Signal,
    oneshot::Oneshot,
    process::{AnyProcess, Rare, Runnable},
    queue::Why,
};

/// What the end of a linked process takes until the one that traps it has heard of it.
pub(crate) const HEARD_BYTES: u64 = 64;

impl Engine {
    pub(super) fn signal(&self, to: &Arc<dyn AnyProcess>, signal: Signal) {
        match signal {
            Signal::Kill(reason) => self.condemn(to, &reason),
            Signal::Stop => stop(to),
            Signal::Link(other) => self.link(to, &other),
            Signal::Unlink(other) => {
                unlink(to, other.header().id);
                unlink(&other, to.header().id);
            }
            Signal::Monitor(monitor) => watch(to, &monitor),
            Signal::Demonitor(monitor) => to.with(&mut |control| {
                if control.rare_if_any().is_some() {
                    control.rare().monitors.remove(&Arc::as_ptr(&monitor).addr());
                }
            }),
            Signal::Exited(other, reason) => self.hear_exit(to, other, reason),
        }
    }

    /// Ends a process at its next budget check, whatever it does.
    fn condemn(&self, process: &Arc<dyn AnyProcess>, reason: &ExitReason) {
        let mut frame = None;
        process.with(&mut |control| {
            if control.has_exited() {
                return;
            }
            let rare = control.rare();
            if rare.reason.is_none() {
                rare.reason = Some(reason.clone());
            }
            process.header().condemn();
            frame = control.take_frame();
        });
        if let Some(frame) = frame {
            self.enqueue(Runnable { process: Arc::clone(process), frame }, Why::Woken);
        }
    }

    fn link(&self, one: &Arc<dyn AnyProcess>, other: &Arc<dyn AnyProcess>) {
        if Arc::ptr_eq(one, other) {
            return;
        }
        enter(one, other);
        enter(other, one);
        // Whoever ended before it had the other among its links told the other nothing, or too early.
        if let Some(reason) = ended(other) {
            self.hear_exit(one, other.header().id, reason);
        }
        if let Some(reason) = ended(one) {
            self.hear_exit(other, one.header().id, reason);
        }
    }

    /// A process that is linked to another hears of its end, once: with that the link is gone.
    fn hear_exit(&self, process: &Arc<dyn AnyProcess>, other: ProcessId, reason: ExitReason) {
        let mut heard = Some(reason);
        let mut link = None;
        let mut waker = None;
        let mut dies_of = None;
        process.with(&mut |control| {
            if control.has_exited() || control.rare_if_any().is_none() {
                return;
            }
            let rare = control.rare();
            link = rare.links.remove(&other);
            let Some(reason) = heard.take_if(|_| link.is_some()) else { return };
            if !rare.trap_exits {
                dies_of = (!reason.is_clean()).then(|| ExitReason::Linked(other, Arc::new(reason)));
                return;
            }
            match process.header().charge(HEARD_BYTES) {
                Ok(()) => {
                    rare.exits.push_back((other, reason));
                    waker = rare.exits_waker.take();
                }
                Err(exceeded) => dies_of = Some(ExitReason::LimitExceeded(exceeded)),
            }
        });
        waker.into_iter().for_each(Waker::wake);
        if let Some(reason) = dies_of {
            self.condemn(process, &reason);
        }
    }
}

impl Rare {
    /// Whether anybody wants to hear of the end.
    pub(super) fn tells_somebody(&self) -> bool {
        !(self.links.is_empty() && self.monitors.is_empty())
    }
}

/// Enters `other` among the links of `process`, unless that has ended.
fn enter(process: &Arc<dyn AnyProcess>, other: &Arc<dyn AnyProcess>) {
    process.with(&mut |control| {
        if !control.has_exited() {
            control.rare().links.insert(other.header().id, Arc::clone(other));
        }
    });
}

/// Strikes `other` off the links of `process`.
fn unlink(process: &Arc<dyn AnyProcess>, other: ProcessId) {
    let mut link = None;
    process.with(&mut |control| {
        if control.rare_if_any().is_some() {
            link = control.rare().links.remove(&other);
        }
    });
    drop(link); // not under the lock: it may be the last that holds the other
}

/// Why the process ended, if it has.
fn ended(process: &Arc<dyn AnyProcess>) -> Option<ExitReason> {
    let mut reason = None;
    process.with(&mut |control| reason = control.has_exited().then(|| control.exit_reason()));
    reason
}

fn watch(process: &Arc<dyn AnyProcess>, monitor: &Arc<Oneshot<ExitReason>>) {
    let mut ended = None;
    process.with(&mut |control| {
        if control.has_exited() {
            ended = Some(control.exit_reason());
        } else {
            let rare = control.rare();
            rare.monitors_made += 1;
            rare.monitors.insert(Arc::as_ptr(monitor).addr(), (rare.monitors_made, Arc::clone(monitor)));
        }
    });
    if ended.is_some() {
        monitor.give(ended);
    }
}

fn stop(process: &Arc<dyn AnyProcess>) {
    let mut wakers = Vec::new();
    process.with(&mut |control| {
        if !control.has_exited() {
            let rare = control.rare();
            rare.stop_requested = true;
            wakers = std::mem::take(&mut rare.stop_wakers);
        }
    });
    wakers.into_iter().for_each(Waker::wake);
}
