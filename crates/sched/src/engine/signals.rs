//! What happens to a process from outside: being killed, asked to stop, linked and monitored.

#[cfg(test)]
mod tests;

use std::sync::{Arc, atomic::Ordering};

use super::Engine;
use crate::{
    ExitReason, ProcessId, effect::Signal, exit::wake, oneshot::Oneshot, process::AnyProcess, queue::Why,
};

/// What the end of a linked process takes until the one that traps it has heard of it.
pub(crate) const HEARD_BYTES: u64 = 64;

impl Engine {
    pub(super) fn signal(&self, to: &Arc<dyn AnyProcess>, signal: Signal) {
        match signal {
            Signal::Kill(reason) => condemn(to, &reason),
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

    fn link(&self, one: &Arc<dyn AnyProcess>, other: &Arc<dyn AnyProcess>) {
        if Arc::ptr_eq(one, other) {
            return;
        }
        // First with the one that asks: it runs, so it does not end meanwhile, and hears of the other's end if it comes now.
        if add_link(one, other).is_err() {
            return;
        }
        if let Err(reason) = add_link(other, one) {
            self.signal(one, Signal::Exited(other.header().id, reason));
        }
    }

    fn hear_exit(&self, process: &Arc<dyn AnyProcess>, other: ProcessId, reason: ExitReason) {
        let mut reason = Some(reason);
        let mut wakers = Vec::new();
        let mut dies_of = None;
        process.with(&mut |control| {
            let Some(reason) = reason.take() else { return };
            if control.has_exited() || control.rare_if_any().is_none() {
                return;
            }
            let rare = control.rare();
            if rare.links.remove(&other).is_none() {
                return; // it was untied meanwhile
            }
            if rare.trap_exits {
                match process.header().charge(HEARD_BYTES) {
                    Ok(()) => rare.exits.push_back((other, reason)),
                    Err(exceeded) => dies_of = Some(ExitReason::LimitExceeded(exceeded)),
                }
                wakers = rare.exits_wakers.clear();
            } else if !reason.is_clean() {
                dies_of = Some(reason.linked(other));
            }
        });
        wake(wakers);
        if let Some(reason) = dies_of {
            condemn(process, &reason);
        }
    }
}

/// Ends a process at its next budget check, whatever it does.
fn condemn(process: &Arc<dyn AnyProcess>, reason: &ExitReason) {
    let mut parked = None;
    process.with(&mut |control| {
        if control.has_exited() {
            return;
        }
        let rare = control.rare();
        if rare.reason.is_none() {
            rare.reason = Some(reason.clone());
        }
        process.header().condemn();
        parked = control.take_parked();
    });
    if let Some(runnable) = parked {
        // A link may lead to another kernel, whose process it stays.
        process.header().home.engine.enqueue(runnable, Why::Woken);
    }
}

/// Enters `other` with `process`, unless that has ended.
fn add_link(process: &Arc<dyn AnyProcess>, other: &Arc<dyn AnyProcess>) -> Result<(), ExitReason> {
    let mut result = Ok(());
    process.with(&mut |control| {
        if control.has_exited() {
            result = Err(control.exit_reason());
        } else {
            control.rare().links.insert(other.header().id, Arc::clone(other));
        }
    });
    result
}

fn unlink(process: &Arc<dyn AnyProcess>, other: ProcessId) {
    process.with(&mut |control| {
        if control.rare_if_any().is_some() {
            control.rare().links.remove(&other);
        }
    });
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
            process.header().leaving.store(true, Ordering::Release);
            wakers = rare.stop_wakers.clear();
        }
    });
    wake(wakers);
}
