//! The store beside its peers and beside the limits of the machine.

mod many;
mod peers;

use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use ironloom_benches::{Compare, Goal, OURS, Suite, timed};
use ironloom_blob::{BlobId, BlobStore, Durability};
use ironloom_core::{Rng, Seed};
use peers::{Cacache, Files, Fjall, Ours, Peer, Redb};

const KIB_4: usize = 4 << 10;
const MIB: usize = 1 << 20;
/// How many puts share a sync.
const GROUP: usize = 100;
/// How much is written before it is thrown away for a new beginning: what is measured is a store, not how the kernel
/// slows down those who write faster than the disk for long.
const BYTES_MAX: u64 = 256 << 20;

pub(crate) fn benches(suite: &mut Suite) {
    limits(suite);
    put(suite, "blob::put/size=4096", KIB_4, Durability::Buffered, Some(Goal::Nanos(2_500.0)));
    put(suite, "blob::put/size=4096/synced=100", KIB_4, Durability::Synced, Some(Goal::Nanos(6_667.0)));
    put(suite, "blob::put/size=1048576", MIB, Durability::Buffered, None);
    duplicate(suite);
    let verified = Some(Goal::Nanos(3_200.0));
    get(suite, "blob::get/size=4096", KIB_4, Some(Goal::Nanos(2_000.0)), verified);
    let [cached, verified] = [8.0, 3.0].map(|rate| Some(Goal::GigabytesPerSecond(rate, MIB as u64)));
    get(suite, "blob::get/size=1048576", MIB, cached, verified);
    range(suite);
    many::benches(suite);
}

fn noise(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    Rng::new(Seed::new(1)).fill(&mut bytes);
    bytes
}

/// Contents that were never there before, in groups that are put together.
struct Fresh {
    contents: Vec<Vec<u8>>,
    number: u64,
}

impl Fresh {
    fn new(length: usize) -> Self {
        // Few enough to stay in the cache, as content that was just made does.
        let count = (4 * MIB / length).clamp(1, GROUP);
        Self { contents: vec![noise(length); count], number: 0 }
    }

    fn next(&mut self, count: usize) -> &[Vec<u8>] {
        let contents = &mut self.contents[..count];
        for content in contents.iter_mut() {
            self.number += 1;
            content[..8].copy_from_slice(&self.number.to_le_bytes());
        }
        contents
    }
}

fn limits(suite: &mut Suite) {
    for length in [KIB_4, MIB] {
        suite
            .compare(&format!("limit/size={length}"), None)
            .bytes(length as u64)
            .run(
                "blake3",
                || noise(length),
                |content| {
                    black_box(BlobId::of(content));
                },
            )
            .run(
                "memcpy",
                || (noise(length), vec![0; length]),
                |(source, target)| {
                    black_box(&mut *target).copy_from_slice(black_box(source));
                },
            )
            .run("write", || RawFile::new(length), RawFile::write)
            .run(
                "write+fdatasync",
                || RawFile::new(length),
                |file| {
                    file.write();
                    file.file.sync_data().expect("the disk works");
                },
            )
            .run(
                "read",
                || RawFile::written(length),
                |file| {
                    file.file.read_exact_at(&mut file.content, 0).expect("it was written");
                },
            );
    }
}

/// The least that a store must do.
struct RawFile {
    file: File,
    content: Vec<u8>,
    offset: u64,
}

impl RawFile {
    fn new(length: usize) -> Self {
        Self {
            file: tempfile::tempfile().expect("there is room for temporary files"),
            content: noise(length),
            offset: 0,
        }
    }

    fn written(length: usize) -> Self {
        let mut file = Self::new(length);
        file.write();
        file
    }

    /// Appends; when the file is long enough, it begins an empty one.
    fn write(&mut self) {
        if self.offset >= BYTES_MAX {
            self.file.set_len(0).expect("the disk works");
            self.offset = 0;
        }
        self.file.write_all_at(&self.content, self.offset).expect("the disk works");
        self.offset += self.content.len() as u64;
    }
}

fn put(suite: &mut Suite, name: &str, length: usize, durability: Durability, goal: Option<Goal>) {
    let mut compare = suite.compare(name, goal);
    compare.bytes(length as u64);
    put_with(&mut compare, OURS, length, durability, Ours::new);
    put_with(&mut compare, "files", length, durability, Files::new);
    put_with(&mut compare, "redb", length, durability, Redb::new);
    put_with(&mut compare, "fjall", length, durability, Fjall::new);
    if durability == Durability::Buffered {
        put_with(&mut compare, "cacache", length, durability, Cacache::new);
    }
}

fn put_with<P: Peer>(
    compare: &mut Compare<'_>,
    name: &str,
    length: usize,
    durability: Durability,
    make: impl Fn() -> P,
) {
    let setup = || (None, Fresh::new(length), 0);
    compare.run_many(name, setup, |(peer, fresh, written), iterations| {
        let mut took = Duration::ZERO;
        let mut left = iterations as usize;
        while left > 0 {
            if *written >= BYTES_MAX {
                *peer = None;
                *written = 0;
            }
            let peer = peer.get_or_insert_with(&make);
            let count = left.min(fresh.contents.len());
            let contents = fresh.next(count);
            took += timed(|| {
                black_box(peer.put(contents, durability));
            });
            left -= count;
            *written += (count * length) as u64;
        }
        took
    });
}

fn duplicate(suite: &mut Suite) {
    let stored = || {
        let mut ours = Ours::new();
        let content = noise(MIB);
        ours.put(std::slice::from_ref(&content), Durability::Buffered);
        (ours, content)
    };
    suite
        .compare("blob::put/size=1048576/duplicate", None)
        .bytes(MIB as u64)
        .run(OURS, stored, |(ours, content)| {
            black_box(ours.store.put(content, Durability::Buffered).expect("the disk works"));
        })
        .run(
            "blake3",
            || noise(MIB),
            |content| {
                black_box(BlobId::of(content));
            },
        );
}

fn get(suite: &mut Suite, name: &str, length: usize, cached: Option<Goal>, verified: Option<Goal>) {
    let mut compare = suite.compare(name, cached);
    compare.bytes(length as u64);
    get_with(&mut compare, OURS, length, Ours::new);
    get_with(&mut compare, "files", length, Files::new);
    get_with(&mut compare, "redb", length, Redb::new);
    get_with(&mut compare, "fjall", length, Fjall::new);
    get_with(&mut compare, "cacache", length, Cacache::new);
    suite.compare(&format!("{name}/verified"), verified).bytes(length as u64).run_many(
        OURS,
        || Unverified::new(length),
        Unverified::get,
    );
}

/// Reads one after the other of many blobs, each of which was read before.
fn get_with<P: Peer>(compare: &mut Compare<'_>, name: &str, length: usize, make: impl FnOnce() -> P) {
    let setup = || {
        let mut peer = make();
        let ids = put_many(&mut peer, length);
        ids.iter().for_each(|id| {
            peer.get(*id);
        });
        (peer, ids, 0)
    };
    compare.run(name, setup, |(peer, ids, next)| {
        // A stride that shares no factor with any number of them.
        *next = (*next + 7_919) % ids.len();
        black_box(peer.get(ids[*next]));
    });
}

/// As many blobs as stay in the page cache.
fn put_many(peer: &mut impl Peer, length: usize) -> Vec<BlobId> {
    let mut fresh = Fresh::new(length);
    let count = (64 * MIB / length).min(16_384);
    (0..count).map(|_| peer.put(fresh.next(1), Durability::Buffered)).collect()
}

/// A store that has verified nothing, as often as it takes.
struct Unverified {
    ours: Option<Ours>,
    ids: Vec<BlobId>,
    next: usize,
}

impl Unverified {
    fn new(length: usize) -> Self {
        let mut ours = Ours::new();
        Self { ids: put_many(&mut ours, length), ours: Some(ours.reopen()), next: 0 }
    }

    fn get(&mut self, iterations: u64) -> Duration {
        let mut took = Duration::ZERO;
        let mut left = iterations as usize;
        while left > 0 {
            if self.next == self.ids.len() {
                self.ours = self.ours.take().map(Ours::reopen);
                self.next = 0;
            }
            let count = left.min(self.ids.len() - self.next);
            let ids = &self.ids[self.next..][..count];
            let ours = self.ours.as_ref().expect("it is there but for a moment");
            took += timed(|| {
                for id in ids {
                    black_box(ours.get(*id));
                }
            });
            self.next += count;
            left -= count;
        }
        took
    }
}

/// 4 KiB of a large blob, verified without the rest; and of one that is stored whole.
fn range(suite: &mut Suite) {
    for length in [64 << 10, 64 * MIB] {
        let stored = || {
            let mut ours = Ours::new();
            let id = ours.put(&[noise(length)], Durability::Synced);
            ours.get(id);
            (ours, id)
        };
        suite.compare(&format!("blob::get_range/size=4096/of={length}"), None).run(
            OURS,
            stored,
            |(ours, id)| {
                let start = (length / 2) as u64;
                black_box(ours.store.get_range(*id, start..start + KIB_4 as u64).expect("it was put"));
            },
        );
    }
}
