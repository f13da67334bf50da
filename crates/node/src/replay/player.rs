//! [`Replay`]: a run that is played again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use ironloom_blob::BlobId;
use ironloom_core::{Instant, MachineId};
use ironloom_vm::Piped;
use ironloom_vm::os::Pid;

use super::{Basis, Entry, Log, PipedEntry, Recorder, ReplayError};
use crate::world::{Core, Holder, pair};
use crate::{Description, World};

/// Whom commands belong to here: nobody looks at what they have to say.
const NOBODY: Holder = Holder { door: 0, connection: 0 };

/// A run that is played again, as far as one likes.
///
/// ```
/// use ironloom_node::prelude::*;
/// use ironloom_node::Log;
///
/// let town = World::builder(7).machine("loom", |loom| loom).describe()?;
/// let log = Log::in_memory(); // or `Log::open("directory")`
/// let world = World::record(&town, &log)?;
/// let node = Node::start(world.clone())?;
/// node.exec("loom", "sleep 0.1; echo linen > /root/cloth").wait()?;
/// node.exec("loom", "rm /root/cloth").wait()?;
/// node.stop();
///
/// // After a tenth of a second it was there.
/// let mut replay = World::replay(&log)?;
/// replay.run_until(Instant::ZERO.saturating_add(Duration::from_millis(50)))?;
/// replay.run_while(|world| world.peek("loom", "/root/cloth").is_err())?;
/// assert_eq!(replay.world().peek("loom", "/root/cloth")?, b"linen\n");
/// assert_eq!(replay.finish()?.digest(), world.digest());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Replay {
    world: World,
    log: Log,
    /// Chunks that are not read yet.
    chunks: VecDeque<BlobId>,
    read: u64,
    entries: VecDeque<Entry>,
    piped: BTreeMap<(MachineId, Pid), Piped>,
    visits: u64,
}

impl World {
    /// The world of a description, whose run is written down from the beginning: every order, all that doors carry, and when.
    /// What happens in between follows from that and is not.
    ///
    /// # Errors
    ///
    /// If something in the description makes no sense, or the log is not empty or cannot be written.
    pub fn record(description: &Description, log: &Log) -> Result<Self, ReplayError> {
        let world = Self::new(description)?;
        world.write_down(log, Basis::Described(Box::new(description.clone())))?;
        Ok(world)
    }

    /// Begins to play a run again that was [written down](Self::record).
    ///
    /// # Errors
    ///
    /// If the log cannot be read, or is that of a world that is kept, which its archive plays.
    pub fn replay(log: &Log) -> Result<Replay, ReplayError> {
        match log.read()? {
            (Basis::Described(description), chunks) => Ok(Replay::of(Self::new(&description)?, log, chunks)),
            (Basis::Kept(_), _) => Err(ReplayError::Kept),
        }
    }

    /// From now on its run is written down; nothing has happened yet.
    pub(crate) fn write_down(&self, log: &Log, basis: Basis) -> Result<(), ReplayError> {
        self.core.lock().recorder = Some(Recorder::begin(log, basis)?);
        Ok(())
    }
}

impl Replay {
    pub(crate) fn of(world: World, log: &Log, chunks: Vec<BlobId>) -> Self {
        Self {
            world,
            log: log.clone(),
            chunks: chunks.into(),
            read: 0,
            entries: VecDeque::new(),
            piped: BTreeMap::new(),
            visits: 0,
        }
    }

    /// The world, as far as it was played. Orders that it is given here happen, and then it is another world than the one that
    /// was written down: [peek](World::peek), or go on with it from here and leave the log alone.
    #[must_use]
    pub const fn world(&self) -> &World {
        &self.world
    }

    /// Plays the next that happened: a window, an order, something that came in by a door; whether there was anything.
    ///
    /// # Errors
    ///
    /// If the log cannot be read, or something else happened than what was written down.
    pub fn step(&mut self) -> Result<bool, ReplayError> {
        self.play(Instant::MAX)
    }

    /// Plays what happened by then, in the time of the world; whether that is all there is.
    ///
    /// # Errors
    ///
    /// If the log cannot be read, or something else happened than what was written down.
    pub fn run_until(&mut self, until: Instant) -> Result<bool, ReplayError> {
        while self.play(until)? {}
        Ok(self.entries.is_empty() && self.chunks.is_empty())
    }

    /// Plays on while something is so; whether it is not so any more, rather than that being all there is.
    ///
    /// # Errors
    ///
    /// If the log cannot be read, or something else happened than what was written down.
    pub fn run_while(&mut self, mut is_so: impl FnMut(&World) -> bool) -> Result<bool, ReplayError> {
        while is_so(&self.world) {
            if !self.step()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Plays the rest; the world as it was at the end.
    ///
    /// # Errors
    ///
    /// If the log cannot be read, or something else happened than what was written down.
    pub fn finish(mut self) -> Result<World, ReplayError> {
        match self.run_until(Instant::MAX)? {
            true => Ok(self.world),
            // Where a window ran nothing is due.
            false => Err(ReplayError::Damaged("it goes on where the world stands still".to_owned())),
        }
    }

    /// Plays one thing, if it happened by then.
    fn play(&mut self, until: Instant) -> Result<bool, ReplayError> {
        let core = Arc::clone(&self.world.core);
        let mut core = core.lock();
        while self.entries.is_empty() {
            let Some(chunk) = self.chunks.pop_front() else { return Ok(false) };
            self.read += 1;
            self.entries = self.log.entries(chunk, self.read)?.into();
        }
        let Some(entry) = self.entries.front_mut() else { return Ok(false) };
        match entry {
            Entry::Steps(0) => {}
            Entry::Steps(left) => {
                if core.next_event().is_none_or(|next| next > until) {
                    return Ok(false);
                }
                *left -= 1;
                core.step_until(Instant::MAX, &mut |_| ());
                if *left > 0 {
                    return Ok(true);
                }
            }
            Entry::Idle(at) if *at > until => return Ok(false),
            _ => {}
        }
        match self.entries.pop_front() {
            Some(entry) => self.perform(&mut core, entry)?,
            None => return Ok(false),
        }
        Ok(true)
    }

    fn perform(&mut self, core: &mut Core, entry: Entry) -> Result<(), ReplayError> {
        match entry {
            Entry::Steps(_) => {}
            Entry::Idle(until) => core.idle_until(until),
            Entry::Settle => core.settle(),
            Entry::Deliver => core.deliver(),
            Entry::Order(order) => {
                let (answer, _) = pair();
                core.execute(*order, answer);
            }
            Entry::Crossing(crossing) => {
                let now = core.machines.fabric().now();
                crossing.apply(now, core.machines.fabric_mut());
            }
            Entry::Route { machine, port } => {
                // What stood in the way then does so again.
                let _ = core.route_to(&machine, port);
            }
            Entry::Open(id, command) => {
                if let Ok(piped) = core.open_piped(id, &command, NOBODY) {
                    self.piped.insert((id, piped.pid()), piped);
                }
            }
            Entry::Piped(id, pid, entry) => self.perform_piped(core, (id, pid), entry),
            Entry::Abandon => core.abandon_all(),
            Entry::Visit => self.visits += 1,
            Entry::Mark(at, expected) => {
                let found = core.digest();
                if found != expected {
                    return Err(ReplayError::Diverged { at, expected, found, visits: self.visits });
                }
            }
        }
        core.take_piped_news(NOBODY.door);
        Ok(())
    }

    fn perform_piped(&mut self, core: &mut Core, key: (MachineId, Pid), entry: PipedEntry) {
        let Some(piped) = self.piped.get_mut(&key) else { return };
        // What their machine says to it, whoever had them in its hands knew.
        match entry {
            PipedEntry::Feed(bytes) => _ = core.feed(piped, &bytes),
            PipedEntry::Finish => _ = core.finish_feeding(piped),
            PipedEntry::Hear(bytes_max) => _ = core.hear_command(piped, bytes_max as usize),
            PipedEntry::Close | PipedEntry::HangUp => {
                let Some(piped) = self.piped.remove(&key) else { return };
                match entry {
                    PipedEntry::HangUp => core.hang_up(piped),
                    _ => _ = core.close_piped(piped),
                }
            }
        }
    }
}
