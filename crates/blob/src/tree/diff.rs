//! What differs between two trees, found without looking at what they share.
//!
//! Two directories are gone through side by side, as lists of what is still ahead: nodes at first. Where both lists
//! begin with the same node it is dropped unread; otherwise a node is replaced by its items, the higher one first, until
//! entries are left to be compared.

use std::cmp::Ordering;
use std::sync::Arc;

use super::directory::{Directory, Found, load_child};
use super::entry::{Body, Entry};
use super::node::{Expected, Items, Link, Node};
use super::{Shared, Stat, Tree, TreeError, TreePath};

/// Something that is different in two trees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its path from the root.
    pub path: TreePath,
    /// What it was; `None` if it is new.
    pub before: Option<Stat>,
    /// What it is; `None` if it is gone.
    pub after: Option<Stat>,
    /// Whether a file's bytes or a link's target differ, or one of the two is not there.
    pub is_content_changed: bool,
}

impl Tree {
    /// What must change in this tree to make it the other: each path whose content or attributes differ, in order.
    ///
    /// Costs what differs: what both trees share is not looked at. A directory differs if its attributes do or if it is
    /// new or gone; then its entries follow. A file of more than 64 KiB with changes that are not committed is said to
    /// differ in content from any but the same in a fork; and from that, too, once one of them is committed. Commit both
    /// to know.
    #[must_use]
    pub fn diff(&self, other: &Self) -> Differences {
        let mut differences = Differences {
            pair: [Arc::clone(&self.shared), Arc::clone(&other.shared)],
            path: TreePath::default(),
            steps: Vec::new(),
            ready: None,
        };
        differences.compare(Some(&self.root), Some(&other.root));
        differences
    }
}

/// What differs between two trees, in order; see [`Tree::diff`]. It ends after the first error.
#[derive(Debug)]
pub struct Differences {
    /// Where the nodes of each of the two come from.
    pair: [Arc<Shared>; 2],
    path: TreePath,
    steps: Vec<Step>,
    ready: Option<Difference>,
}

/// A directory of which both sides are being compared.
#[derive(Debug)]
struct Step {
    /// How long its path is.
    length: usize,
    sides: [Side; 2],
}

/// What is still ahead in a directory, the next part last.
#[derive(Debug, Default)]
struct Side(Vec<Part>);

#[derive(Debug)]
enum Part {
    Root(Link),
    Child(Arc<Node>, usize),
    Entry(Found),
}

impl Part {
    /// The node that it is, if it is one, with a number that is higher the more there is below it.
    fn node(&self) -> Option<(&Link, u8)> {
        match self {
            Self::Root(link) => Some((link, u8::MAX)),
            Self::Child(node, index) => match &node.items {
                Items::Branch(level, children) => Some((&children[*index].link, *level)),
                Items::Leaf(_) => None,
            },
            Self::Entry(_) => None,
        }
    }
}

impl Side {
    fn of(directory: Option<&Directory>) -> Self {
        let root = directory.and_then(Directory::root);
        Self(root.map(|root| Part::Root(root.clone())).into_iter().collect())
    }

    fn expand(&mut self, shared: &Arc<Shared>) -> Result<(), TreeError> {
        let node = match self.0.pop() {
            Some(Part::Root(link)) => link.load(Expected::default(), shared)?,
            Some(Part::Child(node, index)) => load_child(&node, index, shared)?,
            _ => unreachable!("only nodes are expanded"),
        };
        for index in (0..node.items.len()).rev() {
            self.0.push(match node.level() {
                0 => Part::Entry(Found::new(&node, index)),
                _ => Part::Child(Arc::clone(&node), index),
            });
        }
        Ok(())
    }

    fn take_entry(&mut self) -> Option<Found> {
        match self.0.pop() {
            Some(Part::Entry(found)) => Some(found),
            _ => None,
        }
    }
}

impl Step {
    /// The next entries that have one name, or the one that comes first; `None` at the end.
    fn next(&mut self, pair: &[Arc<Shared>; 2]) -> Result<Option<[Option<Found>; 2]>, TreeError> {
        loop {
            let [left, right] = &mut self.sides;
            let (next_left, next_right) = (left.0.last(), right.0.last());
            let nodes = (next_left.and_then(Part::node), next_right.and_then(Part::node));
            match nodes {
                (Some((one, _)), Some((other, _))) if one.is_same(other) => {
                    left.0.pop();
                    right.0.pop();
                }
                (Some((_, level)), Some((_, other))) if level == other => {
                    left.expand(&pair[0])?;
                    right.expand(&pair[1])?;
                }
                (Some((_, level)), Some((_, other))) if level < other => right.expand(&pair[1])?,
                (Some(_), _) => left.expand(&pair[0])?,
                (None, Some(_)) => right.expand(&pair[1])?,
                (None, None) => {
                    let order = match (next_left, next_right) {
                        (Some(Part::Entry(one)), Some(Part::Entry(other))) => one.name().cmp(other.name()),
                        (Some(_), None) => Ordering::Less,
                        (None, Some(_)) => Ordering::Greater,
                        _ => return Ok(None),
                    };
                    let one = order.is_le().then(|| left.take_entry()).flatten();
                    let other = order.is_ge().then(|| right.take_entry()).flatten();
                    return Ok(Some([one, other]));
                }
            }
        }
    }
}

impl Differences {
    /// Compares two entries at the present path, and goes into them if they are directories.
    fn compare(&mut self, before: Option<&Entry>, after: Option<&Entry>) {
        let directories = [before, after].map(|entry| entry.and_then(Entry::as_directory));
        let none = Directory::EMPTY;
        let [left, right] = directories.map(|directory| directory.unwrap_or(&none));
        if !left.is_same(right) {
            self.steps.push(Step { length: self.path.len(), sides: directories.map(Side::of) });
        }
        let is_content_changed = match (before, after) {
            (Some(before), Some(after)) => !is_same_content(before, after),
            _ => true,
        };
        let attributes = [before, after].map(|entry| entry.map(|entry| &entry.attributes));
        if is_content_changed || attributes[0] != attributes[1] {
            let path = if self.path.is_empty() { TreePath::from("/") } else { self.path.clone() };
            self.ready = Some(Difference {
                path,
                before: before.map(Entry::stat),
                after: after.map(Entry::stat),
                is_content_changed,
            });
        }
    }

    fn next_difference(&mut self) -> Result<Option<Difference>, TreeError> {
        loop {
            if let Some(difference) = self.ready.take() {
                return Ok(Some(difference));
            }
            let Some(step) = self.steps.last_mut() else {
                return Ok(None);
            };
            self.path.truncate(step.length);
            let Some(pair) = step.next(&self.pair)? else {
                self.steps.pop();
                continue;
            };
            let [before, after] = &pair;
            if let Some(found) = before.as_ref().or(after.as_ref()) {
                self.path.push(found.name());
            }
            self.compare(before.as_deref(), after.as_deref());
        }
    }
}

/// Whether two entries are the same but for attributes and what is in directories.
fn is_same_content(before: &Entry, after: &Entry) -> bool {
    match (&before.body, &after.body) {
        (Body::File(before), Body::File(after)) => before.is_same(after),
        (Body::Symlink(before), Body::Symlink(after)) => before == after,
        (Body::Directory(_), Body::Directory(_)) => true,
        _ => false,
    }
}

impl Iterator for Differences {
    type Item = Result<Difference, TreeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_difference();
        if next.is_err() {
            self.steps.clear();
        }
        next.transpose()
    }
}
