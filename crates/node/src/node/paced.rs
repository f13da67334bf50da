//! [`Paced`]: a world that keeps step with a clock.

use std::sync::Arc;

use ironloom_core::{Clock, Duration, Instant};
use ironloom_net::Fabric;
use ironloom_net::fabric::{Driven, Output};
use ironloom_vm::Phase;
use parking_lot::{ArcMutexGuard, Mutex, RawMutex};

use super::inbox::Inbox;
use super::pace::Pace;
use super::{LateReport, NodeConfig};
use crate::world::Core;
use crate::{Event, LateWindow, Shortage};

/// A world that keeps step with a clock.
///
/// Others may have the world as well, so it is held only between [`hold`](Self::hold) and [`release`](Self::release), and
/// lent to whoever waits for it between two windows.
pub(crate) struct Paced {
    core: Arc<Mutex<Core>>,
    held: Option<ArcMutexGuard<RawMutex, Core>>,
    inbox: Arc<Inbox>,
    clock: Arc<dyn Clock>,
    pace: Arc<Mutex<Pace>>,
    config: NodeConfig,
    report: Arc<Mutex<LateReport>>,
    /// When something happens next, as it was when the world was held last.
    next: Option<Instant>,
}

impl Paced {
    pub(super) fn new(
        core: Arc<Mutex<Core>>,
        inbox: Arc<Inbox>,
        clock: Arc<dyn Clock>,
        pace: Arc<Mutex<Pace>>,
        config: NodeConfig,
        report: Arc<Mutex<LateReport>>,
    ) -> Self {
        Self { core, held: None, inbox, clock, pace, config, report, next: None }
    }

    pub(crate) fn hold(&mut self) -> &mut Core {
        self.held.get_or_insert_with(|| self.core.lock_arc())
    }

    pub(super) fn release(&mut self) {
        self.next = self.hold().next_event();
        self.held = None;
    }

    /// How long it is by the clock until something happens.
    pub(super) fn idle_for(&self) -> Option<Duration> {
        let due = self.pace.lock().clock_at(self.next?);
        Some(due.saturating_since(self.clock.now()))
    }

    /// Carries out what was asked for.
    pub(super) fn serve(&mut self) {
        while let Some((order, answer)) = self.inbox.take() {
            self.hold().execute(order, answer);
        }
    }

    /// Looks after commits and the log; how long it is until either is to be looked after again, if it is.
    pub(super) fn keep(&mut self) -> Option<Duration> {
        let (now, every) = (self.clock.now(), self.config.commit_every);
        let core = self.hold();
        let write = core.tend_recorder(now);
        core.tend_keeper(now, every).into_iter().chain(write).min()
    }

    /// Leaves out time that cannot be made up for.
    fn skip(&mut self) {
        let (clock, at) = (self.clock.now(), self.hold().machines.now());
        let windows = self.pace.lock().skip(clock, at, self.config.lag_max);
        if windows > 0 {
            self.report.lock().skipped += windows;
            let shortage = Shortage::Skipped { windows };
            self.hold().tell(&Event::Resource { at, shortage });
        }
    }

    /// Runs the next window if it ends by then; whether it did.
    fn window(&mut self, until: Instant) -> bool {
        let clock = Arc::clone(&self.clock);
        let began = clock.now();
        let (mut last, mut took) = (began, [Duration::ZERO; 3]);
        let ran = self.hold().step_until(until, &mut |phase| {
            let now = clock.now();
            let place = match phase {
                Phase::Network => 0,
                Phase::Machines => 1,
                Phase::Settling => 2,
            };
            took[place] = took[place].saturating_add(now.saturating_since(last));
            last = now;
        });
        if ran {
            self.report.lock().windows += 1;
            self.judge(began, took);
        }
        ran
    }

    /// Says why a window was late, if it was.
    fn judge(&mut self, began: Instant, [network, machines, settling]: [Duration; 3]) {
        let now = self.clock.now();
        let took = now.saturating_since(began);
        let core = self.hold();
        core.measures.iter().for_each(|measures| measures.took(took));
        let (at, busiest) = (core.machines.now(), core.machines.busiest());
        let name = busiest.and_then(|(machine, _)| core.name_of(machine).cloned());
        let pace = *self.pace.lock();
        let late = now.saturating_since(pace.clock_at(at));
        if pace.is_free() || late <= self.config.late_after {
            return;
        }
        let safepoints = busiest.map_or(0, |(_, safepoints)| safepoints);
        let window = LateWindow { at, late, took, network, machines, settling, busiest: name, safepoints };
        self.report.lock().note(&window);
        self.hold().tell(&Event::Resource { at, shortage: Shortage::Late(window) });
    }
}

impl Driven for Paced {
    fn fabric(&mut self) -> &mut Fabric {
        self.hold().machines.fabric_mut()
    }

    /// Runs the windows that are due, and carries out orders between them. Without a pace it stops after a while, so that
    /// doors have their turn.
    fn catch_up(&mut self, _: Instant) {
        self.skip();
        let pace = *self.pace.lock();
        let began = self.clock.now();
        let mut until = pace.world_at(began);
        while !self.inbox.is_stopped() && self.window(until) {
            self.serve();
            let now = self.clock.now();
            if now.saturating_since(began) > self.config.turn_max {
                return;
            }
            until = pace.world_at(now);
            // Whoever else wants the world has it now.
            if let Some(held) = &mut self.held {
                ArcMutexGuard::bump(held);
            }
        }
        if !pace.is_free() && !self.inbox.is_stopped() {
            let window = self.hold().window;
            let end = Instant::from_nanos(until.as_nanos() / window.as_nanos() * window.as_nanos());
            let core = self.hold();
            if end > core.machines.now() {
                core.idle_until(end);
            }
        }
    }

    fn poll_network(&mut self) -> Option<Output> {
        self.hold().poll_network()
    }

    /// Only asked while the world is not held.
    fn next_event(&self) -> Option<Instant> {
        self.next
    }
}
