//! [`Globbing`]: the paths that a pattern means, as a shell expands it.
//!
//! Where a path stands in the pattern is a set of places, the bits of a number: `**` stands for any number of directories,
//! so one path may stand at several. Each directory is gone through once. Where only plain names can match, they are looked
//! up.

use ironloom_blob::tree::{Glob, Name};

use crate::os::{Access, Errno};

use super::tour::Progress;
use super::walk::Last;
use super::{Caller, Files};

/// How many entries of a directory are looked at together.
const PAGE_ENTRIES: usize = 64;

/// An expansion that has begun; see [`Files::glob`].
#[derive(Debug)]
pub struct Globbing {
    parts: Vec<Part>,
    /// Whether only directories are meant, because the pattern ends in `/`.
    wants_directories: bool,
    levels: Vec<Level>,
    found: Vec<Vec<u8>>,
    found_max: usize,
}

#[derive(Debug)]
enum Part {
    /// `**`
    AnyDepth,
    /// Exactly this name, `.` and `..` included.
    Plain(Vec<u8>),
    Pattern {
        glob: Glob,
        /// Whether it begins with a dot: names that do are meant only then.
        has_dot: bool,
    },
}

/// A directory in which names may match.
#[derive(Debug)]
struct Level {
    /// As it is shown, with the `/` behind it; empty for where the process is.
    path: Vec<u8>,
    /// Where it stands in the pattern.
    places: u64,
    next: Next,
}

#[derive(Debug)]
enum Next {
    /// All entries behind this name.
    Above(Option<Name>),
    /// These, the last first.
    Named(Vec<Vec<u8>>),
}

impl Files {
    /// Begins to look for the paths that match a pattern; [`Globbing::go`] does it. At most `found_max` are found.
    ///
    /// `*`, `?` and `[…]` are within a name and do not match a dot at its start, `**` as a whole name is any number of
    /// directories, `\` takes the meaning from what follows. Brackets that are not closed stand for themselves. Links to
    /// directories are followed, but not by `**`.
    ///
    /// # Errors
    ///
    /// If the pattern has no names, or too many.
    pub fn glob(&self, pattern: &[u8], found_max: usize) -> Result<Globbing, Errno> {
        super::walk::check_path(pattern)?;
        let names = pattern.split(|byte| *byte == b'/').filter(|name| !name.is_empty());
        let parts: Vec<Part> = names.map(Part::parse).collect();
        if !(1..=Glob::COMPONENTS_MAX).contains(&parts.len()) {
            return Err(Errno::Invalid);
        }
        let path = if pattern[0] == b'/' { b"/".to_vec() } else { Vec::new() };
        let mut globbing = Globbing {
            parts,
            wants_directories: pattern.ends_with(b"/"),
            levels: Vec::new(),
            found: Vec::new(),
            found_max,
        };
        let places = globbing.closure(1);
        globbing.enter(path, places);
        Ok(globbing)
    }
}

impl Part {
    fn parse(name: &[u8]) -> Self {
        if name == b"**" {
            return Self::AnyDepth;
        }
        if let Some(plain) = plain(name) {
            return Self::Plain(plain);
        }
        match Glob::new(name) {
            Ok(glob) => Self::Pattern { glob, has_dot: name.strip_prefix(b"\\").unwrap_or(name)[0] == b'.' },
            Err(_) => Self::Plain(name.to_vec()),
        }
    }

    fn matches(&self, name: &[u8]) -> bool {
        match self {
            Self::AnyDepth => !name.starts_with(b"."),
            Self::Plain(plain) => plain == name,
            Self::Pattern { glob, has_dot } => (*has_dot || !name.starts_with(b".")) && glob.matches(name),
        }
    }
}

/// The name that a pattern without anything special means.
fn plain(pattern: &[u8]) -> Option<Vec<u8>> {
    let mut name = Vec::with_capacity(pattern.len());
    let mut bytes = pattern.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'*' | b'?' | b'[' => return None,
            b'\\' => name.push(*bytes.next()?),
            byte => name.push(*byte),
        }
    }
    Some(name)
}

impl Globbing {
    /// Goes on for so many steps, about one for each entry. In the end these are the paths, sorted.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn go(
        &mut self,
        files: &Files,
        caller: &Caller<'_>,
        mut steps: usize,
    ) -> Result<Progress<Vec<Vec<u8>>>, Errno> {
        while let Some(mut level) = self.levels.pop() {
            if self.found.len() >= self.found_max {
                break;
            }
            if steps == 0 {
                self.levels.push(level);
                return Ok(Progress::More);
            }
            steps -= 1;
            let page = level.page(files, caller, steps)?;
            if page.is_empty() {
                continue;
            }
            let Level { path, places, .. } = &level;
            let (path, places) = (path.clone(), *places);
            self.levels.push(level);
            for name in page {
                steps = steps.saturating_sub(1);
                self.meet(files, caller, &path, places, &name);
            }
        }
        let mut found = std::mem::take(&mut self.found);
        self.levels.clear();
        found.sort_unstable();
        found.truncate(self.found_max);
        Ok(Progress::Done(found))
    }

    /// Looks at a name in a directory.
    fn meet(&mut self, files: &Files, caller: &Caller<'_>, directory: &[u8], places: u64, name: &[u8]) {
        let (below, by_depth_alone) = self.step(places, name);
        let path = [directory, name].concat();
        // What is gone, or too long to be looked at, does not match.
        let Ok(walk) = files.found(caller, &path, Last::Itself) else {
            return;
        };
        let is_plain_directory = walk.facts(caller).is_directory();
        let is_link = walk.facts(caller).kind == super::FileKind::Symlink;
        let leads_to_directory = || {
            let end = files.found(caller, &path, Last::Followed);
            end.is_ok_and(|end| end.facts(caller).is_directory())
        };
        let is_directory = is_plain_directory || (is_link && leads_to_directory());
        let slashed = [&path[..], b"/"].concat();
        let is_match = below >> self.parts.len() & 1 == 1;
        if is_match && (is_directory || !self.wants_directories) {
            self.found.push(if self.wants_directories { slashed.clone() } else { path });
        }
        let below = if is_plain_directory { below } else { below & !by_depth_alone };
        let goes_on = below & !(1 << self.parts.len()) != 0;
        if is_directory && goes_on {
            self.enter(slashed, below);
        }
    }

    /// Takes what was found so far, in no order; what is found later comes without it.
    pub fn take_found(&mut self) -> Vec<Vec<u8>> {
        self.found_max -= self.found.len().min(self.found_max);
        std::mem::take(&mut self.found)
    }

    fn enter(&mut self, path: Vec<u8>, places: u64) {
        let names = self.at(places).map(|(_, part)| match part {
            Part::Plain(name) => Some(name.clone()),
            _ => None,
        });
        let next = match names.collect::<Option<Vec<_>>>() {
            Some(mut names) => {
                names.sort_unstable();
                names.dedup();
                Next::Named(names)
            }
            None => Next::Above(None),
        };
        self.levels.push(Level { path, places, next });
    }

    /// Where a path stands with one name more, and which of these places it has by `**` alone.
    fn step(&self, places: u64, name: &[u8]) -> (u64, u64) {
        let (mut deeper, mut named) = (0, 0);
        for (place, part) in self.at(places).filter(|(_, part)| part.matches(name)) {
            match part {
                Part::AnyDepth => deeper |= 1 << place,
                _ => named |= 2 << place,
            }
        }
        let (deeper, named) = (self.closure(deeper), self.closure(named));
        (deeper | named, deeper & !named)
    }

    /// With the places behind each `**`, which may stand for nothing.
    fn closure(&self, mut places: u64) -> u64 {
        for (place, part) in self.parts.iter().enumerate() {
            if places >> place & 1 == 1 && matches!(part, Part::AnyDepth) {
                places |= 2 << place;
            }
        }
        places
    }

    fn at(&self, places: u64) -> impl Iterator<Item = (usize, &Part)> {
        self.parts.iter().enumerate().filter(move |(place, _)| places >> place & 1 == 1)
    }
}

impl Level {
    /// The next names. What may not be read has none, but names that are known may be looked up in it.
    fn page(&mut self, files: &Files, caller: &Caller<'_>, steps: usize) -> Result<Vec<Vec<u8>>, Errno> {
        let after = match &mut self.next {
            Next::Named(names) => return Ok(names.pop().into_iter().collect()),
            Next::Above(after) => after,
        };
        let path: &[u8] = if self.path.is_empty() { b"." } else { &self.path };
        let Ok(walk) = files.found(caller, path, Last::Followed) else {
            return Ok(Vec::new());
        };
        if !walk.facts(caller).is_directory() || walk.require(caller, Access::READ).is_err() {
            return Ok(Vec::new());
        }
        let limit = steps.clamp(1, PAGE_ENTRIES);
        let above = after.as_ref().map(Name::as_bytes);
        let page = walk.node().children(caller, above, limit, walk.is_root())?;
        if let Some((name, _)) = page.last() {
            *after = Some(name.clone());
        }
        Ok(page.into_iter().map(|(name, _)| name.as_bytes().to_vec()).collect())
    }
}
