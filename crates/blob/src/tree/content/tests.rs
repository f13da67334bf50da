//! Content against a vector of bytes.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::MemoryStore;
use crate::tree::Config;

#[derive(Debug, Clone)]
enum Step {
    Write(u64, usize, u8),
    Resize(u64),
    Commit,
    Fork,
}

/// Places that matter: the start, around the limit for inline content, around the ends of pieces.
fn place() -> impl Strategy<Value = u64> {
    let edges = prop_oneof![Just(0), Just(INLINE_BYTES_MAX as u64), Just(PIECE_BYTES), Just(3 * PIECE_BYTES)];
    prop_oneof![(edges, 0..5u64).prop_map(|(edge, more)| (edge + more).saturating_sub(2)), 0..5 * PIECE_BYTES]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (place(), prop_oneof![1..300usize, 60_000..140_000usize], 0..3u8).prop_map(|(at, length, byte)| Step::Write(at, length, byte)),
        3 => place().prop_map(Step::Resize),
        2 => Just(Step::Commit),
        1 => Just(Step::Fork),
    ]
}

fn shared() -> Arc<Shared> {
    Shared::new(Arc::new(MemoryStore::new()), Config::default())
}

fn all(content: &Content, shared: &Shared) -> Vec<u8> {
    let mut bytes = vec![7; content.len() as usize + 10];
    let length = content.read(0, &mut bytes, shared).unwrap();
    bytes.truncate(length);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn content_is_a_vector_of_bytes(steps in prop::collection::vec(step(), 0..24)) {
        let shared = shared();
        let (mut content, mut model) = (Content::of_inline(b""), Vec::new());
        let mut forks = Vec::new();
        for step in steps {
            match step {
                Step::Write(at, length, byte) => {
                    let end = at as usize + length;
                    model.resize(model.len().max(end), 0);
                    model[at as usize..end].fill(byte);
                    content.write(at, &vec![byte; length], &shared).unwrap();
                }
                Step::Resize(length) => {
                    model.resize(length as usize, 0);
                    content.resize(length, &shared).unwrap();
                }
                Step::Commit => {
                    let stored = content.commit(&shared).unwrap();
                    prop_assert_eq!(stored.dirty_bytes(), 0);
                    content = match &stored {
                        Content::Inline(_) => stored,
                        Content::Pieces(_) => Content::stored(stored.len(), stored.link()),
                    };
                }
                Step::Fork => forks.push((content.clone(), model.clone())),
            }
            prop_assert_eq!(content.len(), model.len() as u64);
        }
        forks.push((content, model));
        for (content, model) in forks {
            prop_assert!(all(&content, &shared) == model);
            let mut anew = Content::of_inline(b"");
            anew.write(0, &model, &shared).unwrap();
            prop_assert!(anew.commit(&shared).unwrap().is_same(&content.commit(&shared).unwrap()), "equal content, equal blobs");
        }
    }
}

#[test]
fn a_write_into_a_huge_file_costs_a_piece() {
    let shared = shared();
    let mut content = Content::of_inline(b"");
    content.resize(1 << 50, &shared).unwrap();
    content.write(1 << 49, b"a byte or two", &shared).unwrap();
    assert_eq!(content.dirty_bytes(), PIECE_BYTES);
    let mut stored = content.commit(&shared).unwrap();
    assert_eq!((stored.len(), stored.dirty_bytes()), (1 << 50, 0));

    let mut bytes = [1; 16];
    assert_eq!(stored.read((1 << 49) - 2, &mut bytes, &shared).unwrap(), 16);
    assert_eq!(&bytes, b"\0\0a byte or two\0");

    stored.resize(PIECE_BYTES * 300, &shared).unwrap();
    assert_eq!(stored.commit(&shared).unwrap().link(), None, "all that is left is zeros");
}

#[test]
fn a_piece_of_another_length_is_corrupt() {
    let shared = shared();
    let id = shared.store.put(&[1; 500], Default::default()).unwrap();
    let mut content = Content::stored(600, Some(id));
    assert!(matches!(content.write(0, b"x", &shared), Err(TreeError::Corrupt { .. })));
    let mut content = Content::stored(PIECE_BYTES * 2, Some(id));
    assert!(matches!(content.read(0, &mut [0], &shared), Err(TreeError::Corrupt { .. })));
    assert!(matches!(content.resize(PIECE_BYTES + 1, &shared), Err(TreeError::Corrupt { .. })));
}
