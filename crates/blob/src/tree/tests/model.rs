//! A tree against the obvious: a map from paths to what is there.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{NOW, attributes, empty, reopened};
use crate::Durability;
use crate::tree::{At, Kind, Tree, TreeError};

#[derive(Debug, Clone, PartialEq)]
enum Node {
    File(Vec<u8>),
    Directory,
    /// Each points to `nowhere/x`, which is never there.
    Link,
}

const TARGET: &[u8] = b"nowhere/x";

#[derive(Debug, Clone, Default, PartialEq)]
struct Model(BTreeMap<String, Node>);

type Answer = Result<(), &'static str>;

impl Model {
    /// Whether the directory that has the last name is there.
    fn parent(&self, path: &str) -> Answer {
        let mut above = String::new();
        let names: Vec<&str> = path[1..].split('/').collect();
        for name in &names[..names.len() - 1] {
            above = format!("{above}/{name}");
            match self.0.get(&above) {
                Some(Node::Directory) => {}
                Some(Node::File(_)) => return Err("not a directory"),
                Some(Node::Link) | None => return Err("not found"),
            }
        }
        Ok(())
    }

    fn found(&self, path: &str) -> Result<&Node, &'static str> {
        self.parent(path)?;
        self.0.get(path).ok_or("not found")
    }

    fn file(&mut self, path: &str) -> Result<&mut Vec<u8>, &'static str> {
        self.parent(path)?;
        match self.0.get_mut(path) {
            Some(Node::File(bytes)) => Ok(bytes),
            Some(Node::Directory) => Err("is a directory"),
            Some(Node::Link) | None => Err("not found"),
        }
    }

    fn make(&mut self, path: &str, node: Node) -> Answer {
        self.parent(path)?;
        if self.0.contains_key(path) {
            return Err("exists");
        }
        self.0.insert(path.to_owned(), node);
        Ok(())
    }

    fn put(&mut self, path: &str, bytes: Vec<u8>) -> Answer {
        self.parent(path)?;
        match self.0.get(path) {
            Some(Node::Directory) => return Err("is a directory"),
            Some(Node::Link) => return Err("not found"),
            _ => self.0.insert(path.to_owned(), Node::File(bytes)),
        };
        Ok(())
    }

    fn write(&mut self, path: &str, offset: usize, bytes: &[u8]) -> Answer {
        let file = self.file(path)?;
        if !bytes.is_empty() {
            file.resize(file.len().max(offset + bytes.len()), 0);
            file[offset..offset + bytes.len()].copy_from_slice(bytes);
        }
        Ok(())
    }

    fn below(&self, path: &str) -> Vec<(String, Node)> {
        let prefix = format!("{path}/");
        let below = self.0.iter().filter(|(other, _)| other.starts_with(&prefix));
        below.map(|(path, node)| (path.clone(), node.clone())).collect()
    }

    fn remove(&mut self, path: &str, and_all: bool) -> Answer {
        self.found(path)?;
        let below = self.below(path);
        if !and_all && !below.is_empty() {
            return Err("not empty");
        }
        below.iter().for_each(|(path, _)| drop(self.0.remove(path)));
        self.0.remove(path);
        Ok(())
    }

    fn rename(&mut self, source: &str, target: &str) -> Answer {
        let node = self.found(source)?.clone();
        self.parent(target)?;
        if source == target {
            return Ok(());
        }
        let is_directory = node == Node::Directory;
        if is_directory && target.starts_with(&format!("{source}/")) {
            return Err("inside");
        }
        match (is_directory, self.0.get(target)) {
            (true, Some(Node::Directory)) if !self.below(target).is_empty() => return Err("not empty"),
            (true, Some(Node::Directory)) | (_, None) => {}
            (true, Some(_)) => return Err("not a directory"),
            (false, Some(Node::Directory)) => return Err("is a directory"),
            (false, Some(_)) => {}
        }
        let below = self.below(source);
        self.remove(source, true)?;
        self.put_all(target, node, source, below);
        Ok(())
    }

    fn copy(&mut self, source: &str, target: &str, only_files: bool) -> Answer {
        let node = self.found(source)?.clone();
        match node {
            Node::Link if !only_files => return Err("not found"),
            Node::Directory if only_files => return Err("is a directory"),
            _ => {}
        }
        self.parent(target)?;
        if self.0.contains_key(target) {
            return Err("exists");
        }
        let below = self.below(source);
        self.put_all(target, node, source, below);
        Ok(())
    }

    fn put_all(&mut self, target: &str, node: Node, source: &str, below: Vec<(String, Node)>) {
        self.0.insert(target.to_owned(), node);
        for (path, node) in below {
            self.0.insert(format!("{target}{}", &path[source.len()..]), node);
        }
    }
}

/// What the model would call this error.
fn answer<T>(result: Result<T, TreeError>) -> Answer {
    result.map(drop).map_err(|error| match error {
        TreeError::NotFound { .. } => "not found",
        TreeError::NotADirectory { .. } => "not a directory",
        TreeError::IsADirectory { .. } => "is a directory",
        TreeError::Exists { .. } => "exists",
        TreeError::NotEmpty { .. } => "not empty",
        TreeError::Inside { .. } => "inside",
        other => panic!("{other}"),
    })
}

#[derive(Debug, Clone)]
enum Step {
    Put(String, usize, u8),
    Write(String, usize, usize, u8),
    Append(String, usize),
    Truncate(String, usize),
    Mkdir(String),
    Symlink(String),
    Remove(String),
    RemoveAll(String),
    Rename(String, String),
    Copy(String, String),
    Link(String, String),
    /// Makes files of so many numbers from here on in a directory.
    Fill(String, usize, usize),
    /// Removes files of so many numbers from here on in a directory.
    Clear(String, usize, usize),
    Commit,
    Reopen,
    Fork,
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec("[abc]", 1..4).prop_map(|names| format!("/{}", names.join("/")))
}

/// Where many files are made, so that there are directories of many nodes.
fn directory() -> impl Strategy<Value = String> {
    prop_oneof![Just("/a".to_owned()), Just("/b".to_owned()), Just("/a/a".to_owned())]
}

fn length() -> impl Strategy<Value = usize> {
    prop_oneof![0..300usize, 60_000..140_000usize]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => path().prop_map(Step::Mkdir),
        4 => (path(), length(), any::<u8>()).prop_map(|(path, length, byte)| Step::Put(path, length, byte)),
        3 => (path(), length(), length(), any::<u8>())
            .prop_map(|(path, offset, length, byte)| Step::Write(path, offset, length, byte)),
        1 => (path(), length()).prop_map(|(path, length)| Step::Append(path, length)),
        2 => (path(), length()).prop_map(|(path, length)| Step::Truncate(path, length)),
        1 => path().prop_map(Step::Symlink),
        2 => path().prop_map(Step::Remove),
        1 => path().prop_map(Step::RemoveAll),
        4 => (path(), path()).prop_map(|(source, target)| Step::Rename(source, target)),
        2 => (path(), path()).prop_map(|(source, target)| Step::Copy(source, target)),
        1 => (path(), path()).prop_map(|(source, target)| Step::Link(source, target)),
        4 => (directory(), 0..600usize, 1..500usize)
            .prop_map(|(path, from, count)| Step::Fill(path, from, count)),
        4 => (directory(), 0..600usize, prop_oneof![1..20usize, 1..500usize])
            .prop_map(|(path, from, count)| Step::Clear(path, from, count)),
        4 => Just(Step::Commit),
        1 => Just(Step::Reopen),
        2 => Just(Step::Fork),
    ]
}

fn numbered(directory: &str, from: usize, count: usize) -> impl Iterator<Item = String> {
    (from..from + count).map(move |number| format!("{directory}/{number}"))
}

fn apply(tree: &mut Tree, model: &mut Model, step: Step) {
    match step {
        Step::Put(path, length, byte) => {
            let bytes = vec![byte; length];
            assert_eq!(answer(tree.put(&*path, &bytes, attributes())), model.put(&path, bytes));
        }
        Step::Write(path, offset, length, byte) => {
            let bytes = vec![byte; length];
            let written = tree.write(&*path, offset as u64, &bytes, NOW);
            assert_eq!(answer(written), model.write(&path, offset, &bytes));
        }
        Step::Append(path, length) => {
            let bytes = vec![9; length];
            let offset = model.file(&path).map_or(0, |file| file.len());
            assert_eq!(answer(tree.append(&*path, &bytes, NOW)), model.write(&path, offset, &bytes));
        }
        Step::Truncate(path, length) => {
            let expected = model.file(&path).map(|file| file.resize(length, 0));
            assert_eq!(answer(tree.truncate(&*path, length as u64, NOW)), expected);
        }
        Step::Mkdir(path) => {
            assert_eq!(answer(tree.mkdir(&*path, attributes())), model.make(&path, Node::Directory));
        }
        Step::Symlink(path) => {
            let made = tree.symlink(TARGET, &*path, attributes());
            assert_eq!(answer(made), model.make(&path, Node::Link));
        }
        Step::Remove(path) => assert_eq!(answer(tree.remove(&*path, NOW)), model.remove(&path, false)),
        Step::RemoveAll(path) => assert_eq!(answer(tree.remove_all(&*path, NOW)), model.remove(&path, true)),
        Step::Rename(source, target) => {
            assert_eq!(answer(tree.rename(&*source, &*target, NOW)), model.rename(&source, &target));
        }
        Step::Copy(source, target) => {
            assert_eq!(answer(tree.copy(&*source, &*target, NOW)), model.copy(&source, &target, false));
        }
        Step::Link(source, target) => {
            assert_eq!(answer(tree.link(&*source, &*target, NOW)), model.copy(&source, &target, true));
        }
        Step::Fill(directory, from, count) => {
            for path in numbered(&directory, from, count) {
                let made = tree.put(&*path, path.as_bytes(), attributes());
                assert_eq!(answer(made), model.put(&path, path.as_bytes().to_vec()));
            }
        }
        Step::Clear(directory, from, count) => {
            for path in numbered(&directory, from, count) {
                assert_eq!(answer(tree.remove(&*path, NOW)), model.remove(&path, false));
            }
        }
        Step::Commit => drop(tree.commit(Durability::Synced).unwrap()),
        Step::Reopen => *tree = reopened(tree),
        Step::Fork => {}
    }
}

/// The whole tree as the model would have it.
fn whole(tree: &Tree) -> Model {
    let walk = tree.walk("/").unwrap().map(Result::unwrap);
    Model(
        walk.map(|walked| {
            let at = At::from(&walked.path);
            let node = match walked.stat.kind {
                Kind::File => Node::File(tree.read_all(at).unwrap()),
                Kind::Directory => Node::Directory,
                Kind::Symlink => {
                    assert_eq!(&tree.read_link(at).unwrap()[..], TARGET);
                    Node::Link
                }
            };
            (walked.path.to_string(), node)
        })
        .collect(),
    )
}

/// The same tree made anew, the last path first.
fn made_anew(model: &Model, like: &Tree) -> Tree {
    let mut tree = Tree::new(super::store(like), like.shared.config.clone());
    let directories = model.0.iter().filter(|(_, node)| **node == Node::Directory);
    directories.for_each(|(path, _)| tree.mkdir(&**path, attributes()).unwrap());
    for (path, node) in model.0.iter().rev() {
        match node {
            Node::File(bytes) => tree.put(&**path, bytes, attributes()).unwrap(),
            Node::Link => tree.symlink(TARGET, &**path, attributes()).unwrap(),
            Node::Directory => {}
        }
    }
    tree.set_attributes("/", |root| root.modified = like.root.attributes.modified).unwrap();
    tree
}

fn check_usage(tree: &Tree, model: &Model) {
    let bytes = |node: &Node| match node {
        Node::File(bytes) => bytes.len(),
        Node::Directory => 0,
        Node::Link => TARGET.len(),
    };
    let usage = tree.usage();
    assert_eq!(usage.entries, model.0.len() as u64);
    assert_eq!(usage.bytes, model.0.values().map(bytes).sum::<usize>() as u64);
}

/// Paths that differ, with whether they are there before and after.
fn check_diff(before: (&Tree, &Model), after: (&Tree, &Model)) {
    let mut expected = BTreeMap::new();
    let all = before.1.0.keys().chain(after.1.0.keys());
    for path in all.filter(|path| before.1.0.get(*path) != after.1.0.get(*path)) {
        let is_in = |model: &Model| model.0.contains_key(path);
        expected.insert(path.clone(), (is_in(before.1), is_in(after.1)));
    }
    let found = before.0.diff(after.0).map(Result::unwrap);
    let found: BTreeMap<String, (bool, bool)> = found
        .filter(|difference| &difference.path[..] != b"/")
        .map(|difference| {
            let is_in = (difference.before.is_some(), difference.after.is_some());
            (difference.path.to_string(), is_in)
        })
        .collect();
    assert_eq!(found, expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn a_tree_is_a_map_of_paths(steps in prop::collection::vec(step(), 1..50)) {
        let (mut tree, mut model) = (empty(), Model::default());
        for path in ["/a", "/b", "/a/a"] {
            apply(&mut tree, &mut model, Step::Mkdir(path.to_owned()));
        }
        let mut forks = vec![(tree.fork(), model.clone())];
        for step in steps {
            if matches!(step, Step::Fork) {
                forks.push((tree.fork(), model.clone()));
            }
            apply(&mut tree, &mut model, step);
            check_usage(&tree, &model);
        }
        forks.push((tree, model));
        let mut committed = Vec::new();
        for (mut tree, model) in forks {
            prop_assert!(whole(&tree) == model);
            let mut tree = reopened(&mut tree);
            check_usage(&tree, &model);
            prop_assert!(whole(&tree) == model);
            let id = tree.commit(Durability::Buffered).unwrap();
            let anew = made_anew(&model, &tree).commit(Durability::Buffered).unwrap();
            prop_assert_eq!(anew, id, "equal trees have equal ids");
            committed.push((tree, model));
        }
        let (last, model) = committed.last().unwrap();
        for (fork, before) in &committed {
            check_diff((fork, before), (last, model));
        }
    }

    /// A commit begins what a fork finishes: another commit is made of the tree as it was then, while it goes on.
    #[test]
    fn what_was_stored_meanwhile_is_taken_over(steps in prop::collection::vec(step(), 1..50)) {
        let (mut tree, mut model) = (empty(), Model::default());
        for path in ["/a", "/b", "/a/a"] {
            apply(&mut tree, &mut model, Step::Mkdir(path.to_owned()));
        }
        let (mut before, mut is_changed) = (tree.fork(), false);
        for step in steps {
            match step {
                Step::Commit => {
                    before = tree.fork();
                    is_changed = false;
                }
                Step::Fork => {
                    let mut stored = before.fork();
                    stored.commit(Durability::Buffered).unwrap();
                    tree.settle(&before, &stored).unwrap();
                    prop_assert!(is_changed || tree.usage().dirty_bytes == 0);
                    prop_assert!(whole(&tree) == model);
                    check_usage(&tree, &model);
                }
                step => {
                    apply(&mut tree, &mut model, step);
                    is_changed = true;
                }
            }
        }
        prop_assert!(whole(&tree) == model);
        let id = tree.commit(Durability::Buffered).unwrap();
        prop_assert_eq!(made_anew(&model, &tree).commit(Durability::Buffered).unwrap(), id);
        prop_assert!(whole(&reopened(&mut tree)) == model);
    }
}
