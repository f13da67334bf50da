//! [`Tree`]: a sorted map whose clones share what they have in common.
//!
//! A B+ tree of counted nodes. A change copies the nodes on its way that another clone still holds, and no others: a
//! clone costs nothing when it is made and stays as it was, and without clones all changes are made in place. Leaves
//! are as deep as one another, so no recursion is deeper than the tree is high, which grows with the logarithm of
//! the number of keys.

use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

use super::bytes::Bytes;
use super::keys::{Key, Keys, split_off};
use crate::store::{KeyRange, Visit};

type Value = Bytes<22>;

/// No node holds more keys, or one more child.
const KEYS_MAX: usize = 64;
/// A node with fewer keys is put together with its neighbour, if there is room.
const KEYS_MIN: usize = KEYS_MAX / 4;
/// How many keys the two may have together; fewer than fit, so that it is not split again at once.
const MERGED_KEYS_MAX: usize = KEYS_MAX * 3 / 4;

/// A sorted map; a clone is a moment of it.
#[derive(Clone, Default)]
pub(super) struct Tree {
    root: Arc<Node>,
}

#[derive(Clone)]
enum Node {
    /// As many values as keys, which are in order.
    Leaf { keys: Keys, values: Vec<Value> },
    /// The first key below each child but the first, and the children.
    Inner { bounds: Keys, children: Vec<Arc<Node>> },
}

/// What is right of a node that was split, and the first key there.
type Split = (Key, Arc<Node>);

impl Default for Node {
    fn default() -> Self {
        Self::Leaf { keys: Keys::default(), values: Vec::new() }
    }
}

impl Tree {
    pub(super) fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let mut node = &*self.root;
        loop {
            match node {
                Node::Inner { bounds, children } => node = &children[bounds.up_to(key)],
                Node::Leaf { keys, values } => {
                    return keys.find(key).ok().map(|index| values[index].as_slice());
                }
            }
        }
    }

    pub(super) fn put(&mut self, key: &[u8], value: &[u8]) {
        if let Some((bound, right)) = put(&mut self.root, key, value) {
            let left = std::mem::take(&mut self.root);
            self.root = Arc::new(Node::Inner { bounds: Keys::of(bound), children: vec![left, right] });
        }
    }

    pub(super) fn remove(&mut self, key: &[u8]) {
        if self.get(key).is_none() {
            return;
        }
        remove(&mut self.root, key);
        while let Node::Inner { children, .. } = &*self.root
            && let [only] = &children[..]
        {
            self.root = Arc::clone(only);
        }
    }

    /// Visits a range that is not empty by its bounds, in order.
    pub(super) fn scan(&self, range: KeyRange<'_>, visit: &mut Visit<'_>) {
        // Whether the visitor had enough or the end was reached makes no difference.
        let _ = scan(&self.root, range, visit);
    }
}

fn put(node: &mut Arc<Node>, key: &[u8], value: &[u8]) -> Option<Split> {
    match Arc::make_mut(node) {
        Node::Leaf { keys, values } => {
            let index = match keys.find(key) {
                Ok(index) => {
                    values[index] = Value::new(value);
                    return None;
                }
                Err(index) => index,
            };
            keys.insert(index, Key::new(key));
            values.insert(index, Value::new(value));
            (keys.len() > KEYS_MAX).then(|| split_leaf(keys, values, index))
        }
        Node::Inner { bounds, children } => {
            let index = bounds.up_to(key);
            let (bound, right) = put(&mut children[index], key, value)?;
            bounds.insert(index, bound);
            children.insert(index + 1, right);
            (bounds.len() > KEYS_MAX).then(|| split_inner(bounds, children, index))
        }
    }
}

/// Where to split a node after something came at `index`: in the middle, but behind what comes in ascending order, so
/// that the nodes become full.
fn split_at(length: usize, index: usize) -> usize {
    if index + 1 == length { length - 1 } else { length / 2 }
}

fn split_leaf(keys: &mut Keys, values: &mut Vec<Value>, index: usize) -> Split {
    let middle = split_at(keys.len(), index);
    let (keys, values) = (keys.split_off(middle), split_off(values, middle));
    (Key::new(keys.at(0)), Arc::new(Node::Leaf { keys, values }))
}

fn split_inner(bounds: &mut Keys, children: &mut Vec<Arc<Node>>, index: usize) -> Split {
    let middle = split_at(bounds.len(), index);
    let (right_bounds, children) = (bounds.split_off(middle + 1), split_off(children, middle + 1));
    let bound = bounds.pop().expect("the middle one is left");
    (bound, Arc::new(Node::Inner { bounds: right_bounds, children }))
}

/// Removes a key that is there.
fn remove(node: &mut Arc<Node>, key: &[u8]) {
    match Arc::make_mut(node) {
        Node::Leaf { keys, values } => {
            if let Ok(index) = keys.find(key) {
                keys.remove(index);
                values.remove(index);
            }
        }
        Node::Inner { bounds, children } => {
            let index = bounds.up_to(key);
            remove(&mut children[index], key);
            if children[index].keys() < KEYS_MIN {
                merge(bounds, children, index);
            }
        }
    }
}

/// Puts a small child together with a neighbour that has room.
fn merge(bounds: &mut Keys, children: &mut Vec<Arc<Node>>, index: usize) {
    let together = |left: usize| {
        let right = children.get(left + 1)?;
        (children[left].keys() + right.keys() < MERGED_KEYS_MAX).then_some(left)
    };
    let Some(left) = together(index).or_else(|| together(index.checked_sub(1)?)) else {
        if children[index].is_empty() && children.len() > 1 {
            children.remove(index);
            bounds.remove(index.saturating_sub(1));
        }
        return;
    };
    let (bound, right) = (bounds.remove(left), children.remove(left + 1));
    let right = Arc::unwrap_or_clone(right);
    match (Arc::make_mut(&mut children[left]), right) {
        (Node::Leaf { keys, values }, Node::Leaf { keys: more_keys, values: more_values }) => {
            keys.append(more_keys);
            values.extend(more_values);
        }
        (Node::Inner { bounds, children }, Node::Inner { bounds: more_bounds, children: more_children }) => {
            bounds.insert(bounds.len(), bound);
            bounds.append(more_bounds);
            children.extend(more_children);
        }
        _ => unreachable!("all leaves are equally deep"),
    }
}

fn scan(node: &Node, (from, to): KeyRange<'_>, visit: &mut Visit<'_>) -> ControlFlow<()> {
    match node {
        Node::Leaf { keys, values } => {
            for (index, value) in values.iter().enumerate().skip(first_within(keys, from)) {
                let key = keys.at(index);
                if is_beyond(key, to) {
                    return ControlFlow::Break(());
                }
                visit(key, value.as_slice())?;
            }
        }
        Node::Inner { bounds, children } => {
            let first = match from {
                Bound::Included(key) | Bound::Excluded(key) => bounds.up_to(key),
                Bound::Unbounded => 0,
            };
            for (index, child) in children.iter().enumerate().skip(first) {
                if index > first && is_beyond(bounds.at(index - 1), to) {
                    return ControlFlow::Break(());
                }
                let from = if index == first { from } else { Bound::Unbounded };
                scan(child, (from, to), visit)?;
            }
        }
    }
    ControlFlow::Continue(())
}

fn first_within(keys: &Keys, from: Bound<&[u8]>) -> usize {
    match from {
        Bound::Included(start) => keys.before(start),
        Bound::Excluded(start) => keys.up_to(start),
        Bound::Unbounded => 0,
    }
}

fn is_beyond(key: &[u8], to: Bound<&[u8]>) -> bool {
    match to {
        Bound::Included(end) => key > end,
        Bound::Excluded(end) => key >= end,
        Bound::Unbounded => false,
    }
}

impl Node {
    fn keys(&self) -> usize {
        match self {
            Self::Leaf { keys, .. } => keys.len(),
            Self::Inner { bounds, .. } => bounds.len(),
        }
    }

    /// Whether there is nothing below it.
    fn is_empty(&self) -> bool {
        match self {
            Self::Leaf { keys, .. } => keys.len() == 0,
            Self::Inner { children, .. } => children.len() == 1 && children[0].is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ironloom_core::{Rng, Seed};

    use super::*;

    /// How many keys there are, and how deep the leaves are.
    fn check(node: &Node, is_root: bool) -> (usize, usize) {
        match node {
            Node::Leaf { keys, values } => {
                assert_eq!(keys.len(), values.len());
                assert!((1..keys.len()).all(|index| keys.at(index - 1) < keys.at(index)));
                (keys.len(), 0)
            }
            Node::Inner { bounds, children } => {
                assert_eq!(bounds.len() + 1, children.len());
                assert!(bounds.len() <= KEYS_MAX && (!is_root || bounds.len() > 0));
                let below: Vec<(usize, usize)> = children.iter().map(|child| check(child, false)).collect();
                assert!(below.iter().all(|(_, depth)| *depth == below[0].1), "leaves at different depths");
                (below.iter().map(|(keys, _)| keys).sum(), below[0].1 + 1)
            }
        }
    }

    fn entries(tree: &Tree) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut found = Vec::new();
        tree.scan((Bound::Unbounded, Bound::Unbounded), &mut |key, value| {
            found.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        });
        found
    }

    #[test]
    fn a_tree_is_a_sorted_map_and_its_clones_stay_as_they_were() {
        for seed in 0..8 {
            let mut rng = Rng::new(Seed::new(seed));
            let (mut tree, mut model) = (Tree::default(), BTreeMap::new());
            let mut clones = Vec::new();
            let keys = [50, 3_000, 60_000][seed as usize % 3];
            for step in 0..20_000_u32 {
                let shrinks = (step / 5_000) % 2 == 1;
                let key = rng.below(keys).to_be_bytes().repeat(1 + rng.below(2) as usize * 7);
                if rng.chance(if shrinks { 4 } else { 1 }, 5) {
                    let near =
                        model.range(key.clone()..).next().map_or(key, |(key, _): (&Vec<u8>, _)| key.clone());
                    tree.remove(&near);
                    model.remove(&near);
                } else {
                    let value = step.to_le_bytes().repeat(rng.below(12) as usize);
                    tree.put(&key, &value);
                    model.insert(key, value);
                }
                if step % 2_000 == 1_999 {
                    assert_eq!(check(&tree.root, true).0, model.len(), "seed {seed}, step {step}");
                    clones.push((tree.clone(), model.clone()));
                }
            }
            for (tree, model) in clones {
                assert_eq!(entries(&tree), model.into_iter().collect::<Vec<_>>(), "seed {seed}");
            }
        }
    }

    #[test]
    fn a_tree_that_was_emptied_is_small() {
        let mut tree = Tree::default();
        let keys = |step: u64| (0..100_000_u64).map(move |key| (key * step % 100_003).to_be_bytes());
        keys(1).for_each(|key| tree.put(&key, b""));
        assert_eq!(check(&tree.root, true).0, 100_000);
        keys(1).for_each(|key| tree.remove(&key));
        assert_eq!(check(&tree.root, true), (0, 0));
        keys(7_919).for_each(|key| tree.put(&key, b""));
        keys(104_729).for_each(|key| tree.remove(&key));
        let left = check(&tree.root, true);
        assert!(left.1 <= 1, "{left:?}");
    }
}
