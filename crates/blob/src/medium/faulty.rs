//! [`FaultyMedium`]: a medium in memory that does to its files what bad disks and power failures do.
//!
//! Every file has a durable content, which a crash leaves alone, and a list of writes since it was last synced, of
//! which a crash keeps, drops or tears each, in any order. What was created, removed and renamed since the directory
//! was last synced survives up to some point, as in a file system with a journal.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::sync::Arc;

use ironloom_core::{Rng, Seed};
use parking_lot::Mutex;

use super::{Medium, MediumFile};

/// A medium in memory whose crashes and failures follow from a seed. Clones are handles of the same medium.
///
/// ```
/// use ironloom_blob::{FaultyMedium, Medium, MediumFile};
/// use ironloom_core::Seed;
///
/// let medium = FaultyMedium::new(Seed::new(1));
/// let file = medium.create("notes")?;
/// file.write_at(b"synced", 0)?;
/// file.sync()?;
/// medium.sync()?;
/// file.write_at(b"perhaps", 6)?;
/// medium.crash();
/// let mut found = [0; 6];
/// medium.open("notes")?.read_at(&mut found, 0)?;
/// assert_eq!(&found, b"synced");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct FaultyMedium {
    state: Arc<Mutex<State>>,
}

/// A file of a [`FaultyMedium`].
#[derive(Debug)]
pub struct FaultyFile {
    state: Arc<Mutex<State>>,
    node: usize,
    /// The power cycle in which it was opened; it is dead in the next.
    cycle: u64,
    locked: Option<String>,
}

#[derive(Debug)]
struct State {
    rng: Rng,
    cycle: u64,
    /// Every file that ever was, by number.
    nodes: Vec<Node>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// What was done to the names since they were last durable.
    name_changes: Vec<NameChange>,
    locks: BTreeSet<String>,
    operations: u64,
    power_off_after: Option<u64>,
    fail: BTreeMap<u64, io::ErrorKind>,
    capacity: Option<u64>,
}

#[derive(Debug, Default)]
struct Node {
    content: Vec<u8>,
    durable: Vec<u8>,
    /// What was done to the content since it was last durable.
    changes: Vec<Change>,
}

#[derive(Debug)]
enum Change {
    Write(u64, Vec<u8>),
    Truncate(u64),
}

#[derive(Debug)]
enum NameChange {
    Put(String, usize),
    Remove(String),
    Rename(String, String),
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write(offset, bytes) => {
                let (start, end) = (*offset as usize, *offset as usize + bytes.len());
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[start..end].copy_from_slice(bytes);
            }
            Self::Truncate(length) => content.resize(*length as usize, 0),
        }
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Put(name, node) => drop(names.insert(name.clone(), *node)),
            Self::Remove(name) => drop(names.remove(name)),
            Self::Rename(source, target) => {
                if let Some(node) = names.remove(source) {
                    names.insert(target.clone(), node);
                }
            }
        }
    }
}

impl FaultyMedium {
    /// An empty medium without faults; `seed` decides what its crashes do.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        let state = State {
            rng: Rng::new(seed).split("faulty medium", 0),
            cycle: 0,
            nodes: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            name_changes: Vec::new(),
            locks: BTreeSet::new(),
            operations: 0,
            power_off_after: None,
            fail: BTreeMap::new(),
            capacity: None,
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// How many operations there were that change something or make it durable.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state.lock().operations
    }

    /// Cuts the power after so many more operations: from then on everything fails, until [`crash`](Self::crash).
    pub fn power_off_after(&self, operations: u64) {
        let mut state = self.state.lock();
        state.power_off_after = Some(state.operations + operations);
    }

    /// Fails the operation after so many more with this kind of error, once.
    pub fn fail_after(&self, operations: u64, kind: io::ErrorKind) {
        let mut state = self.state.lock();
        let at = state.operations + operations;
        state.fail.insert(at, kind);
    }

    /// Limits what all files may hold; `None` is no limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state.lock().capacity = bytes;
    }

    /// Turns the power off and on: what was not synced is kept, dropped, torn or reordered, and open files are dead.
    pub fn crash(&self) {
        let mut state = self.state.lock();
        let state = &mut *state;
        state.cycle += 1;
        state.power_off_after = None;
        state.fail.clear();
        state.locks.clear();
        let kept = state.rng.below(state.name_changes.len() as u64 + 1) as usize;
        for change in &state.name_changes[..kept] {
            change.apply(&mut state.durable_names);
        }
        state.name_changes.clear();
        state.names.clone_from(&state.durable_names);
        for node in &mut state.nodes {
            node.crash(&mut state.rng);
        }
    }

    /// Ends the process that has files open, but not the power: its writes stay, and are still not durable.
    pub fn kill(&self) {
        let mut state = self.state.lock();
        state.cycle += 1;
        state.power_off_after = None;
        state.fail.clear();
        state.locks.clear();
    }

    /// Flips one bit of a file, as decaying media do; `false` if it is not there or empty.
    #[must_use]
    pub fn flip_bit(&self, name: &str) -> bool {
        let mut state = self.state.lock();
        let Some(length) = state.names.get(name).map(|node| state.nodes[*node].content.len() as u64) else {
            return false;
        };
        if length == 0 {
            return false;
        }
        let (at, bit) = (state.rng.below(length) as usize, state.rng.below(8));
        state.edit(name, |content| content[at] ^= 1 << bit)
    }

    /// Changes the content of a file behind everybody's back; `false` if it is not there.
    #[must_use]
    pub fn damage(&self, name: &str, edit: impl Fn(&mut Vec<u8>)) -> bool {
        self.state.lock().edit(name, edit)
    }

    /// Deletes a file behind everybody's back, durably; `false` if it is not there.
    #[must_use]
    pub fn delete(&self, name: &str) -> bool {
        let mut state = self.state.lock();
        state.durable_names.remove(name);
        state.names.remove(name).is_some()
    }
}

impl Node {
    fn crash(&mut self, rng: &mut Rng) {
        if rng.chance(1, 4) {
            rng.shuffle(&mut self.changes);
        }
        for change in self.changes.drain(..) {
            match (rng.below(4), change) {
                (0, _) => {}
                (1, Change::Write(offset, mut bytes)) => {
                    bytes.truncate(rng.below(bytes.len() as u64 + 1) as usize);
                    Change::Write(offset, bytes).apply(&mut self.durable);
                }
                (_, change) => change.apply(&mut self.durable),
            }
        }
        self.content.clone_from(&self.durable);
    }
}

impl State {
    /// Counts an operation, and fails it if it is to fail.
    fn operate(&mut self) -> io::Result<()> {
        let number = self.operations;
        self.operations += 1;
        if self.is_off() {
            return Err(io::Error::other("the power is off"));
        }
        self.fail.remove(&number).map_or(Ok(()), |kind| Err(io::Error::from(kind)))
    }

    fn is_off(&self) -> bool {
        self.power_off_after.is_some_and(|last| self.operations > last)
    }

    fn check_power(&self, cycle: u64) -> io::Result<()> {
        if self.is_off() || cycle != self.cycle {
            return Err(io::Error::other("the power is off"));
        }
        Ok(())
    }

    fn rename(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.name_changes.push(change);
    }

    fn edit(&mut self, name: &str, edit: impl Fn(&mut Vec<u8>)) -> bool {
        let Some(node) = self.names.get(name) else {
            return false;
        };
        let node = &mut self.nodes[*node];
        edit(&mut node.content);
        node.durable.clone_from(&node.content);
        node.changes.clear();
        true
    }

    /// Whether a file may grow by so much.
    fn check_room(&self, growth: u64) -> io::Result<()> {
        let used: usize = self.names.values().map(|node| self.nodes[*node].content.len()).sum();
        match self.capacity {
            Some(capacity) if growth > 0 && used as u64 + growth > capacity => {
                Err(io::ErrorKind::StorageFull.into())
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for FaultyMedium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a faulty medium")
    }
}

impl FaultyMedium {
    fn file(&self, state: &State, node: usize, locked: Option<String>) -> FaultyFile {
        FaultyFile { state: Arc::clone(&self.state), node, cycle: state.cycle, locked }
    }

    fn make(state: &mut State, name: &str) -> usize {
        let node = state.nodes.len();
        state.nodes.push(Node::default());
        state.rename(NameChange::Put(name.to_owned(), node));
        node
    }
}

impl Medium for FaultyMedium {
    type File = FaultyFile;

    fn create(&self, name: &str) -> io::Result<FaultyFile> {
        let mut state = self.state.lock();
        state.operate()?;
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let node = Self::make(&mut state, name);
        Ok(self.file(&state, node, None))
    }

    fn open(&self, name: &str) -> io::Result<FaultyFile> {
        let state = self.state.lock();
        state.check_power(state.cycle)?;
        let node = *state.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(self.file(&state, node, None))
    }

    fn lock(&self, name: &str) -> io::Result<Option<FaultyFile>> {
        let mut state = self.state.lock();
        state.check_power(state.cycle)?;
        if !state.locks.insert(name.to_owned()) {
            return Ok(None);
        }
        let node = match state.names.get(name) {
            Some(node) => *node,
            None => Self::make(&mut state, name),
        };
        Ok(Some(self.file(&state, node, Some(name.to_owned()))))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let state = self.state.lock();
        state.check_power(state.cycle)?;
        Ok(state.names.keys().cloned().collect())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        state.operate()?;
        if !state.names.contains_key(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.rename(NameChange::Remove(name.to_owned()));
        Ok(())
    }

    fn rename(&self, source: &str, target: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        state.operate()?;
        if !state.names.contains_key(source) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.rename(NameChange::Rename(source.to_owned(), target.to_owned()));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        state.operate()?;
        state.durable_names = state.names.clone();
        state.name_changes.clear();
        Ok(())
    }
}

impl MediumFile for FaultyFile {
    fn length(&self) -> io::Result<u64> {
        let state = self.state.lock();
        state.check_power(self.cycle)?;
        Ok(state.nodes[self.node].content.len() as u64)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let state = self.state.lock();
        state.check_power(self.cycle)?;
        let content = &state.nodes[self.node].content;
        let found = content
            .get(offset as usize..)
            .and_then(|rest| rest.get(..bytes.len()))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        bytes.copy_from_slice(found);
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.state.lock();
        state.check_power(self.cycle)?;
        state.operate()?;
        let length = state.nodes[self.node].content.len() as u64;
        state.check_room((offset + bytes.len() as u64).saturating_sub(length))?;
        state.nodes[self.node].change(Change::Write(offset, bytes.to_vec()));
        Ok(())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        let mut state = self.state.lock();
        state.check_power(self.cycle)?;
        state.operate()?;
        state.nodes[self.node].change(Change::Truncate(length));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        state.check_power(self.cycle)?;
        state.operate()?;
        let node = &mut state.nodes[self.node];
        node.durable.clone_from(&node.content);
        node.changes.clear();
        Ok(())
    }
}

impl Node {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.content);
        self.changes.push(change);
    }
}

impl Drop for FaultyFile {
    fn drop(&mut self) {
        if let Some(name) = &self.locked {
            let mut state = self.state.lock();
            if state.cycle == self.cycle {
                state.locks.remove(name);
            }
        }
    }
}
