//! What happens to a process from outside: being killed, asked to stop, linked and monitored.

use std::{sync::Arc, task::Waker};

use super::Engine;
use crate::{ExitReason, ProcessId, effect::Signal, oneshot::Oneshot, process::AnyProcess, queue::Why};

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
            self.enqueue(runnable, Why::Woken);
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
                rare.exits.push_back((other, reason));
                wakers = std::mem::take(&mut rare.exits_wakers);
            } else if !reason.is_clean() {
                dies_of = Some(reason.linked(other));
            }
        });
        wakers.into_iter().for_each(Waker::wake);
        if let Some(reason) = dies_of {
            self.condemn(process, &reason);
        }
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
            control.rare().monitors.insert(Arc::as_ptr(monitor).addr(), Arc::clone(monitor));
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
