//! Volumes over a store in memory, beside a plain file, which has neither snapshots nor hashes.

use std::fs::File;
use std::hint::black_box;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use ironloom_benches::{Goal, OURS, Suite};
use ironloom_blob::{MemoryStore, Volume, volume::Config};
use ironloom_core::{Rng, Seed};

const SECTOR: usize = 4 << 10;
const CHUNK: usize = 1 << 20;

/// How much of the disk the benches use: more than the processor's caches hold.
const USED: u64 = 64 << 20;

pub(crate) fn benches(suite: &mut Suite) {
    random_reads(suite);
    random_writes(suite);
    sequential(suite);
    snapshots(suite);
    import(suite);
}

/// A disk with room for everything in memory; its first bytes are random and stored.
fn disk() -> Volume {
    disk_with_cache(4 * USED)
}

fn disk_with_cache(cache_bytes_max: u64) -> Volume {
    let config = Config { dirty_bytes_max: 4 * USED, cache_bytes_max, ..Config::default() };
    let disk = Volume::create(Arc::new(MemoryStore::new()), 1 << 40, config).expect("a sound size");
    for offset in (0..USED).step_by(CHUNK) {
        disk.write_at(offset, &random(offset, CHUNK)).expect("within the disk");
    }
    disk.snapshot().expect("memory does not fail");
    disk
}

fn random(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    Rng::new(Seed::new(seed)).fill(&mut bytes);
    bytes
}

/// A file with the same bytes, deleted when it is dropped.
struct Peer {
    file: File,
    path: PathBuf,
}

impl Peer {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("ironloom-bench-volume-{}", std::process::id()));
        let options = File::options().read(true).write(true).create(true).truncate(true).open(&path);
        let peer = Self { file: options.expect("the temporary directory can be written"), path };
        for offset in (0..USED).step_by(CHUNK) {
            peer.file.write_all_at(&random(offset, CHUNK), offset).expect("there is room");
        }
        peer
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        std::fs::remove_file(&self.path).expect("nobody else deletes it");
    }
}

/// Where the next sector is read or written.
fn sector(rng: &mut Rng) -> u64 {
    rng.below(USED / SECTOR as u64) * SECTOR as u64
}

fn random_reads(suite: &mut Suite) {
    let rng = || Rng::new(Seed::new(1));
    suite
        .compare("blob::volume::read_at/random=4096", Some(Goal::Nanos(3_000.0)))
        .run(
            OURS,
            || (disk(), rng(), [0; SECTOR]),
            |(disk, rng, buffer)| {
                disk.read_at(sector(rng), buffer).expect("within the disk");
                black_box(buffer);
            },
        )
        .run(
            "plain file",
            || (Peer::new(), rng(), [0; SECTOR]),
            |(peer, rng, buffer)| {
                peer.file.read_exact_at(buffer, sector(rng)).expect("within the file");
                black_box(buffer);
            },
        );
    // Nothing is cached, so that three nodes and an extent come from the store each time.
    suite.compare("blob::volume::read_at/random=4096,store", None).run(
        OURS,
        || (disk_with_cache(0), rng(), [0; SECTOR]),
        |(disk, rng, buffer)| disk.read_at(sector(rng), buffer).expect("within the disk"),
    );
}

fn random_writes(suite: &mut Suite) {
    let start = || (Rng::new(Seed::new(2)), random(7, SECTOR));
    suite
        .compare("blob::volume::write_at/random=4096", Some(Goal::Nanos(5_000.0)))
        .run(
            OURS,
            || (disk(), start()),
            |(disk, (rng, data))| disk.write_at(sector(rng), data).expect("within the disk"),
        )
        .run(
            "plain file",
            || (Peer::new(), start()),
            |(peer, (rng, data))| peer.file.write_all_at(data, sector(rng)).expect("there is room"),
        );
    // Every write meets an extent that is clean, so each copies, hashes and stores 64 KiB; 4 MiB wait at once.
    suite.compare("blob::volume::write_at/random=4096,store", None).run(
        OURS,
        || (disk(), start()),
        |(disk, (rng, data))| {
            data[..8].copy_from_slice(&rng.next_u64().to_le_bytes());
            disk.write_at(sector(rng), data).expect("within the disk");
            if disk.dirty_bytes() > 4 << 20 {
                disk.snapshot().expect("memory does not fail");
            }
        },
    );
}

fn sequential(suite: &mut Suite) {
    let next = |offset: &mut u64| {
        *offset = (*offset + CHUNK as u64) % USED;
        *offset
    };
    let goal = Some(Goal::GigabytesPerSecond(2.0, CHUNK as u64));
    suite
        .compare("blob::volume::read_at/sequential=1048576", goal)
        .bytes(CHUNK as u64)
        .run(
            OURS,
            || (disk(), 0, vec![0; CHUNK]),
            |(disk, offset, buffer)| disk.read_at(next(offset), buffer).expect("within the disk"),
        )
        .run(
            "plain file",
            || (Peer::new(), 0, vec![0; CHUNK]),
            |(peer, offset, buffer)| {
                peer.file.read_exact_at(buffer, next(offset)).expect("within the file");
            },
        );
    suite
        .compare("blob::volume::write_at/sequential=1048576", goal)
        .bytes(CHUNK as u64)
        .run(
            OURS,
            || (disk(), 0, random(3, CHUNK)),
            |(disk, offset, data)| disk.write_at(next(offset), data).expect("within the disk"),
        )
        .run(
            "plain file",
            || (Peer::new(), 0, random(3, CHUNK)),
            |(peer, offset, data)| peer.file.write_all_at(data, next(offset)).expect("there is room"),
        );
    // What it costs until it is hashed and stored. The store has the same extents after one round, as a disk that is
    // restored has; a store that copies new ones is measured with the stores.
    suite.compare("blob::volume::write_at/sequential=1048576,snapshot", goal).bytes(CHUNK as u64).run(
        OURS,
        || (disk(), 0, random(3, CHUNK)),
        |(disk, offset, data)| {
            disk.write_at(next(offset), data).expect("within the disk");
            if *offset == 0 {
                disk.snapshot().expect("memory does not fail");
            }
        },
    );
}

fn snapshots(suite: &mut Suite) {
    suite.compare("blob::volume::fork", None).run(OURS, disk, |disk| drop(black_box(disk.fork())));
    suite.compare("blob::volume::snapshot/dirty=4096", None).run(
        OURS,
        || (disk(), 0u64),
        |(disk, count)| {
            *count += 1;
            disk.write_at(0, &count.to_le_bytes()).expect("within the disk");
            black_box(disk.snapshot().expect("memory does not fail"));
        },
    );
}

fn import(suite: &mut Suite) {
    const IMAGE_BYTES: u64 = 1 << 30;
    suite.compare("blob::volume::import/zeroes=1073741824", None).bytes(IMAGE_BYTES).run(
        OURS,
        || Arc::new(MemoryStore::new()),
        |store| {
            let disk = Volume::create(Arc::<MemoryStore>::clone(store), 0, Config::default());
            let mut image = std::io::repeat(0).take(IMAGE_BYTES);
            black_box(disk.and_then(|disk| disk.import(&mut image)).expect("all zeroes"));
        },
    );
}
