//! What scripts of older engines poll in turn: their children, their input, messages.
//!
//! Such a script goes round a loop and looks here and there, and what has nothing for it says so. Here a call that has
//! nothing waits; it would wait for good while the script is needed somewhere else of its round. So a call that waits for
//! messages or input gives up, with `nil`, when there is news where the process has looked before: of children whose
//! streams it looks after by their numbers, and, if it is such a child itself, of its input and its messages. Whoever
//! has tasks waits in these, and nothing gives up.
//!
//! Asking the same about a child again and again does not take the machine's time: it waits for news, or the next window.

use ironloom_core::{Duration, Instant};

use crate::luau::{Call, Stop};
use crate::os::waiters::Waiter;
use crate::os::{Pid, Process};

use super::task::TaskState;
use super::{Machine, Object};

/// What a process has polled.
#[derive(Debug, Default)]
pub(crate) struct Polls {
    children: bool,
    input: bool,
    messages: bool,
    /// When it asked about which child last, or about its own input at its end.
    asked: Option<(Instant, Pid)>,
}

/// Something that is polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Polled {
    /// The input of the process.
    Input,
    /// Messages for it.
    Messages,
}

/// How long a question about a child waits that was asked before: not at all, but time has to go by.
const PAUSE: Duration = Duration::from_nanos(1);

impl Machine {
    /// What a call that asks about a child begins with: who asks twice at the same time waits for news, or a window.
    ///
    /// # Errors
    ///
    /// [`Stop::Wait`] if it waits.
    pub(crate) fn begin_poll_of(&mut self, call: &Call<'_>, child: Pid) -> Result<(), Stop> {
        self.process_mut().polls.get_or_insert_default().children = true;
        self.pause_if_asked(call, child)
    }

    /// What a line that is asked for at the end of the input begins with: who asks again at the same time waits for a
    /// window. Older engines knew no end of the input, and scripts go on asking.
    ///
    /// # Errors
    ///
    /// [`Stop::Wait`] if it waits.
    pub(crate) fn begin_poll_at_end(&mut self, call: &Call<'_>) -> Result<(), Stop> {
        self.pause_if_asked(call, self.current.pid)
    }

    fn pause_if_asked(&mut self, call: &Call<'_>, about: Pid) -> Result<(), Stop> {
        // Whatever ended the pause, the question is answered.
        let _ = self.begin_wait(call, Some(PAUSE));
        let asks = (self.now, about);
        let polls = self.process_mut().polls.get_or_insert_default();
        if call.is_again() || polls.asked != Some(asks) {
            polls.asked = Some(asks);
            return Ok(());
        }
        let own = self.current.pid;
        self.wait_for(|machine| Some(&mut machine.table.get_mut(own)?.for_children))
    }

    /// What becomes of a call that polls: it does not wait if there is news elsewhere, and hears of it else.
    pub(crate) fn unless_news(
        &mut self,
        call: &mut Call<'_>,
        polled: Polled,
        outcome: Result<u32, Stop>,
    ) -> Result<u32, Stop> {
        let Some(process) = self.table.get_mut(self.current.pid) else { return outcome };
        if process.relay.is_some() {
            let polls = process.polls.get_or_insert_default();
            match polled {
                Polled::Input => polls.input = true,
                Polled::Messages => polls.messages = true,
            }
        }
        if process.polls.is_none() || process.tasks.len() != 1 || !matches!(outcome, Err(Stop::Wait)) {
            return outcome;
        }
        if self.has_news(polled) {
            let task = self.task_mut();
            task.state = TaskState::Running;
            return Ok(call.give(()));
        }
        self.hear_of_news(polled);
        outcome
    }

    /// Whether there is something new where the process that runs polls, besides here.
    fn has_news(&mut self, here: Polled) -> bool {
        let (children, input, messages) = self.polled();
        (children && self.has_news_of_children())
            || (input && here != Polled::Input && self.has_input())
            || (messages && here != Polled::Messages && self.has_message())
    }

    fn polled(&self) -> (bool, bool, bool) {
        let polls = self.process().polls.as_ref();
        polls.map_or((false, false, false), |polls| (polls.children, polls.input, polls.messages))
    }

    fn has_news_of_children(&self) -> bool {
        let own = self.current.pid;
        self.table.iter().filter(|child| child.parent == own).any(|child| {
            let Some(relay) = &child.relay else { return false };
            let end = match self.open.get(relay.output).map(|open| &open.object) {
                Some(Object::Tail { tail, .. }) => tail.end(),
                _ => 0,
            };
            relay.seen.is_some_and(|seen| seen < end) || (relay.knows_end == Some(false) && !child.is_alive())
        })
    }

    /// Whether something was written to the input of the process that was not read.
    fn has_input(&self) -> bool {
        let input = self.description_of(self.current.pid, 0).and_then(|input| self.open.get(input));
        input.is_some_and(|input| !input.ahead.is_empty() || self.held_by(&input.object) > 0)
    }

    fn has_message(&mut self) -> bool {
        let sockets = self.message_sockets();
        let Some(mut host) = self.lent_host(self.current.pid) else { return false };
        sockets.into_iter().any(|socket| host.stack().waiting_datagrams(socket) > 0)
    }

    /// The sockets on which the process that runs receives messages.
    fn message_sockets(&self) -> Vec<ironloom_net::SocketId> {
        let process = self.process();
        let own = process.messages.iter().map(|(_, socket)| *socket);
        let open = process.descriptors.iter().flatten().filter_map(|open| self.open.get(*open));
        let others = open.filter_map(|open| match open.object {
            Object::Datagrams(socket) => Some(socket),
            _ => None,
        });
        own.chain(others).collect()
    }

    /// Has the task that waits woken by what would be news for it.
    fn hear_of_news(&mut self, here: Polled) {
        let (children, input, messages) = self.polled();
        let waiter = self.own_waiter();
        if children {
            self.process_mut().for_children.add(waiter);
        }
        if input
            && here != Polled::Input
            && let Some(input) = self.description_of(self.current.pid, 0)
            && let Some(readers) = self.readers_of(input)
        {
            readers.add(waiter);
        }
        if messages && here != Polled::Messages {
            for socket in self.message_sockets() {
                self.sockets.entry(socket).or_default().readers.add(waiter);
            }
        }
    }

    /// The wait that the task that runs has begun.
    fn own_waiter(&mut self) -> Waiter {
        let task = self.current.task;
        Waiter { task, wait: self.task_mut().wait() }
    }

    /// A child has written something: its parent may poll that.
    pub(crate) fn tell_of_output(&mut self, parent: Pid) {
        let Some(process) = self.table.get_mut(parent).filter(|process| process.polls.is_some()) else {
            return;
        };
        let waiters = process.for_children.take();
        self.wake_all(waiters);
    }

    /// Notes what a parent knows of a child now.
    pub(crate) fn relay_seen(&mut self, child: Pid, note: impl FnOnce(&mut crate::os::Relay, bool)) {
        let Some(child) = self.table.get_mut(child) else { return };
        let has_ended = !child.is_alive();
        if let Some(relay) = &mut child.relay {
            note(relay, has_ended);
        }
    }

    /// If there is no room for another process, forgets a child that has ended and that nobody will wait for: who looks
    /// after children by their numbers does not.
    pub(super) fn forget_ended_child(&mut self, parent: Pid) {
        if self.table.len() < self.limits().processes_max {
            return;
        }
        let is_over = |child: &&Process| child.parent == parent && child.relay.is_some() && !child.is_alive();
        let child = self.table.iter().find(is_over).map(Process::pid);
        if let Some(child) = child {
            self.discard(child);
        }
    }
}
