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
    /// Where it is, without links and dots.
    real: Vec<u8>,
    /// The same as it is shown: it begins as the tour was told.
    shown: Vec<u8>,
    /// The directories that it is in, from the first on; `None` until what it begins with was met.
    levels: Option<Vec<Level>>,
    /// Whether there was a directory that may not be read.
    pub(super) was_denied: bool,
}

#[derive(Debug)]
struct Level {
    /// How long the paths of the directory are.
    real: usize,
    shown: usize,
    /// The last name that was met.
    after: Option<Name>,
}

/// Something that was met.
pub(super) struct Met<'m, 't> {
    pub(super) node: &'m Node<'t>,
    pub(super) real: &'m [u8],
    pub(super) shown: &'m [u8],
}

impl Tour {
    /// A tour through a directory and everything below it, or to a single entry.
    pub(super) fn new(files: &Files, caller: &Caller<'_>, path: &[u8]) -> Result<Self, Errno> {
        let real = files.found(caller, path, Last::Followed)?.path();
        Ok(Self { real, shown: path.to_vec(), levels: None, was_denied: false })
    }

    /// Goes on for so many steps, one for each entry, and shows each to `meet` until that has enough.
    pub(super) fn go(
        &mut self,
        files: &Files,
        caller: &Caller<'_>,
        steps: &mut usize,
        meet: &mut dyn FnMut(&Met<'_, '_>) -> ControlFlow<()>,
    ) -> Result<Progress<()>, Errno> {
        if self.levels.is_none() && self.meet_first(files, caller, meet)?.is_break() {
            return Ok(Progress::More);
        }
        while *steps > 0 {
            let levels = self.levels.get_or_insert_default();
            let Some(Level { real, shown, after }) = levels.last() else {
                return Ok(Progress::Done(()));
            };
            self.real.truncate(*real);
            self.shown.truncate(*shown);
            *steps -= 1;
            let page = match page(files, caller, &self.real, after.as_ref(), *steps) {
                // It was removed since.
                Err(Errno::NotFound) => Vec::new(),
                Err(Errno::Access) => {
                    self.was_denied = true;
                    Vec::new()
                }
                page => page?,
            };
            if page.is_empty() {
                levels.pop();
            }
            if self.meet(page, steps, meet).is_break() {
                return Ok(Progress::More);
            }
        }
        Ok(Progress::More)
    }

    fn meet_first(
        &mut self,
        files: &Files,
        caller: &Caller<'_>,
        meet: &mut dyn FnMut(&Met<'_, '_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Errno> {
        let levels = self.levels.get_or_insert_default();
        let walk = match Walk::entry(&files.tree, caller, &self.real) {
            // It was removed since.
            Err(Errno::NotFound) => return Ok(ControlFlow::Continue(())),
            walk => walk?,
        };
        if walk.facts(caller).is_directory() {
            levels.push(Level { real: self.real.len(), shown: self.shown.len(), after: None });
        }
        Ok(meet(&Met { node: walk.node(), real: &self.real, shown: &self.shown }))
    }

    /// Shows entries, up to a directory with entries, which come next, or until that is enough.
    fn meet(
        &mut self,
        page: Vec<(Name, Node<'_>)>,
        steps: &mut usize,
        meet: &mut dyn FnMut(&Met<'_, '_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let levels = self.levels.get_or_insert_default();
        for (name, node) in page {
            *steps = steps.saturating_sub(1);
            let (real, shown) = (self.real.len(), self.shown.len());
            push(&mut self.real, &name);
            push(&mut self.shown, &name);
            if let Some(level) = levels.last_mut() {
                level.after = Some(name);
            }
            let flow = meet(&Met { node: &node, real: &self.real, shown: &self.shown });
            if node.is_full_directory() {
                levels.push(Level { real: self.real.len(), shown: self.shown.len(), after: None });
                return flow;
            }
            self.real.truncate(real);
            self.shown.truncate(shown);
            flow?;
        }
        ControlFlow::Continue(())
    }
}

/// The next entries of a directory that was judged before, up to a page and about as many as there are steps.
pub(super) fn page<'t>(
    files: &'t Files,
    caller: &Caller<'_>,
    directory: &[u8],
    after: Option<&Name>,
    steps: usize,
) -> Result<Vec<(Name, Node<'t>)>, Errno> {
    let walk = Walk::entry(&files.tree, caller, directory)?;
    walk.require(caller, Access::READ | Access::SEARCH)?;
    let limit = steps.clamp(1, PAGE_ENTRIES);
    walk.node().children(caller, after.map(Name::as_bytes), limit, walk.is_root())
}

/// Goes from the path of a directory to that of an entry.
pub(super) fn push(path: &mut Vec<u8>, name: &Name) {
    if path.last() != Some(&b'/') {
        path.push(b'/');
    }
    path.extend_from_slice(name.as_bytes());
}
