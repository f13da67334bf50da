//! Commands that somebody outside has in its hands, by way of a door.

use std::collections::BTreeMap;

use ironloom_core::{Duration, Instant, MachineId};
use ironloom_vm::os::{Exit, Pid, Signal};
use ironloom_vm::{Command, Fed, Heard, MachineError, Piped};

use super::core::Core;
use crate::replay::{Entry as Written, PipedEntry};

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
        self.write_down(|| Written::Open(id, Box::new(command.clone())));
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

    /// Gives a command something to read.
    pub(crate) fn feed(&mut self, piped: &Piped, bytes: &[u8]) -> Result<Fed, MachineError> {
        let fed = self.machines.feed(piped, bytes)?;
        let taken = match fed {
            Fed::Taken(taken) => taken,
            Fed::NobodyReads => 0,
        };
        // Who is offered one byte more than there is room for takes as many, and tells when there is more.
        self.write_piped(piped, || PipedEntry::Feed(bytes[..bytes.len().min(taken + 1)].to_vec()));
        Ok(fed)
    }

    /// Tells a command that there is nothing more to read.
    pub(crate) fn finish_feeding(&mut self, piped: &mut Piped) -> Result<(), MachineError> {
        self.write_piped(piped, || PipedEntry::Finish);
        self.machines.finish_feeding(piped)
    }

    /// Takes what a command has written, at most so much.
    pub(crate) fn hear_command(&mut self, piped: &Piped, bytes_max: usize) -> Result<Heard, MachineError> {
        self.write_piped(piped, || PipedEntry::Hear(u32::try_from(bytes_max).unwrap_or(u32::MAX)));
        self.machines.hear(piped, bytes_max)
    }

    fn write_piped(&self, piped: &Piped, entry: impl FnOnce() -> PipedEntry) {
        self.write_down(|| Written::Piped(piped.machine(), piped.pid(), entry()));
    }

    /// Lets go of a command, which goes on alone if it has not ended; what it wrote to its standard error.
    pub(crate) fn close_piped(&mut self, piped: Piped) -> Vec<u8> {
        self.write_piped(&piped, || PipedEntry::Close);
        self.piped.holders.remove(&(piped.machine(), piped.pid()));
        // If its machine is gone, so is what it wrote.
        self.machines.close_pipes(piped).unwrap_or_default()
    }

    /// Tells a command, and those that it started, that whoever it talked to is gone; those that go on are ended in a while.
    pub(crate) fn hang_up(&mut self, piped: Piped) {
        self.write_piped(&piped, || PipedEntry::HangUp);
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
