//! Snapshots of a computer that several hosts share.
//!
//! ```text
//!  any host      Host::snapshot
//!  all hosts     harts come to rest · each takes its part, sharing frames · harts go on
//!  beside that   each stores its part, and says to who asks what it is called
//!  who asked     merges the parts into one snapshot: HostEvent::Stored
//! ```
//!
//! Harts stand still only until all parts are taken. What is stored is read later from frames that nobody writes, because
//! who writes to one copies it first.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ironloom_blob::{BlobId, BlobStore};
use ironloom_core::{Duration, Instant};
use parking_lot::Mutex;

use super::message::HostMessage;
use super::whole::{self, Part};
use super::{Host, HostEvent, Share};
use crate::cluster::members::Wish;
use crate::cluster::{HostId, HostSet};
use crate::computer::{ComputerConfig, ComputerError};
use crate::memory::MemoryPart;

/// How many snapshots are remembered that this host took a part of.
const PARTS_MAX: usize = 4;

/// How often other hosts are asked for their parts.
const ASK: Duration = Duration::from_millis(20);

/// How many bytes of another host's reason are looked at.
const REASON_BYTES_MAX: usize = 1_024;

/// What this host knows of snapshots.
#[derive(Debug)]
pub(super) struct Snapshots {
    store: Option<Arc<dyn BlobStore>>,
    config: ComputerConfig,
    /// Whether everything stands still and this host's part is to be taken.
    is_due: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    wanted: Wanted,
    /// The snapshot that this host is to take its part of.
    marked: Option<u64>,
    /// This host's parts of the last ones.
    parts: BTreeMap<u64, Kept>,
}

/// What became of this host's part.
#[derive(Debug, Clone)]
enum Kept {
    Storing,
    Over(Result<BlobId, String>),
}

/// How far the snapshot is that this host asked for.
#[derive(Debug, Default)]
enum Wanted {
    #[default]
    Nothing,
    Asked,
    /// It is being taken.
    Marked(u64),
    /// It was taken, and is being stored.
    Gathering(Gathering),
    /// All parts are stored, and become one.
    Composing,
    /// This is to be told.
    Over(HostEvent),
}

#[derive(Debug)]
struct Gathering {
    snapshot: u64,
    paused: Duration,
    hosts: HostSet,
    parts: BTreeMap<HostId, Result<BlobId, String>>,
    next_ask: Instant,
}

impl Gathering {
    fn missing(&self) -> HostSet {
        self.hosts.iter().filter(|host| !self.parts.contains_key(host)).collect()
    }
}

impl Snapshots {
    pub(super) fn new(share: &Share, config: &ComputerConfig) -> Self {
        Self {
            store: share.store.clone(),
            config: config.clone(),
            is_due: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }
}

impl Host {
    /// Stores the computer as it is at one moment, on all hosts together. [`Host::poll`] tells what it is called.
    ///
    /// All hosts must be letting time go by meanwhile, and must be able to get what others put into their stores.
    /// [`Computer::restore`](crate::Computer::restore) makes an ordinary computer of it. While it is stored memory needs up
    /// to twice as many pages of the host.
    ///
    /// # Errors
    ///
    /// If there is no store, hosts are for ever those that they are, or one is being stored that this host asked for.
    pub fn snapshot(&self) -> Result<(), ComputerError> {
        if self.snapshots.store.is_none() {
            return Err(ComputerError::NoStore);
        }
        let mut state = self.snapshots.state.lock();
        if !matches!(state.wanted, Wanted::Nothing) {
            return Err(ComputerError::Storing);
        }
        state.wanted = Wanted::Asked;
        drop(state);
        self.wish(Wish::Snapshot).inspect_err(|_| self.give_snapshot_up())
    }

    /// The snapshot that was asked for is not taken.
    pub(super) fn give_snapshot_up(&self) {
        let mut state = self.snapshots.state.lock();
        if matches!(state.wanted, Wanted::Asked) {
            state.wanted = Wanted::Nothing;
        }
    }

    /// Harts come to rest everywhere, and this host's part of a snapshot is to be taken.
    pub(super) fn mark(&self, snapshot: u64) {
        let mut state = self.snapshots.state.lock();
        state.marked = Some(snapshot);
        if matches!(state.wanted, Wanted::Asked) {
            state.wanted = Wanted::Marked(snapshot);
        }
    }

    /// Nothing comes of the snapshot that is being taken.
    pub(super) fn unmark(&self) {
        let mut state = self.snapshots.state.lock();
        state.marked = None;
        self.snapshots.is_due.store(false, Ordering::SeqCst);
        if matches!(state.wanted, Wanted::Marked(_)) {
            state.wanted = Wanted::Asked;
        }
    }

    /// Lets this host's part be taken by who runs harts, because all stand still.
    pub(super) fn ask_for_part(&self) {
        self.snapshots.is_due.store(true, Ordering::SeqCst);
        self.yard.news.notify_all();
    }

    /// Whether this host's part is to be taken now.
    pub(in crate::computer) fn keeps_part(&self) -> bool {
        self.snapshots.is_due.load(Ordering::SeqCst)
    }

    /// Whether this host's part was taken.
    pub(super) fn has_part(&self, snapshot: u64) -> bool {
        self.snapshots.state.lock().parts.contains_key(&snapshot)
    }

    /// Takes this host's part of a snapshot: what it is besides memory is given. It is stored by a thread of its own.
    pub(in crate::computer) fn keep(&self, part: Result<Part, ComputerError>) {
        let mut state = self.snapshots.state.lock();
        self.snapshots.is_due.store(false, Ordering::SeqCst);
        let Some(snapshot) = state.marked.take() else { return };
        let kept = match part {
            Ok(part) => self.begin_storing(snapshot, part),
            Err(error) => Err(error),
        };
        let kept = kept.map_or_else(|error| Kept::Over(Err(error.to_string())), |()| Kept::Storing);
        state.parts.insert(snapshot, kept);
        while state.parts.len() > PARTS_MAX {
            state.parts.pop_first();
        }
    }

    fn begin_storing(&self, snapshot: u64, part: Part) -> Result<(), ComputerError> {
        let store = self.snapshots.store.clone().ok_or(ComputerError::NoStore)?;
        let memory: MemoryPart = self.memory.part();
        let snapshots = self.snapshots.clone();
        beside(move || {
            let stored = part.store(memory, &store).map_err(|error| error.to_string());
            if let Some(kept) = snapshots.state.lock().parts.get_mut(&snapshot) {
                *kept = Kept::Over(stored);
            }
        })
    }

    /// Says what this host's part of a snapshot is called, once it is stored.
    pub(super) fn tell_part(&self, to: HostId, snapshot: u64) {
        let kept = self.snapshots.state.lock().parts.get(&snapshot).cloned();
        if let Some(Kept::Over(stored)) = kept {
            self.send(to, &HostMessage::Part { snapshot, stored });
        }
    }

    /// Hears what another host's part of a snapshot is called.
    pub(super) fn hear_part(&self, from: HostId, snapshot: u64, stored: Result<BlobId, String>) {
        let stored = stored.map_err(|mut reason| {
            reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
            reason
        });
        match &mut self.snapshots.state.lock().wanted {
            Wanted::Gathering(gathering)
                if gathering.snapshot == snapshot && gathering.hosts.contains(from) =>
            {
                gathering.parts.insert(from, stored);
            }
            // It was asked more than once.
            _ => {}
        }
    }

    /// A snapshot was taken; if this host asked for it, the parts are its to gather.
    pub(super) fn gather(&self, paused: Duration) {
        let mut state = self.snapshots.state.lock();
        if let Wanted::Marked(snapshot) = state.wanted {
            let (hosts, parts) = (self.hosts(), BTreeMap::new());
            let gathering = Gathering { snapshot, paused, hosts, parts, next_ask: Instant::ZERO };
            state.wanted = Wanted::Gathering(gathering);
        }
    }

    /// Asks for parts that are missing, and makes a snapshot of all when there are none.
    pub(super) fn wake_snapshots(&self, now: Instant) {
        let mut state = self.snapshots.state.lock();
        if matches!(state.wanted, Wanted::Over(_))
            && let Wanted::Over(event) = std::mem::take(&mut state.wanted)
        {
            self.letters.remember(event);
        }
        let State { wanted: Wanted::Gathering(gathering), parts, .. } = &mut *state else { return };
        if let Some(Kept::Over(stored)) = parts.get(&gathering.snapshot) {
            gathering.parts.entry(self.share.here).or_insert_with(|| stored.clone());
        }
        let missing = gathering.missing();
        let gone = missing.iter().find(|host| !self.hosts().contains(*host));
        if let Some(host) = gone {
            gathering.parts.insert(host, Err("it is gone".into()));
        }
        if let Some((host, Err(reason))) = gathering.parts.iter().find(|(_, stored)| stored.is_err()) {
            state.wanted = Wanted::Over(HostEvent::Unstored { host: *host, reason: reason.clone() });
        } else if missing.is_empty() {
            let Wanted::Gathering(gathering) = std::mem::replace(&mut state.wanted, Wanted::Composing) else {
                unreachable!("it was so above");
            };
            drop(state);
            self.compose(gathering);
        } else if gathering.next_ask <= now {
            gathering.next_ask = now.saturating_add(ASK);
            let snapshot = gathering.snapshot;
            drop(state);
            for host in missing.without(self.share.here).iter() {
                self.send(host, &HostMessage::AskPart { snapshot });
            }
        }
    }

    /// Makes one snapshot of the parts of all hosts.
    fn compose(&self, gathering: Gathering) {
        let Gathering { paused, parts, .. } = gathering;
        let store = self.snapshots.store.clone().expect("who has none does not ask");
        let (host, snapshots) = (self.share.here, self.snapshots.clone());
        let event = move |composed: Result<BlobId, ComputerError>| match composed {
            Ok(snapshot) => HostEvent::Stored { snapshot, paused },
            Err(error) => HostEvent::Unstored { host, reason: error.to_string() },
        };
        let begun = beside(move || {
            let parts: Vec<BlobId> = parts.into_values().flatten().collect();
            let composed = event(whole::compose(&*store, &snapshots.config, &parts));
            snapshots.state.lock().wanted = Wanted::Over(composed);
        });
        if let Err(error) = begun {
            self.snapshots.state.lock().wanted = Wanted::Over(event(Err(error)));
        }
    }
}

/// Does something that reads and writes a store, which may take long.
#[expect(
    clippy::disallowed_methods,
    reason = "it ends by itself, and keeps neither the host nor the computer"
)]
fn beside(work: impl FnOnce() + Send + 'static) -> Result<(), ComputerError> {
    let thread = std::thread::Builder::new().name("hyper-snapshot".into());
    thread.spawn(work).map(drop).map_err(ComputerError::Thread)
}
