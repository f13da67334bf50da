//! [`Tour`]: through everything below a directory, as far as one may look, a part at a time.
//!
//! A tour keeps paths and not the tree, so between two parts it costs little and sees what changed. It goes on from a
//! directory as from one that it has open: without asking again what is above it, and without following a link that has
//! come into the way.

use std::ops::ControlFlow;

use ironloom_blob::tree::Name;

use crate::os::{Access, Errno};

use super::node::Node;
use super::walk::{Last, Walk};
use super::{Caller, Files};

/// How many entries of a directory are looked at together.
const PAGE_ENTRIES: usize = 64;

/// How far something is that is done in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Progress<T> {
    /// There is more to do.
    More,
    /// This came of it.
    Done(T),
}

/// Where a tour is.
#[derive(Debug)]
pub(super) struct Tour {
    /// The directories that it is in, from the first on.
    levels: Vec<Level>,
    /// What it begins with, until that was met.
    first: Option<Level>,
    /// Whether there was a directory that may not be read.
    pub(super) was_denied: bool,
}

#[derive(Debug)]
struct Level {
    /// The path without links and dots.
    real: Vec<u8>,
    /// The path as it is shown: it begins as the tour was told.
    shown: Vec<u8>,
    /// The last name that was met.
    after: Option<Name>,
}

/// Something that was met.
pub(super) struct Met<'m, 't> {
    pub(super) node: &'m Node<'t>,
    pub(super) real: Vec<u8>,
    pub(super) shown: Vec<u8>,
}

impl Tour {
    /// A tour through a directory and everything below it, or to a single entry.
    pub(super) fn new(files: &Files, caller: &Caller<'_>, path: &[u8]) -> Result<Self, Errno> {
        let walk = files.found(caller, path, Last::Followed)?;
        let first = Level { real: walk.path(), shown: path.to_vec(), after: None };
        Ok(Self { levels: Vec::new(), first: Some(first), was_denied: false })
    }

    /// Goes on for so many steps, one for each entry, and shows each to `meet` until that has enough.
    ///
    /// Whether the tour goes on.
    pub(super) fn go(
        &mut self,
        files: &Files,
        caller: &Caller<'_>,
        steps: &mut usize,
        meet: &mut dyn FnMut(&Met<'_, '_>) -> ControlFlow<()>,
    ) -> Result<Progress<()>, Errno> {
        if let Some(first) = self.first.take()
            && let ControlFlow::Break(()) = self.meet_first(files, caller, first, meet)
        {
            return Ok(Progress::More);
        }
        while *steps > 0 {
            let Some(mut level) = self.levels.pop() else {
                return Ok(Progress::Done(()));
            };
            *steps -= 1;
            let page = page(files, caller, &level, *steps, &mut self.was_denied)?;
            let Some(flow) = level.meet(caller, page, steps, meet) else {
                continue;
            };
            self.levels.push(level);
            let (below, flow) = flow;
            self.levels.extend(below);
            if flow.is_break() {
                return Ok(Progress::More);
            }
        }
        Ok(Progress::More)
    }

    fn meet_first(
        &mut self,
        files: &Files,
        caller: &Caller<'_>,
        first: Level,
        meet: &mut dyn FnMut(&Met<'_, '_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Ok(walk) = Walk::entry(&files.tree, caller, &first.real) else {
            return ControlFlow::Continue(());
        };
        let flow = meet(&Met { node: walk.node(), real: first.real.clone(), shown: first.shown.clone() });
        if walk.facts(caller).is_directory() {
            self.levels.push(first);
        }
        flow
    }
}

impl Level {
    /// Shows entries, up to a directory, which comes next, or until that is enough; `None` if there are none.
    fn meet(
        &mut self,
        caller: &Caller<'_>,
        page: Vec<(Name, Node<'_>)>,
        steps: &mut usize,
        meet: &mut dyn FnMut(&Met<'_, '_>) -> ControlFlow<()>,
    ) -> Option<(Option<Self>, ControlFlow<()>)> {
        if page.is_empty() {
            return None;
        }
        for (name, node) in page {
            *steps = steps.saturating_sub(1);
            let (real, shown) = (joined(&self.real, &name), joined(&self.shown, &name));
            self.after = Some(name);
            let met = Met { node: &node, real, shown };
            let flow = meet(&met);
            let Met { real, shown, .. } = met;
            let below = node.facts(caller).is_directory().then_some(Self { real, shown, after: None });
            if below.is_some() || flow.is_break() {
                return Some((below, flow));
            }
        }
        Some((None, ControlFlow::Continue(())))
    }
}

/// The next entries of a directory; none if it is gone or may not be read.
fn page<'t>(
    files: &'t Files,
    caller: &Caller<'_>,
    level: &Level,
    steps: usize,
    was_denied: &mut bool,
) -> Result<Vec<(Name, Node<'t>)>, Errno> {
    let walk = match Walk::entry(&files.tree, caller, &level.real) {
        Err(Errno::NotFound) => return Ok(Vec::new()),
        walk => walk?,
    };
    if !walk.facts(caller).allows(caller.who, Access::READ | Access::SEARCH) {
        *was_denied = true;
        return Ok(Vec::new());
    }
    let after = level.after.as_ref().map(Name::as_bytes);
    walk.node().children(caller, after, steps.clamp(1, PAGE_ENTRIES), walk.is_root())
}

/// The path of an entry of a directory.
pub(super) fn joined(directory: &[u8], name: &Name) -> Vec<u8> {
    let slash: &[u8] = if directory.ends_with(b"/") { b"" } else { b"/" };
    [directory, slash, name.as_bytes()].concat()
}
