//! Commands that somebody outside has in its hands, by way of a door.

use std::collections::BTreeMap;

use ironloom_core::{Duration, Instant, MachineId};
use ironloom_vm::os::{Exit, Pid, Signal};
use ironloom_vm::{Command, MachineError, Piped};

use super::core::Core;

/// How long a process may go on after whoever it talked to is gone.
const HANGS_ON: Duration = Duration::from_secs(2);

/// Commands that somebody outside has in its hands.
#[derive(Debug, Default)]
pub(super) struct PipedTable {
    /// Whose each of those is that have not ended.
    holders: BTreeMap<(MachineId, Pid), Holder>,
    /// What doors are to look at, by their numbers.
    news: BTreeMap<u64, Vec<PipedNews>>,
    /// Those that were told to end, and when they are made to.
    hung_up: BTreeMap<(MachineId, Pid), Instant>,
}

/// Who has a command in its hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holder {
    /// The number of the door.
    pub(crate) door: u64,
    /// The number of the connection there.
    pub(crate) connection: u32,
}

/// Something that happened to a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PipedNews {
    /// The number of the connection that it belongs to.
    pub(crate) connection: u32,
    pub(crate) machine: MachineId,
    pub(crate) pid: Pid,
    /// How it ended; else there is something to hear, or room, or its machine is gone.
    pub(crate) exit: Option<Exit>,
}

impl PipedTable {
    fn tell(&mut self, (machine, pid): (MachineId, Pid), holder: Holder, exit: Option<Exit>) {
        let news = PipedNews { connection: holder.connection, machine, pid, exit };
        self.news.entry(holder.door).or_default().push(news);
    }

    /// A process has ended.
    pub(super) fn ended(&mut self, id: MachineId, pid: Pid, exit: Exit) {
        if let Some(holder) = self.holders.remove(&(id, pid)) {
            self.tell((id, pid), holder, Some(exit));
        }
    }
}

impl Core {
    /// Starts a command in the hands of a door.
    pub(crate) fn open_piped(
        &mut self,
        id: MachineId,
        command: &Command,
        holder: Holder,
    ) -> Result<Piped, MachineError> {
        let piped = self.machines.open_pipes(id, command)?;
        self.piped.holders.insert((id, piped.pid()), holder);
        Ok(piped)
    }

    /// Whether there is something that a door is to look at.
    pub(crate) fn has_piped_news(&self, door: u64) -> bool {
        self.piped.news.contains_key(&door)
    }

    /// What a door is to look at.
    pub(crate) fn take_piped_news(&mut self, door: u64) -> Vec<PipedNews> {
        self.piped.news.remove(&door).unwrap_or_default()
    }

    /// Lets go of a command, which goes on alone if it has not ended; what it wrote to its standard error.
    pub(crate) fn close_piped(&mut self, piped: Piped) -> Vec<u8> {
        self.piped.holders.remove(&(piped.machine(), piped.pid()));
        // If its machine is gone, so is what it wrote.
        self.machines.close_pipes(piped).unwrap_or_default()
    }

    /// Tells a command, and those that it started, that whoever it talked to is gone; those that go on are ended in a while.
    pub(crate) fn hang_up(&mut self, piped: Piped) {
        let key = (piped.machine(), piped.pid());
        self.piped.holders.remove(&key);
        if self.machines.hang_up(piped).is_ok() {
            let deadline = self.machines.now().saturating_add(HANGS_ON);
            self.piped.hung_up.insert(key, deadline);
            self.deadlines.insert((deadline, key.0, key.1));
        }
        self.settle();
    }

    /// Ends those that hung on, if that is what a deadline was for; whether it was.
    pub(super) fn end_hung_up(&mut self, deadline: Instant, id: MachineId, pid: Pid) -> bool {
        if self.piped.hung_up.get(&(id, pid)) != Some(&deadline) {
            return false;
        }
        self.piped.hung_up.remove(&(id, pid));
        self.deadlines.remove(&(deadline, id, pid));
        // They may have ended, and their machine be gone.
        let _ = self.machines.signal_group(id, pid, Signal::Kill);
        true
    }

    /// Takes notice of what commands have to say.
    pub(super) fn hear_piped(&mut self) {
        while let Some(key) = self.machines.poll_pipes() {
            if let Some(holder) = self.piped.holders.get(&key).copied() {
                self.piped.tell(key, holder, None);
            }
        }
    }

    /// A machine vanishes: whoever has commands of it finds that out.
    pub(super) fn abandon_piped(&mut self, id: MachineId) {
        let of_machine = || (id, Pid(0))..=(id, Pid(u32::MAX));
        let held: Vec<_> =
            self.piped.holders.range(of_machine()).map(|(key, holder)| (*key, *holder)).collect();
        for (key, holder) in held {
            self.piped.holders.remove(&key);
            self.piped.tell(key, holder, None);
        }
        let hung_up: Vec<_> = self.piped.hung_up.range(of_machine()).map(|(key, at)| (*key, *at)).collect();
        for (key, deadline) in hung_up {
            self.piped.hung_up.remove(&key);
            self.deadlines.remove(&(deadline, key.0, key.1));
        }
    }

    /// Nobody is outside any more, and nobody lets time go by: those that were told to end are ended.
    pub(super) fn abandon_all_piped(&mut self) {
        for (id, pid) in std::mem::take(&mut self.piped).hung_up.into_keys() {
            let _ = self.machines.signal_group(id, pid, Signal::Kill); // They may have ended.
        }
    }
}
