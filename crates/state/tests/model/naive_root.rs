//! The root of a state, computed from all its resources as the documentation of the tree says, and nothing kept.

use ironloom_state::Root;

use crate::interpreter::Contents;

type Hash = [u8; 32];

/// The root of these resources.
pub(crate) fn naive_root(contents: &Contents) -> Root {
    let keys = Keys {
        leaf: key("ironloom-state 2026-11-21 tree leaf"),
        node: key("ironloom-state 2026-11-21 tree node"),
    };
    let mut leaves: Vec<(Hash, Hash)> = contents
        .iter()
        .map(|(id, (_, value))| {
            let path = blake3::hash(id.as_bytes()).into();
            (path, keyed(&keys.leaf, id.as_bytes(), blake3::hash(value).as_bytes()))
        })
        .collect();
    leaves.sort_unstable();
    Root::from_bytes(subtree(&leaves, 0, &keys))
}

struct Keys {
    leaf: Hash,
    node: Hash,
}

/// The hash of the subtree at a depth that has these leaves, in order of their paths. At most 256 deep.
fn subtree(leaves: &[(Hash, Hash)], depth: usize, keys: &Keys) -> Hash {
    match leaves {
        [] => [0; 32],
        [(_, leaf)] => *leaf,
        _ => {
            let goes_left = |(path, _): &(Hash, Hash)| path[depth / 8] >> (7 - depth % 8) & 1 == 0;
            let (left, right) = leaves.split_at(leaves.partition_point(goes_left));
            keyed(&keys.node, &subtree(left, depth + 1, keys), &subtree(right, depth + 1, keys))
        }
    }
}

fn key(context: &str) -> Hash {
    blake3::Hasher::new_derive_key(context).finalize().into()
}

fn keyed(key: &Hash, first: &Hash, second: &Hash) -> Hash {
    blake3::Hasher::new_keyed(key).update(first).update(second).finalize().into()
}
