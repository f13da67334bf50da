//! Opening a store of ten million blobs: after a clean close, and when nothing but the segments is left.

use std::fs;
use std::hint::black_box;

use ironloom_benches::{Goal, OURS, Suite, timed};
use ironloom_blob::{BlobStore, DiskConfig, DiskStore, Durability};
use tempfile::TempDir;

const BLOBS: u64 = 10_000_000;

pub(crate) fn benches(suite: &mut Suite) {
    let _ = suite.compare("blob::open/blobs=10000000/closed", Some(Goal::Nanos(1e9))).run_many(
        OURS,
        filled,
        |directory, iterations| {
            (0..iterations)
                .map(|_| {
                    let mut store = None;
                    let took = timed(|| store = Some(black_box(open(directory))));
                    drop(store);
                    took
                })
                .sum()
        },
    );
    let _ = suite.compare("blob::open/blobs=10000000/no index", Some(Goal::Nanos(10e9))).run_many(
        OURS,
        filled,
        |directory, iterations| {
            (0..iterations)
                .map(|_| {
                    fs::remove_file(directory.path().join("index")).expect("it was closed");
                    let mut store = None;
                    let took = timed(|| store = Some(black_box(open(directory))));
                    drop(store);
                    took
                })
                .sum()
        },
    );
}

fn open(directory: &TempDir) -> DiskStore {
    DiskStore::open(directory.path(), DiskConfig::default()).expect("nobody else has it open")
}

/// Blobs so small that what the store adds to them is most of it.
fn filled() -> TempDir {
    let directory = tempfile::tempdir().expect("there is room for temporary files");
    let store = open(&directory);
    let mut bytes_each: f64 = 0.0;
    for number in 0..BLOBS {
        store.put(&number.to_le_bytes(), Durability::Buffered).expect("the disk works");
        if number % 100_000 == 99_999 && number > BLOBS / 10 {
            bytes_each = bytes_each.max(store.statistics().index_bytes as f64 / number as f64);
        }
    }
    println!("the index takes up to {bytes_each:.1} bytes for each of {BLOBS} blobs");
    store.close().expect("the disk works");
    directory
}
