//! The engines that a state could rest in, behind the same face: which one it is to be by default.
//!
//! A commit of so many rows is what a batch of as many transactions leaves: for each a key of 40 bytes, a resource and
//! a version, with a value of 17, and about 50 bytes of its receipt in one row for all.

mod log;
mod redb;

use std::fmt;
use std::hint::black_box;
use std::ops::{Bound, ControlFlow};
use std::time::Duration;

use ironloom_benches::{Goal, OURS, Suite, timed};
use ironloom_core::{Rng, Seed};
use ironloom_state::{FjallConfig, FjallStore, MemoryStore, Space, Store, WriteBatch};
use tempfile::TempDir;

use log::Log;
use redb::Redb;

const VERSIONS: Space = Space::new("bench.versions");
const RECEIPTS: Space = Space::new("bench.receipts");
/// How many rows are written before it is thrown away for a new beginning.
const ROWS_MAX: u64 = 1_000_000;
/// How many rows there are where something is looked for.
const LOOKUP_ROWS: u64 = 200_000;

pub(crate) fn benches(suite: &mut Suite) {
    for rows in [100, 1_000] {
        commits(suite, rows, false);
        commits(suite, rows, true);
    }
    lookups(suite, true);
    lookups(suite, false);
}

fn commits(suite: &mut Suite, rows: u64, is_synced: bool) {
    let name = format!("state::commit/rows={rows}{}", if is_synced { "/synced" } else { "" });
    suite
        .compare(&name, [Goal::Ahead])
        .run_many(OURS, || Run::new(fjall), |run, commits| run.commits(rows, commits, is_synced))
        .run_many("redb", || Run::new(Redb::new), |run, commits| run.commits(rows, commits, is_synced))
        .run_many(
            "limit: memory",
            || Run::new(MemoryStore::new),
            |run, commits| run.commits(rows, commits, is_synced),
        )
        .run_many(
            "limit: log and map",
            || Run::new(Log::new),
            |run, commits| run.commits(rows, commits, is_synced),
        );
}

/// The newest version of a resource is the first entry with its prefix. All rows fit into memory in every engine.
/// A search in one B-tree is shorter than one in several sorted runs that are merged, so redb is ahead here.
fn lookups(suite: &mut Suite, is_there: bool) {
    let name = format!("state::newest/{}", if is_there { "present" } else { "absent" });
    suite
        .compare(&name, [Goal::Nanos(3_500.0)])
        .run(OURS, || Run::filled(fjall), |run| run.look(is_there))
        .run("redb", || Run::filled(Redb::new), |run| run.look(is_there))
        .run("limit: memory", || Run::filled(MemoryStore::new), |run| run.look(is_there))
        .run("limit: log and map", || Run::filled(Log::new), |run| run.look(is_there));
}

/// Ours on disk, with the directory it is in.
struct Disk {
    store: FjallStore,
    _directory: TempDir,
}

fn fjall() -> Disk {
    let directory = tempfile::tempdir().expect("there is room for temporary files");
    let store = FjallStore::open(directory.path(), FjallConfig::default()).expect("an empty directory");
    Disk { store, _directory: directory }
}

/// What is measured of whatever holds a store.
trait Holds {
    fn store(&self) -> &dyn Store;
}

impl Holds for Disk {
    fn store(&self) -> &dyn Store {
        &self.store
    }
}

impl<S: Store> Holds for S {
    fn store(&self) -> &dyn Store {
        self
    }
}

/// A store that is being measured.
struct Run<S> {
    make: fn() -> S,
    held: S,
    changes: WriteBatch,
    rng: Rng,
    number: u64,
}

impl<S> fmt::Debug for Run<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("number", &self.number).finish_non_exhaustive()
    }
}

/// The key of a version of a resource, whose id looks as random as a hash.
fn key(resource: u64, version: u64) -> [u8; 40] {
    let mut key = [0; 40];
    for (index, part) in (0_u64..).zip(key[..32].chunks_exact_mut(8)) {
        let mixed = (resource * 4 + index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        part.copy_from_slice(&(mixed ^ (mixed >> 32)).to_be_bytes());
    }
    key[32..].copy_from_slice(&(u64::MAX - version).to_be_bytes());
    key
}

impl<S: Holds> Run<S> {
    fn new(make: fn() -> S) -> Self {
        let mut run =
            Self { make, held: make(), changes: WriteBatch::new(), rng: Rng::new(Seed::new(1)), number: 0 };
        run.begin();
        run
    }

    /// With rows to look for.
    fn filled(make: fn() -> S) -> Self {
        let mut run = Self::new(make);
        for first in (0..LOOKUP_ROWS).step_by(1_000) {
            run.changes.clear();
            for resource in first..first + 1_000 {
                run.changes.put(VERSIONS, &key(resource, 1), &[7; 17]);
            }
            run.held.store().commit(&run.changes).expect("the disk works");
        }
        run.held.store().sync().expect("the disk works");
        run
    }

    /// A new beginning.
    fn begin(&mut self) {
        self.number = 0;
        self.held.store().declare(&[VERSIONS, RECEIPTS]).expect("the disk works");
    }

    /// The time of so many commits, of which each has new rows; making the rows is not counted.
    fn commits(&mut self, rows: u64, commits: u64, is_synced: bool) -> Duration {
        let mut took = Duration::ZERO;
        for _ in 0..commits {
            if self.number * rows >= ROWS_MAX {
                self.held = (self.make)();
                self.begin();
            }
            self.fill(rows);
            let store = self.held.store();
            took += timed(|| {
                store.commit(&self.changes).expect("the disk works");
                if is_synced {
                    store.sync().expect("the disk works");
                }
            });
        }
        took
    }

    fn fill(&mut self, rows: u64) {
        self.number += 1;
        self.changes.clear();
        let mut key = [0; 40];
        for _ in 0..rows {
            self.rng.fill(&mut key[..32]);
            key[32..].copy_from_slice(&self.number.to_be_bytes());
            self.changes.put(VERSIONS, &key, &[7; 17]);
        }
        self.changes.put(RECEIPTS, &self.number.to_be_bytes(), &vec![7; rows as usize * 50]);
    }

    fn look(&mut self, is_there: bool) {
        let resource = self.rng.below(LOOKUP_ROWS) + if is_there { 0 } else { LOOKUP_ROWS };
        let (start, end) = (key(resource, u64::MAX), key(resource, 0));
        let mut found = false;
        let range = (Bound::Included(&start[..]), Bound::Included(&end[..]));
        let visit = &mut |key: &[u8], value: &[u8]| {
            black_box((key, value));
            found = true;
            ControlFlow::Break(())
        };
        self.held.store().scan(VERSIONS, range, visit).expect("the disk works");
        assert_eq!(found, is_there);
    }
}
