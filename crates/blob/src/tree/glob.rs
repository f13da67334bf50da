//! [`Glob`]: finding entries by a pattern of their path.
//!
//! A pattern is a list of components, and where a path stands in it is a set of places, kept as the bits of a number:
//! `**` stands for any number of directories, so one path may stand at several places at once. Each entry is looked at
//! once, however many `**` there are. Directories in which nothing can match are not entered, and where only plain names
//! can match, they are looked up.

mod component;

use std::sync::Arc;

use thiserror::Error;

use super::directory::{Cursor, Directory, Found};
use super::{At, Shared, Tree, TreeError, TreePath, Walked};

use component::Component;

/// A pattern for paths.
///
/// `?` is any one byte, `*` any bytes, `[a-z_]` one of these and `[!a-z]` one of others, all within a name; `**` as a
/// whole component is any number of directories, also none; `\` takes the meaning from what follows it. There is nothing
/// special about a dot at the start of a name.
///
/// ```
/// use ironloom_blob::tree::Glob;
///
/// let sources = Glob::new(b"src/**/*.r[s]")?;
/// assert!(sources.matches(b"/src/tree/glob.rs"));
/// assert!(sources.matches(b"src/lib.rs"));
/// assert!(!sources.matches(b"src/lib.md"));
/// # Ok::<(), ironloom_blob::tree::PatternError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Glob {
    components: Arc<[Component]>,
}

/// Something cannot be searched for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PatternError {
    /// A pattern of paths has no components, or too many.
    #[error("a pattern of {components} components is refused: it must have 1 to {}", Glob::COMPONENTS_MAX)]
    Components {
        /// How many it has.
        components: usize,
    },
    /// A `[` is not closed, or nothing is in the brackets, or a `\` is at the end.
    #[error(
        "`{component}` is not finished: close each `[` behind at least one byte, and let something follow each `\\`"
    )]
    Unfinished {
        /// The component of the path.
        component: TreePath,
    },
    /// A regular expression cannot be used.
    #[error("the expression cannot be used: {reason}")]
    Expression {
        /// What the parser says.
        reason: String,
    },
}

impl Glob {
    /// How many components a pattern may have.
    pub const COMPONENTS_MAX: usize = 63;

    /// Reads a pattern.
    ///
    /// # Errors
    ///
    /// If it is none.
    pub fn new(pattern: &[u8]) -> Result<Self, PatternError> {
        let parts = pattern.split(|byte| *byte == b'/').filter(|part| !part.is_empty());
        let count = parts.clone().count();
        if !(1..=Self::COMPONENTS_MAX).contains(&count) {
            return Err(PatternError::Components { components: count });
        }
        let components = parts.map(Component::parse).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { components: components.into() })
    }

    /// Whether a path matches as a whole.
    #[must_use]
    pub fn matches(&self, path: &[u8]) -> bool {
        let names = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty());
        let places = names.fold(self.start(), |places, name| self.step(places, name));
        self.is_match(places)
    }

    fn start(&self) -> u64 {
        self.closure(1)
    }

    fn is_match(&self, places: u64) -> bool {
        places >> self.components.len() & 1 == 1
    }

    /// Where a path stands with one name more.
    fn step(&self, places: u64, name: &[u8]) -> u64 {
        let mut after = 0;
        for (place, component) in self.at(places) {
            match component {
                Component::AnyDepth => after |= 1 << place,
                Component::Name(pattern) if pattern.matches(name) => after |= 2 << place,
                Component::Name(_) => {}
            }
        }
        self.closure(after)
    }

    /// With the places behind each `**`, which may stand for nothing.
    fn closure(&self, mut places: u64) -> u64 {
        for (place, component) in self.components.iter().enumerate() {
            if places >> place & 1 == 1 && matches!(component, Component::AnyDepth) {
                places |= 2 << place;
            }
        }
        places
    }

    fn at(&self, places: u64) -> impl Iterator<Item = (usize, &Component)> {
        self.components.iter().enumerate().filter(move |(place, _)| places >> place & 1 == 1)
    }

    /// The names that can match here, in order, if they are few and known.
    fn plain_names(&self, places: u64) -> Option<Vec<Vec<u8>>> {
        let names = self.at(places).map(|(_, component)| component.plain_name());
        let mut names = names.collect::<Option<Vec<_>>>()?;
        names.sort_unstable();
        names.dedup();
        names.reverse();
        Some(names)
    }
}

impl Tree {
    /// The entries below a directory whose path from there matches, each once, in the order of a walk.
    ///
    /// Symbolic links are found, but not followed. The search is through the tree as it is now.
    ///
    /// # Errors
    ///
    /// If there is no such directory, or the store fails.
    pub fn glob<'a>(&self, at: impl Into<At<'a>>, glob: &Glob) -> Result<GlobWalk, TreeError> {
        let (base, top) = self.directory_at(&at.into())?;
        let mut found =
            GlobWalk { glob: glob.clone(), path: base, steps: Vec::new(), shared: Arc::clone(&self.shared) };
        found.enter(&top, glob.start())?;
        Ok(found)
    }
}

/// Entries that match; see [`Tree::glob`]. It ends after the first error.
#[derive(Debug)]
pub struct GlobWalk {
    glob: Glob,
    path: TreePath,
    steps: Vec<Step>,
    shared: Arc<Shared>,
}

/// A directory that may have entries that match.
#[derive(Debug)]
struct Step {
    /// Where its path stands in the pattern.
    places: u64,
    /// How long its path is.
    length: usize,
    candidates: Candidates,
}

#[derive(Debug)]
enum Candidates {
    All(Cursor),
    /// These alone, the last first.
    Named(Directory, Vec<Vec<u8>>),
}

impl Candidates {
    fn next(&mut self, shared: &Arc<Shared>) -> Result<Option<Found>, TreeError> {
        match self {
            Self::All(cursor) => cursor.next(shared),
            Self::Named(directory, names) => {
                while let Some(name) = names.pop() {
                    if let Some(found) = directory.find(&name, shared)? {
                        return Ok(Some(found));
                    }
                }
                Ok(None)
            }
        }
    }
}

impl GlobWalk {
    fn enter(&mut self, directory: &Directory, places: u64) -> Result<(), TreeError> {
        let candidates = match self.glob.plain_names(places) {
            Some(names) => Candidates::Named(directory.clone(), names),
            None => Candidates::All(Cursor::new(directory, None, &self.shared)?),
        };
        self.steps.push(Step { places, length: self.path.len(), candidates });
        Ok(())
    }

    fn next_match(&mut self) -> Result<Option<Walked>, TreeError> {
        while let Some(step) = self.steps.last_mut() {
            self.path.truncate(step.length);
            let Some(found) = step.candidates.next(&self.shared)? else {
                self.steps.pop();
                continue;
            };
            let places = self.glob.step(step.places, found.name().as_bytes());
            self.path.push(found.name());
            let is_match = self.glob.is_match(places);
            let path = is_match.then(|| self.path.clone());
            if let Some(directory) = found.as_directory()
                && self.glob.at(places).next().is_some()
            {
                self.enter(directory, places)?;
            }
            if let Some(path) = path {
                let stat = found.stat();
                return Ok(Some(Walked { path, stat }));
            }
        }
        Ok(None)
    }
}

impl Iterator for GlobWalk {
    type Item = Result<Walked, TreeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_match();
        if next.is_err() {
            self.steps.clear();
        }
        next.transpose()
    }
}

#[cfg(test)]
mod tests;
