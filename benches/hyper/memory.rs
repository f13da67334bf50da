//! Memory: what a miss of a hart costs, and what it takes to fork, store and restore a machine.
//!
//! The machine is as large and as full as a Debian kernel leaves one of 256 MiB after it booted: 14,400 pages are not
//! zeroes, and 3,300 of them have the same content as another.

use std::hint::black_box;
use std::sync::Arc;

use ironloom_benches::{Goal, OURS, Suite, timed};
use ironloom_blob::{BlobId, BlobStore, MemoryStore};
use ironloom_core::{Rng, Seed};
use ironloom_hyper::memory::{Access, Memory, MemoryConfig, MemoryError};
use ironloom_hyper::{GuestAddress, PAGE_BYTES, PageNumber};
use parking_lot::Mutex;

const BASE: GuestAddress = GuestAddress::new(0x8000_0000);
const BYTES: u64 = 256 << 20;
const PAGES: u64 = BYTES / PAGE_BYTES;
/// Pages that are not all zeroes.
const FULL: u64 = 14_400;
/// How many of them are like another.
const ALIKE: u64 = 3_300;
/// The kernel and what it sets up first lie together.
const TOGETHER: u64 = 8_000;

pub(crate) fn benches(suite: &mut Suite) {
    grants(suite);
    first_writes(suite);
    forks(suite);
    first_snapshot(suite);
    for dirty in [100, 1_000] {
        snapshots(suite, dirty);
    }
    restores(suite);
}

/// A machine, and which pages of it are not zeroes.
struct Machine {
    memory: Memory,
    full: Vec<u64>,
}

impl Machine {
    fn new() -> Self {
        let memory = Memory::new(MemoryConfig::new(BASE, BYTES)).expect("it is a memory");
        let mut rng = Rng::new(Seed::new(8));
        let mut full: Vec<u64> = (0..TOGETHER).collect();
        let mut taken = vec![false; PAGES as usize];
        while (full.len() as u64) < FULL {
            let first = TOGETHER + rng.below(PAGES - TOGETHER - 8);
            let run = (first..first + 8).filter(|page| !std::mem::replace(&mut taken[*page as usize], true));
            full.extend(run.take((FULL - full.len() as u64) as usize));
        }
        let mut content = [0; PAGE_BYTES as usize];
        for (index, page) in full.iter().enumerate() {
            let number = (index as u64) % (FULL - ALIKE);
            Rng::new(Seed::new(number)).fill(&mut content);
            memory.write_bytes(at(*page), &content).expect("there is room");
        }
        Self { memory, full }
    }

    /// Writes a word to so many pages, spread over those that are not zeroes.
    fn touch(&self, pages: u64, value: u64) -> Result<(), MemoryError> {
        let step = FULL / pages;
        (0..pages).try_for_each(|index| self.memory.store(at(self.full[(index * step) as usize]), value))
    }

    /// The pages as bytes.
    fn contents(&self) -> Vec<u8> {
        let mut contents = vec![0; (FULL * PAGE_BYTES) as usize];
        for (chunk, page) in contents.chunks_exact_mut(PAGE_BYTES as usize).zip(&self.full) {
            self.memory.read_bytes(at(*page), chunk).expect("the page is there");
        }
        contents
    }
}

fn at(page: u64) -> GuestAddress {
    GuestAddress::new(BASE.get() + page * PAGE_BYTES)
}

/// Pages in an order that caches do not like, as often as is asked.
fn order(full: &[u64]) -> Vec<PageNumber> {
    let mut rng = Rng::new(Seed::new(3));
    (0..4_096).map(|_| at(full[rng.below(FULL) as usize]).page()).collect()
}

fn grants(suite: &mut Suite) {
    for (name, access) in [("read", Access::Read), ("write", Access::Write), ("fetch", Access::Fetch)] {
        suite
            .compare(&format!("hyper::memory::grant/{name}"), [Goal::Nanos(50.0)])
            .parts(4_096)
            .run(
                OURS,
                || {
                    let machine = Machine::new();
                    let order = order(&machine.full);
                    (machine, order)
                },
                |(machine, order)| {
                    for page in order {
                        black_box(machine.memory.grant(*page, access).expect("it is there"));
                    }
                },
            )
            .run(
                "limit: a lock",
                || (0..128).map(|_| Mutex::new(0_u64)).collect::<Vec<_>>(),
                |locks| {
                    let mut rng = 1_usize;
                    for _ in 0..4_096 {
                        rng = rng.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                        *locks[rng >> 57].lock() += 1;
                    }
                },
            );
    }
}

fn first_writes(suite: &mut Suite) {
    suite.compare("hyper::memory::grant/first_write", [Goal::Nanos(1_000.0)]).parts(FULL).run_many(
        OURS,
        Machine::new,
        |machine, iterations| {
            let pages: Vec<PageNumber> = machine.full.iter().map(|page| at(*page).page()).collect();
            let measure = |_| {
                let memory = Memory::new(MemoryConfig::new(BASE, BYTES)).expect("it is a memory");
                timed(|| {
                    for page in &pages {
                        black_box(memory.grant(*page, Access::Write).expect("there is room"));
                    }
                })
            };
            (0..iterations).map(measure).sum()
        },
    );
}

fn forks(suite: &mut Suite) {
    suite
        .compare("hyper::memory::fork/256MiB", [Goal::Nanos(1e6), Goal::Better(20.0, "limit: memcpy")])
        .run_many(OURS, Machine::new, |machine, iterations| {
            let measure = |_| {
                let mut fork = None;
                let took = timed(|| fork = Some(machine.memory.fork()));
                drop(fork);
                took
            };
            (0..iterations).map(measure).sum()
        })
        .run(
            "limit: memcpy",
            || {
                let contents = Machine::new().contents();
                (contents.clone(), contents)
            },
            |(source, target)| black_box(&mut *target).copy_from_slice(black_box(source)),
        );
    suite.compare("hyper::memory::fork/256MiB,write=1000", [Goal::Nanos(3e6)]).run(
        OURS,
        Machine::new,
        |machine| {
            let fork = machine.memory.fork();
            let step = FULL / 1_000;
            for index in 0..1_000 {
                fork.store(at(machine.full[(index * step) as usize]), index).expect("there is room");
            }
        },
    );
}

fn store() -> Arc<dyn BlobStore> {
    Arc::new(MemoryStore::new())
}

fn first_snapshot(suite: &mut Suite) {
    suite
        .compare("hyper::memory::snapshot/first", [Goal::Nanos(150e6)])
        .run_many(OURS, Machine::new, |machine, iterations| {
            let measure = |_| {
                let store = store();
                timed(|| {
                    machine.memory.snapshot(&store).expect("there is room");
                })
            };
            (0..iterations).map(measure).sum()
        })
        .run(
            "limit: blake3",
            || Machine::new().contents(),
            |contents| {
                for page in contents.chunks_exact(PAGE_BYTES as usize) {
                    black_box(BlobId::of(page));
                }
            },
        )
        .run(
            "limit: memcpy",
            || {
                let contents = Machine::new().contents();
                (contents.clone(), contents)
            },
            |(source, target)| black_box(&mut *target).copy_from_slice(black_box(source)),
        );
}

fn snapshots(suite: &mut Suite, dirty: u64) {
    suite
        .compare(&format!("hyper::memory::snapshot/dirty={dirty}"), [Goal::Nanos(10e6)])
        .run_many(
            OURS,
            || {
                let (machine, store) = (Machine::new(), store());
                machine.memory.snapshot(&store).expect("there is room");
                (machine, store, 0)
            },
            |(machine, store, value), iterations| {
                let measure = |_| {
                    *value += 1;
                    machine.touch(dirty, *value).expect("there is room");
                    timed(|| {
                        machine.memory.snapshot(store).expect("there is room");
                    })
                };
                (0..iterations).map(measure).sum()
            },
        )
        .run(
            "limit: blake3",
            || Machine::new().contents(),
            |contents| {
                for page in contents.chunks_exact(PAGE_BYTES as usize).take(dirty as usize) {
                    black_box(BlobId::of(page));
                }
            },
        );
}

fn restores(suite: &mut Suite) {
    let stored = || {
        let (machine, store) = (Machine::new(), store());
        let image = machine.memory.snapshot(&store).expect("there is room");
        (machine, store, image)
    };
    let restore = |store: &Arc<dyn BlobStore>, image| {
        Memory::restore(Arc::clone(store), image, MemoryConfig::new(BASE, BYTES)).expect("it is there")
    };
    suite.compare("hyper::memory::restore/lazy", [Goal::Nanos(1e6)]).run(
        OURS,
        stored,
        |(_, store, image)| {
            black_box(restore(store, *image));
        },
    );
    suite
        .compare("hyper::memory::restore/touch_all", [Goal::Times(4.0, "limit: get")])
        .run(OURS, stored, |(machine, store, image)| {
            let memory = restore(store, *image);
            for page in &machine.full {
                black_box(memory.load::<u64>(at(*page)).expect("it is there"));
            }
        })
        .run(
            "limit: get",
            || {
                let (machine, store, _) = stored();
                let ids: Vec<BlobId> =
                    machine.contents().chunks_exact(PAGE_BYTES as usize).map(BlobId::of).collect();
                (store, ids)
            },
            |(store, ids)| {
                let mut contents = Vec::with_capacity(ids.len() * PAGE_BYTES as usize);
                for id in ids {
                    contents.extend_from_slice(&store.get(*id).expect("it is there"));
                }
                black_box(contents);
            },
        );
}
