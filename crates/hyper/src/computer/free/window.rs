//! Windows: how time goes by on the [`Floor`].

use ironloom_core::{Duration, Instant};

use super::floor::Floor;
use crate::computer::lockstep::NEXT;
use crate::computer::seat::HartStatus;
use crate::computer::spread::Host;

/// How long a window is at most: so far may clocks of harts differ.
const WINDOW_MAX: Duration = Duration::from_micros(250);

impl Floor<'_> {
    /// Lets everybody run for a window; when it ended.
    pub(super) fn window(&self, now: Instant, deadline: Instant) -> Instant {
        let Some(host) = self.host else { return self.go_through(now, deadline) };
        let (mut begins, mut keeps) = (false, false);
        self.yard.news.wait_until(|| {
            (begins, keeps) = (host.begin_window(), host.keeps_part());
            begins || keeps || self.is_over()
        });
        if keeps {
            host.keep(self.part(host, now));
        }
        if !begins {
            return now;
        }
        if now >= deadline {
            self.wait_for_others(host, now, deadline);
        }
        let end =
            if now < deadline || self.yard.has_arrivals() { self.go_through(now, deadline) } else { now };
        host.end_window();
        end
    }

    /// Whether other hosts may still want something of this one before an instant.
    pub(super) fn lacks_others(&self, deadline: Instant) -> bool {
        self.host.is_some_and(|host| !host.have_all_reached(deadline))
    }

    /// Waits until other hosts are as far as this one, or a hart has come.
    fn wait_for_others(&self, host: &Host, now: Instant, deadline: Instant) {
        host.await_bound(deadline.saturating_add(host.share().lead));
        self.yard.news.wait_until(|| {
            host.reach_end(now);
            !self.lacks_others(deadline) || self.yard.has_arrivals() || self.is_paused() || self.is_over()
        });
    }

    fn go_through(&self, now: Instant, deadline: Instant) -> Instant {
        let (running, due) = self.prepare(now, deadline);
        if let Some(host) = self.host {
            host.note_running(&running);
        }
        let Some((lent, others)) = running.split_first() else {
            return self.host.map_or(due, |host| self.idle(host, now, due)).max(now.saturating_add(NEXT));
        };
        let mut end = due.max(now.saturating_add(NEXT)).min(now.saturating_add(WINDOW_MAX));
        if let Some(host) = self.host {
            end = self.keep_pace(host, now, end);
            if self.yard.has_arrivals() || self.is_paused() {
                return now; // who has come begins with the others
            }
        }
        self.open(*lent, others, &running, end);
        // One of them runs here: then nobody has to be woken if it is the only one.
        self.run(*lent, end);
        let mut round = self.yard.round.lock();
        while !round.over {
            self.yard.over.wait(&mut round);
        }
        drop(round);
        // If all wait, the window was over when the last began to.
        let latest = self.seats.iter().map(|seat| seat.lock().hart.now()).max().unwrap_or(end);
        latest.clamp(now.saturating_add(NEXT), end.max(now.saturating_add(NEXT)))
    }

    fn open(&self, lent: usize, others: &[usize], running: &[usize], end: Instant) {
        let mut round = self.yard.round.lock();
        round.active = running.len();
        round.end = end;
        round.over = false;
        for mailbox in &mut round.mailboxes {
            mailbox.through = false;
        }
        for number in running {
            round.mailboxes[*number].active = true;
        }
        round.mailboxes[lent].lent = true;
        for number in others {
            round.mailboxes[*number].wake.notify_one();
        }
    }

    /// Tells everybody the time and what has happened; who has something to do, and when something else happens.
    fn prepare(&self, now: Instant, deadline: Instant) -> (Vec<usize>, Instant) {
        let (mut end, mut changed) = (deadline, 0);
        let mut board = self.board.lock();
        if self.has_devices() {
            board.advance(now, self.memory);
            changed = board.take_changed();
            end = board.next_event().map_or(deadline, |event| deadline.min(event));
        }
        let mut running = Vec::new();
        for (number, seat) in self.seats.iter().enumerate() {
            let lines = (changed >> number & 1 == 1).then(|| board.pending(number as u16));
            if !self.lives_here(number) {
                if let (Some(host), Some(lines)) = (self.host, lines) {
                    host.write_to(number, now, &super::Message::Lines(lines));
                }
                continue;
            }
            let mut seat = seat.lock();
            self.take_mail(number, &mut seat);
            seat.tell_time(now);
            if let Some(lines) = lines {
                seat.hart.set_lines(lines); // which is newer than what letters say
            }
            seat.wake();
            // A letter that starts it may have come since, from another host.
            self.yard.round.lock().mailboxes[number].note_started(seat.is_started());
            if seat.status == HartStatus::Running {
                running.push(number);
            } else if let Some(alarm) = seat.alarm() {
                end = end.min(alarm);
            }
        }
        (running, end)
    }

    /// Waits until other hosts are so far that harts here may run; how far they may.
    fn keep_pace(&self, host: &Host, now: Instant, end: Instant) -> Instant {
        let least = now.saturating_add(NEXT);
        host.await_bound(least);
        self.yard.news.wait_until(|| {
            host.reach(now, now); // again and again: while a hart is on its way less was said
            host.bound() >= least || self.yard.has_arrivals() || self.is_paused() || self.is_over()
        });
        end.min(host.bound()).max(least)
    }

    /// Waits until something is due here and other hosts are as far, or something comes from them; when it is.
    fn idle(&self, host: &Host, now: Instant, due: Instant) -> Instant {
        host.await_bound(due);
        let mut wakes = now;
        self.yard.news.wait_until(|| {
            host.reach(now, due);
            // Looked at once: what was so a moment ago, like a pause that is over now, must not pass for the end of the wait.
            let interrupted = self.yard.has_arrivals() || self.is_paused() || self.is_over();
            wakes = match self.yard.called() {
                _ if interrupted => now,
                Some(at) => at.max(now).min(due),
                None if host.bound() >= due => due,
                None => return false,
            };
            true
        });
        // Before who wakes takes what woke it, which is the last that others go by.
        host.reach(wakes, wakes);
        wakes
    }
}
