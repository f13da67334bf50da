//! Rows that no checkpoint left are refused, with the name of the row.

use super::super::{LEAVES_MAX, SPACE};
use super::*;

const LEAF: usize = 64;

fn leaves(first: &[u8], count: usize) -> Vec<u8> {
    let leaf = |number: usize| [flipped_number(path(first), number), [1; 32]].concat();
    (0..count).flat_map(leaf).collect()
}

/// Paths in the order of the numbers.
fn flipped_number(mut path: Path, number: usize) -> Path {
    path[30..].copy_from_slice(&u16::try_from(number).unwrap().to_be_bytes());
    path
}

fn check(rows: &[(&[u8], Vec<u8>)], expected: &str) {
    let store = Rows::default();
    *store.rows.lock() = rows.iter().map(|(key, value)| (key.to_vec(), value.clone())).collect();
    let error = Branch::open(0, &store, ALL_CACHED).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { space: SPACE, .. }));
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn rows_that_are_not_as_they_were_put_are_refused() {
    let good = leaves(&[0], 3);
    check(&[(&[0x08], good[1..].to_vec())], "row 08: it ends within a leaf");
    check(&[(&[0x08], vec![])], "too few or too many");
    check(&[(&[0x08], leaves(&[0], LEAVES_MAX + 1))], "too few or too many");
    check(&[(&[0x08], good.repeat(2))], "not in order");
    check(&[(&[0x08], leaves(&[0x10], 3))], "leaves of another bucket");
    check(&[(&[0x00], good.clone())], "row 00: its key is not one of ours");
    check(&[(&[0x04, 0x00], good.clone())], "its key is not one of ours");
    check(&[(&[1; 33], good)], "its key is not one of ours");
}

#[test]
fn rows_that_do_not_fit_together_are_refused() {
    let (left, right) = (leaves(&[0x00], 10), leaves(&[0x08], 10));
    check(&[(&[0x04], left.clone()), (&[0x08], right.clone())], "not behind the one before");
    check(&[(&[0x04], left[..6 * LEAF].to_vec()), (&[0x0c], right)], "merged with its neighbour");
    check(&[(&[0x04], left)], "merged with its neighbour");
}

#[test]
fn a_deep_row_is_refused_when_the_next_is_read() {
    let deep = |first: u8| (path(&[first]), [path(&[first]), [1; 32]].concat());
    let rows: Vec<_> = (0..16).map(deep).collect();
    let rows: Vec<_> = rows
        .iter()
        .map(|(path, value)| {
            let mut key = *path;
            key[31] = 1;
            (key, value.clone())
        })
        .collect();
    let rows: Vec<_> = rows.iter().map(|(key, value)| (&key[..], value.clone())).collect();
    check(&rows, "merged with its neighbour");
}

/// Flips a bit of the last leaf of the only bucket.
fn flip(tree: &Tree, at: usize) {
    let mut rows = tree.store.rows.lock();
    rows.get_mut(&[0x08][..]).unwrap().last_chunk_mut::<64>().unwrap()[at] ^= 1;
}

#[test]
fn a_row_that_changed_since_it_was_read_is_refused() {
    let mut tree = Tree::new(NONE_CACHED);
    let changes: Vec<_> = (0..16).map(|number| put(flipped_number([0; 32], number), 1)).collect();
    tree.apply(&changes);
    tree.checkpoint();
    tree.apply(&[]);
    let summary = tree.branches[0].summary();
    for at in [0, 31, 32, 63] {
        flip(&tree, at);
        let error = tree.branches[0].apply(&tree.store, &changes[..1]).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        assert_eq!(tree.branches[0].summary(), summary);
        flip(&tree, at);
    }
    tree.apply(&changes);
}
