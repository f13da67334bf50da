//! What the fuzzer calls: parts of exports from arbitrary bytes, and exports from arbitrary parts. Not for use by
//! anybody else.

use ironloom_blob::link::{Linked, Role};
use ironloom_blob::{BlobId, BlobStore, Durability, MemoryStore as Blobs};

use super::error::Malformed;
use super::format::{CHUNK, Chunk, KIND_AT, Manifest, TAG, encode_index, parse_index, read_chunk};
use super::{ImportConfig, import, unfinished_import};
use crate::layout::{SPACES, Tip};
use crate::{Config, Context, Failure, MemoryStore, Processor, State, Store};

/// Reads a part as each kind, and checks that it is written as it was read; returns as how many kinds it can be read.
///
/// # Panics
///
/// If there is a bug.
#[must_use]
pub fn export_part(content: &[u8]) -> usize {
    let mut kinds = 0;
    if let Ok((manifest, top)) = Manifest::parse(content) {
        assert_eq!(manifest.encode(top), content, "a root has one form");
        kinds += 1;
    }
    if let Ok(children) = parse_index(content, 1) {
        assert_eq!(encode_index(1, &children), content, "an index has one form");
        kinds += 1;
    }
    let mut chunk = Chunk::default();
    let read = read_chunk(content, |entry| {
        chunk.push(&entry);
        Ok::<(), Malformed>(())
    });
    if read.is_ok() {
        assert_eq!(chunk.take(), content, "a chunk has one form");
        kinds += 1;
    }
    kinds
}

/// Imports the last of some parts, each of which links to parts before it; if that can be imported, it can be opened,
/// and exports as it was. Returns how many resources it has.
///
/// # Panics
///
/// If there is a bug.
#[must_use]
pub fn imported(parts: &[(Vec<u8>, Vec<u8>)]) -> Option<u64> {
    let blobs = Blobs::new();
    let mut ids: Vec<BlobId> = Vec::new();
    for (links, body) in parts {
        let links: Vec<BlobId> =
            links.iter().filter_map(|link| ids.iter().rev().nth((*link).into())).copied().collect();
        // A value is just its bytes; a chunk refers to values, and what is above it to links.
        let content = match body.get(KIND_AT) {
            _ if links.is_empty() && !body.starts_with(&TAG) => body.clone(),
            Some(&CHUNK) => Linked::encode_only(Role::Leaf, &links, body),
            _ => Linked::encode_only(Role::Link, &links, body),
        };
        ids.push(blobs.put(&content, Durability::Buffered).expect("memory takes everything"));
    }
    let store = MemoryStore::new();
    store.declare(&SPACES).expect("memory takes everything");
    let imported = import(&store, &blobs, *ids.last()?, &ImportConfig::default());
    let is_whole = Tip::load(&store).expect("a tip is sound").is_some();
    assert_eq!(imported.is_ok(), is_whole);
    let imported = imported.ok()?;
    assert_eq!(unfinished_import(&store).expect("memory does not fail"), None);
    let config = Config { workers: 0, ..Config::default() };
    let state = State::open(store, Nothing, config).expect("what was imported can be opened");
    assert_eq!(state.wait_root(state.tip()).expect("it is the tip"), imported.root);
    let snapshot = state.snapshot();
    let found = snapshot.iter().filter(Result::is_ok).count() as u64;
    assert_eq!(found, imported.resources);
    state.export(imported.batch, &blobs, Durability::Buffered).expect("memory takes everything");
    Some(found)
}

/// A processor of nothing.
struct Nothing;

impl Processor for Nothing {
    type Payload = ();

    fn execute(&self, _: &mut Context<'_>, (): &()) -> Result<(), Failure> {
        Ok(())
    }
}
