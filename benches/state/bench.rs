//! [`Bench`]: a state that is being measured, and where it rests.

use ironloom_state::{Batch, Config, FjallConfig, FjallStore, MemoryStore, Roots, State};
use tempfile::TempDir;

use crate::work::Work;

/// How many threads run transactions, besides the one that submits, which helps while it waits.
pub(crate) const WORKERS: usize = 2;

/// Where a state rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Memory,
    Disk,
}

impl Place {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Disk => "fjall",
        }
    }
}

/// A state that is being measured, with the directory that it is in.
pub(crate) struct Bench {
    pub(crate) state: State<Work>,
    directory: Option<TempDir>,
}

impl Bench {
    pub(crate) fn new(place: Place, work: Work, roots: Roots) -> Self {
        match place {
            Place::Memory => Self {
                state: State::open(MemoryStore::new(), work, config(roots)).expect("an empty store"),
                directory: None,
            },
            Place::Disk => {
                let directory = tempfile::tempdir().expect("there is room for temporary files");
                Self { state: open(&directory, work, roots), directory: Some(directory) }
            }
        }
    }

    /// Closes it and opens it again if it is on disk, so that nothing is known of it but what is there.
    pub(crate) fn reopened(self, work: Work, roots: Roots) -> Self {
        let Some(directory) = self.directory else {
            return self;
        };
        self.state.close().expect("the disk works");
        Self { state: open(&directory, work, roots), directory: Some(directory) }
    }

    /// Submits batches and waits until they are committed, synced, and the root is known.
    pub(crate) fn settle(&self, batches: Vec<Batch<u64>>) {
        let mut last = None;
        for batch in batches {
            last = Some(self.state.submit(batch).expect("it is open"));
        }
        if let Some(last) = last {
            last.wait_durable().expect("the store works");
            self.state.wait_root(last.id()).expect("it is committed");
        }
    }
}

fn open(directory: &TempDir, work: Work, roots: Roots) -> State<Work> {
    let store = FjallStore::open(directory.path(), FjallConfig::default()).expect("the disk works");
    State::open(store, work, config(roots)).expect("a whole store")
}

pub(crate) fn config(roots: Roots) -> Config {
    Config { workers: WORKERS, roots, ..Config::default() }
}
