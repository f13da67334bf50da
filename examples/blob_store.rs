//! Deduplication in numbers: what is stored twice is stored once, and a thousand machines cost little more than one.
//!
//! `cargo run --release --example blob_store`

use std::error::Error;
use std::sync::Arc;

use ironloom_node::blob::link::Linked;
use ironloom_node::blob::{
    BlobError, BlobId, BlobStore, Durability, MemoryStore, Volume, VolumeError, volume::Config,
};
use ironloom_node::core::{Rng, Seed, Set};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

const MACHINES: u64 = 1_000;
const IMAGE_BYTES: u64 = 64 * MIB;
const LOG_BYTES: u64 = 4 * KIB;

fn main() -> Result<(), Box<dyn Error>> {
    // Every store does the same; this one lasts as long as the program.
    let store: Arc<dyn BlobStore> = Arc::new(MemoryStore::new());

    println!("A blob is named by its contents.");
    println!("  put:        {}", store.put(b"the same words", Durability::Buffered)?);
    println!("  put again:  {}", store.put(b"the same words", Durability::Buffered)?);

    println!("\nOn a disk of 1 TiB, a system of {} is installed.", show(IMAGE_BYTES));
    let image = Volume::create(Arc::clone(&store), MIB * MIB, Config::default())?;
    image.pin(&"image".parse()?)?; // what a pin reaches is never collected
    image.write_at(0, &random(1, IMAGE_BYTES))?;
    let snapshot = image.flush()?;
    report(&*store, &[snapshot], IMAGE_BYTES)?;

    println!("\n{MACHINES} machines are forked from it.");
    let machines: Vec<Volume> = (0..MACHINES).map(|_| image.fork()).collect();
    let snapshots = each(&machines, |_, _| Ok(()))?;
    report(&*store, &snapshots, MACHINES * IMAGE_BYTES)?;

    println!("\nEach of them writes a log of its own.");
    let snapshots = each(&machines, |number, machine| {
        machine.write_at(IMAGE_BYTES, format!("machine {number} has started\n").as_bytes())
    })?;
    report(&*store, &snapshots, MACHINES * (IMAGE_BYTES + LOG_BYTES))?;

    println!("\nAll of them install the same program of {}.", show(MIB));
    let program = random(2, MIB);
    let snapshots = each(&machines, |_, machine| machine.write_at(IMAGE_BYTES + MIB, &program))?;
    report(&*store, &snapshots, MACHINES * (IMAGE_BYTES + LOG_BYTES + MIB))?;

    println!("\nA machine on which all that is undone is the image again.");
    let machine = &machines[7];
    machine.discard(IMAGE_BYTES, 2 * MIB)?;
    println!("  image:      {snapshot}");
    println!("  machine 7:  {}", machine.snapshot()?);
    Ok(())
}

/// Does something to each machine and takes its snapshot.
fn each(
    machines: &[Volume],
    step: impl Fn(usize, &Volume) -> Result<(), VolumeError>,
) -> Result<Vec<BlobId>, VolumeError> {
    let machines = machines.iter().enumerate();
    machines.map(|(number, machine)| step(number, machine).and_then(|()| machine.snapshot())).collect()
}

/// Says what the disks would take one by one, and what they take together.
fn report(store: &dyn BlobStore, disks: &[BlobId], apart: u64) -> Result<(), BlobError> {
    let (blobs, together) = reach(store, disks)?;
    println!("  apart:      {}", show(apart));
    println!("  together:   {} in {blobs} blobs", show(together));
    println!("  ratio:      {:.1}", apart as f64 / together as f64);
    Ok(())
}

/// How many blobs these lead to, and how many bytes that is. Links are all that it takes to find them.
fn reach(store: &dyn BlobStore, roots: &[BlobId]) -> Result<(usize, u64), BlobError> {
    let (mut seen, mut bytes) = (Set::default(), 0);
    let mut waiting = roots.to_vec();
    while let Some(id) = waiting.pop() {
        if seen.insert(id) {
            let content = store.get(id)?;
            bytes += content.len() as u64;
            waiting.extend(Linked::parse(&content).iter().flat_map(Linked::links));
        }
    }
    Ok((seen.len(), bytes))
}

/// Bytes that do not repeat, as those of programs and pictures do not.
fn random(seed: u64, length: u64) -> Vec<u8> {
    let mut bytes = vec![0; length as usize];
    Rng::new(Seed::new(seed)).fill(&mut bytes);
    bytes
}

/// A number of bytes as a person reads it.
fn show(bytes: u64) -> String {
    match bytes {
        bytes if bytes < MIB => format!("{:.1} KiB", bytes as f64 / KIB as f64),
        bytes if bytes < KIB * MIB => format!("{:.1} MiB", bytes as f64 / MIB as f64),
        bytes => format!("{:.1} GiB", bytes as f64 / (KIB * MIB) as f64),
    }
}
