//! From paths to entries, with every directory on the way judged.
//!
//! What a path has led through is a stack: `..` pops it, and popping the empty stack leaves it empty, so nothing leads
//! out of the root. A symbolic link is followed from the directory that it was found in, or from the root. The working
//! directory is where a process is already: of it alone is asked whether names may be looked up in it, not of the
//! directories above.

use ironloom_blob::Tree;
use ironloom_blob::tree::{LINKS_MAX, Name, PATH_BYTES_MAX};

use crate::os::{Access, Errno};

use super::access::Facts;
use super::node::Node;
use super::{Caller, FileKind};

/// How many names a path may lead through, those of links included. The longest path has half of that, but forty links to
/// the longest paths would have eighty thousand.
const NAMES_MAX: usize = PATH_BYTES_MAX;

/// What a symbolic link at the end of a path stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    /// What it points to.
    Followed,
    /// Itself, unless a `/` follows it.
    Itself,
    /// Itself, even if a `/` follows it: what is removed or renamed is never what a link points to.
    Entry,
    /// What it points to, which is to be a file and is made if it is missing: a `/` may not follow.
    File,
    /// Itself, which is in the way of a file that is to be made: a `/` may not follow.
    NewFile,
}

/// How a path ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// In a name.
    Name,
    /// In `.`
    Dot,
    /// In `..`
    DotDot,
    /// It has no names.
    Root,
}

/// Where a path leads.
pub(super) struct Walk<'t> {
    root: Node<'t>,
    /// From the root to what was found.
    steps: Vec<(Name, Node<'t>)>,
    /// The name that the last directory on the way does not have.
    missing: Option<Name>,
    /// Whether a `/` follows the last name.
    pub(super) has_slash: bool,
    pub(super) end: End,
    /// How many bytes of the path follow the missing name, if it was looked for [as far as there is
    /// something](Self::as_far).
    pub(super) rest: Option<usize>,
    /// How many names there were, of the path and of the links that it leads through.
    names: usize,
    links: usize,
    /// How many links one is in.
    depth: usize,
    stops_early: bool,
    last: Last,
}

impl<'t> Walk<'t> {
    /// Follows a path as far as there is something; all of it but the last name must exist.
    pub(super) fn new(tree: &'t Tree, caller: &Caller<'_>, path: &[u8], last: Last) -> Result<Self, Errno> {
        check_path(path)?;
        let mut walk = Self::at_root(tree, last);
        if path.first() != Some(&b'/') {
            walk.enter(caller)?;
        }
        walk.follow(caller, path, true)?;
        let must_be_directory = last != Last::Entry && walk.has_slash && !walk.is_missing();
        if must_be_directory && !walk.facts(caller).is_directory() {
            return Err(Errno::NotADirectory);
        }
        Ok(walk)
    }

    /// Follows a path as far as there is something, to the first name that is missing; that must not be within a link.
    pub(super) fn as_far(tree: &'t Tree, caller: &Caller<'_>, path: &[u8]) -> Result<Self, Errno> {
        check_path(path)?;
        let mut walk = Self::at_root(tree, Last::Followed);
        walk.stops_early = true;
        if path.first() != Some(&b'/') {
            walk.enter(caller)?;
        }
        walk.follow(caller, path, true)?;
        Ok(walk)
    }

    /// Follows a path to what must be there.
    pub(super) fn found(tree: &'t Tree, caller: &Caller<'_>, path: &[u8], last: Last) -> Result<Self, Errno> {
        let walk = Self::new(tree, caller, path, last)?;
        if walk.missing.is_some() { Err(Errno::NotFound) } else { Ok(walk) }
    }

    fn at_root(tree: &'t Tree, last: Last) -> Self {
        Self {
            root: Node::Stored(tree.root()),
            steps: Vec::with_capacity(8),
            missing: None,
            has_slash: false,
            end: End::Root,
            rest: None,
            names: 0,
            links: 0,
            depth: 0,
            stops_early: false,
            last,
        }
    }

    /// An entry by a path without links and dots that was judged before. No link that came into the way since is followed.
    pub(super) fn entry(tree: &'t Tree, caller: &Caller<'_>, path: &[u8]) -> Result<Self, Errno> {
        let mut walk = Self::at_root(tree, Last::Entry);
        walk.descend(caller, path)?;
        walk.end = if walk.steps.is_empty() { End::Root } else { End::Name };
        Ok(walk)
    }

    /// Goes to the working directory, which was judged when the process went there.
    fn enter(&mut self, caller: &Caller<'_>) -> Result<(), Errno> {
        self.descend(caller, caller.cwd)?;
        if self.facts(caller).is_directory() { Ok(()) } else { Err(Errno::NotFound) }
    }

    fn descend(&mut self, caller: &Caller<'_>, path: &[u8]) -> Result<(), Errno> {
        for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            // What is no directory has no entries.
            let name = Name::new(name)?;
            let child = self.child(caller, &name)?.ok_or(Errno::NotFound)?;
            self.steps.push((name, child));
        }
        Ok(())
    }

    fn follow(&mut self, caller: &Caller<'_>, path: &[u8], is_tail: bool) -> Result<(), Errno> {
        if path.first() == Some(&b'/') {
            self.steps.clear();
        }
        let mut rest = path;
        while let Some(start) = rest.iter().position(|byte| *byte != b'/') {
            let component = &rest[start..];
            let end = component.iter().position(|byte| *byte == b'/');
            let (component, after) = component.split_at(end.unwrap_or(component.len()));
            let is_last = is_tail && after.iter().all(|byte| *byte == b'/');
            self.has_slash |= is_last && !after.is_empty();
            self.step(caller, component, is_last)?;
            if self.missing.is_some() {
                self.rest = Some(after.len());
                return Ok(());
            }
            rest = after;
        }
        Ok(())
    }

    fn step(&mut self, caller: &Caller<'_>, component: &[u8], is_last: bool) -> Result<(), Errno> {
        self.end = match component {
            b"." => End::Dot,
            b".." => End::DotDot,
            _ => End::Name,
        };
        self.names += 1;
        if self.names > NAMES_MAX {
            return Err(Errno::Loop);
        }
        let facts = self.facts(caller);
        if !facts.is_directory() {
            return Err(Errno::NotADirectory);
        }
        if !facts.allows(caller.who, Access::SEARCH) {
            return Err(Errno::Access);
        }
        match component {
            b"." => return Ok(()),
            b".." => {
                self.steps.pop();
                return Ok(());
            }
            _ => {}
        }
        if is_last && self.has_slash && matches!(self.last, Last::File | Last::NewFile) {
            return Err(Errno::IsADirectory);
        }
        let name = Name::new(component)?;
        let Some(child) = self.child(caller, &name)? else {
            let may_stop = if self.stops_early { self.depth == 0 } else { is_last };
            if !may_stop {
                return Err(Errno::NotFound);
            }
            self.missing = Some(name);
            return Ok(());
        };
        let link = child.facts(caller);
        if link.kind != FileKind::Symlink || (is_last && self.stops()) {
            self.steps.push((name, child));
            return Ok(());
        }
        self.links += 1;
        if self.links > LINKS_MAX {
            return Err(Errno::Loop);
        }
        if is_last && !facts.lets_follow(&link, caller.who) {
            return Err(Errno::Access);
        }
        if is_last && let Some(device) = child.own_descriptor(caller) {
            self.steps.push((name, device));
            return Ok(());
        }
        let target = child.target(caller)?;
        // At most `LINKS_MAX` deep, as many links are followed.
        self.depth += 1;
        self.follow(caller, &target, is_last)?;
        self.depth -= 1;
        Ok(())
    }

    /// Whether a symbolic link at the end stands for itself.
    const fn stops(&self) -> bool {
        match self.last {
            Last::Followed | Last::File => false,
            Last::Itself => !self.has_slash,
            Last::Entry | Last::NewFile => true,
        }
    }

    fn child(&self, caller: &Caller<'_>, name: &Name) -> Result<Option<Node<'t>>, Errno> {
        self.node().child(caller, name.as_bytes(), self.steps.is_empty())
    }

    /// What was found; if the last name is missing, the directory that does not have it.
    pub(super) fn node(&self) -> &Node<'t> {
        self.steps.last().map_or(&self.root, |(_, node)| node)
    }

    pub(super) fn facts(&self, caller: &Caller<'_>) -> Facts {
        self.node().facts(caller)
    }

    pub(super) const fn is_missing(&self) -> bool {
        self.missing.is_some()
    }

    pub(super) const fn is_root(&self) -> bool {
        self.steps.is_empty() && self.missing.is_none()
    }

    /// The directory that has, or would have, the last name.
    pub(super) fn parent(&self) -> &Node<'t> {
        match (&self.missing, self.steps.len()) {
            (Some(_), _) => self.node(),
            (None, 0 | 1) => &self.root,
            (None, count) => &self.steps[count - 2].1,
        }
    }

    /// The path from the root without links and dots, to what was found or would be made.
    pub(super) fn path(&self) -> Vec<u8> {
        let names = self.steps.iter().map(|(name, _)| name).chain(&self.missing);
        let mut path = Vec::with_capacity(64);
        for name in names {
            path.push(b'/');
            path.extend_from_slice(name.as_bytes());
        }
        if path.is_empty() {
            path.push(b'/');
        }
        path
    }

    /// Whether the caller may do this with what was found.
    pub(super) fn require(&self, caller: &Caller<'_>, access: Access) -> Result<(), Errno> {
        if self.facts(caller).allows(caller.who, access) { Ok(()) } else { Err(Errno::Access) }
    }
}

/// Whether these bytes can be a path at all.
pub(super) fn check_path(path: &[u8]) -> Result<(), Errno> {
    if path.is_empty() {
        return Err(Errno::NotFound);
    }
    if path.len() > PATH_BYTES_MAX {
        return Err(Errno::NameTooLong);
    }
    if path.contains(&0) {
        return Err(Errno::Invalid);
    }
    Ok(())
}
