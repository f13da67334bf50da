//! [`Duties`]: what this host owes others that want pages it has.
//!
//! An order may wait until the page has been here for a while; then harts lose access, and when they have, somebody is
//! granted the page or told that it is no longer read here. A page has one order at a time, for its home gives the next
//! one only when the last has been carried out.

use std::collections::{BTreeMap, BTreeSet};

use ironloom_core::Instant;

use super::message::Body;
use super::plan::{Order, keeps};
use super::{Coherence, Content, Held, Output, Page, Refused, Released, Tell, Version};
use crate::cluster::HostId;

#[derive(Debug, Clone, Default, Hash)]
pub(super) struct Duties {
    of: BTreeMap<Page, Duty>,
    /// The orders that wait for their time.
    later: BTreeSet<(Instant, Page)>,
}

#[derive(Debug, Clone, Copy, Hash)]
struct Duty {
    keep: Held,
    job: Job,
    stage: Stage,
}

/// What is to be done once harts have no more access than they may keep.
#[derive(Debug, Clone, Copy, Hash)]
enum Job {
    /// The page is granted to a host, which keeps this version, and must hear so many acknowledgements.
    Supply { to: HostId, held: Held, has: Option<Version>, acknowledgements: u8 },
    /// A host is told that the page is no longer read here.
    Acknowledge { to: HostId },
    /// The membership in which the order was given has ended: harts get back what they lost.
    Return,
}

#[derive(Debug, Clone, Copy, Hash)]
enum Stage {
    /// The page has just come, and stays until then.
    Waiting { until: Instant },
    /// Harts are losing access, and the page is to be told or not.
    Releasing { tell: Option<Tell> },
    /// They are losing access for an order that is void; this one comes after it.
    Behind { tell: Option<Tell> },
}

impl Duties {
    pub(super) fn next_event(&self) -> Option<Instant> {
        self.later.first().map(|(due, _)| *due)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.of.is_empty()
    }

    /// Orders are void from now on. Where harts are losing access, they get it back.
    pub(super) fn void(&mut self) {
        self.later.clear();
        self.of.retain(|_, duty| !matches!(duty.stage, Stage::Waiting { .. }));
        for duty in self.of.values_mut() {
            duty.job = Job::Return;
            if let Stage::Behind { tell } = duty.stage {
                duty.stage = Stage::Releasing { tell };
            }
        }
    }
}

impl Coherence {
    #[expect(clippy::too_many_arguments, reason = "they are the fields of a message")]
    pub(super) fn on_forward(
        &mut self,
        now: Instant,
        from: HostId,
        page: Page,
        to: HostId,
        held: Held,
        has: Option<Version>,
        acknowledgements: u8,
    ) -> Result<(), Refused> {
        let order = if held == Held::Write { Order::ForwardToWrite } else { Order::ForwardToRead };
        self.on_order(now, from, page, order, Job::Supply { to, held, has, acknowledgements })
    }

    pub(super) fn on_invalidate(
        &mut self,
        now: Instant,
        from: HostId,
        page: Page,
        to: HostId,
    ) -> Result<(), Refused> {
        self.on_order(now, from, page, Order::Invalidate, Job::Acknowledge { to })
    }

    fn on_order(
        &mut self,
        now: Instant,
        from: HostId,
        page: Page,
        order: Order,
        job: Job,
    ) -> Result<(), Refused> {
        let to = match job {
            Job::Supply { to, .. } | Job::Acknowledge { to } => to,
            Job::Return => self.here,
        };
        if from != self.homes.of(page) || !self.hosts.contains(to) {
            return Err(Refused::OutOfState);
        }
        let keep = keeps(self.held(page), order).ok_or(Refused::OutOfState)?;
        if let Some(duty) = self.duties.of.get_mut(&page) {
            let (Job::Return, Stage::Releasing { tell }) = (duty.job, duty.stage) else {
                return Err(Refused::OutOfState);
            };
            *duty = Duty { keep, job, stage: Stage::Behind { tell } };
            return Ok(());
        }
        self.counters.invalidations += u64::from(order == Order::Invalidate);
        let until = self.copies[page.index()].stays_until(now, self.config.hold);
        if let Some(until) = until.filter(|_| !self.giving.contains(&page)) {
            self.counters.hold_delays += 1;
            self.duties.later.insert((until, page));
            self.duties.of.insert(page, Duty { keep, job, stage: Stage::Waiting { until } });
        } else {
            self.carry_out(now, page, keep, job);
        }
        Ok(())
    }

    /// Orders whose time has come are carried out.
    pub(super) fn wake_duties(&mut self, now: Instant) {
        while let Some((due, page)) = self.duties.later.first().copied()
            && due <= now
        {
            self.duties.later.pop_first();
            let duty = self.duties.of.remove(&page).expect("an order waits for its time");
            self.carry_out(now, page, duty.keep, duty.job);
        }
    }

    /// Takes access away from harts, if they have more than they may keep or the page must be told.
    fn carry_out(&mut self, now: Instant, page: Page, keep: Held, job: Job) {
        let copied = self.copies[page.index()];
        let base = copied.version;
        let tell = match job {
            // What is only read is as it came.
            Job::Supply { has, .. } if copied.held() == Held::Read && has == Some(base) => None,
            Job::Supply { has, .. } if has == Some(base) => Some(Tell::Since),
            Job::Supply { .. } => Some(Tell::Whole),
            Job::Acknowledge { .. } | Job::Return => None,
        };
        if tell.is_none() && keep == copied.held() {
            return self.carried_out(now, page, keep, job, Released::default());
        }
        self.duties.of.insert(page, Duty { keep, job, stage: Stage::Releasing { tell } });
        self.outputs.push_back(Output::Release { page, keep, tell });
    }

    /// Harts here have lost access to a page as an [`Output::Release`] said.
    ///
    /// # Panics
    ///
    /// If there was none, or the answer is not as it was to be: told whole or since its base, and not changed unless it
    /// could be written.
    pub fn released(&mut self, now: Instant, page: Page, answer: Released) {
        let duty = self.duties.of.remove(&page).expect("a page is released when that was to be done");
        match duty.stage {
            Stage::Waiting { .. } => panic!("{page} was released before it was to be"),
            Stage::Releasing { tell } => {
                check_answer(self.held(page), tell, &answer);
                self.carried_out(now, page, duty.keep, duty.job, answer);
            }
            Stage::Behind { tell } => {
                check_answer(self.held(page), tell, &answer);
                self.give_access_back(page, &answer);
                self.carry_out(now, page, duty.keep, duty.job);
            }
        }
        self.settle_inbox(now);
    }

    fn carried_out(&mut self, now: Instant, page: Page, keep: Held, job: Job, answer: Released) {
        if let Job::Return = job {
            return self.give_access_back(page, &answer);
        }
        self.rename(page, &answer);
        self.set_held(page, keep);
        match job {
            Job::Supply { to, held, has: _, acknowledgements } => {
                let (changed, content) = (answer.changed, answer.content.unwrap_or(Content::Same));
                self.supply(now, page, to, held, acknowledgements, changed, content);
            }
            Job::Acknowledge { to } => self.say(now, to, Body::Acknowledge { page }),
            Job::Return => {}
        }
    }

    /// A page that was changed has a new version from now on, if it was told; its bytes are the base then.
    fn rename(&mut self, page: Page, answer: &Released) {
        let copied = &mut self.copies[page.index()];
        if answer.changed {
            copied.keep(copied.version.next());
        }
    }

    /// Nobody wants the page any more for whom harts here lost access.
    fn give_access_back(&mut self, page: Page, answer: &Released) {
        self.rename(page, answer);
        let held = self.held(page);
        self.outputs.push_back(Output::Install { page, held, content: Content::Same });
    }

    #[expect(clippy::too_many_arguments, reason = "they are the fields of a message")]
    fn supply(
        &mut self,
        now: Instant,
        page: Page,
        to: HostId,
        held: Held,
        acknowledgements: u8,
        changed: bool,
        content: Content,
    ) {
        let version = self.copies[page.index()].version;
        if to != self.here {
            self.counters.supplied += 1;
            self.counters.bytes_sent += content.carried() as u64;
        }
        self.say(now, to, Body::Grant { page, held, version, acknowledgements, changed, content });
        if self.homes.of(page) == self.here && acknowledgements == 0 {
            // What the home says from now on comes after the grant, so nobody needs to confirm it.
            self.conclude(now, page, version, changed);
        }
    }
}

fn check_answer(held: Held, tell: Option<Tell>, answer: &Released) {
    let told = answer.content.as_ref();
    let fits = match tell {
        None => told.is_none(),
        Some(Tell::Whole) => told.is_some_and(Content::is_complete),
        Some(Tell::Since) => told.is_some(),
    };
    assert!(fits, "a page is told as it was to be: {tell:?}");
    assert!(!answer.changed || held == Held::Write && tell.is_some(), "only what is written changes");
}
