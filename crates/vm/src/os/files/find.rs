//! [`Find`]: looks for entries by what is known of them.

use std::ops::ControlFlow;

use ironloom_blob::tree::Glob;
use ironloom_core::{Duration, Instant};

use crate::os::Errno;

use super::tour::{Met, Progress, Tour};
use super::{Caller, FileKind, Files, Stat};

/// What is looked for: everything that is said must be so.
#[derive(Debug, Clone, Default)]
pub struct FindOptions {
    /// A pattern of the name.
    pub name: Option<NamePattern>,
    /// What it is.
    pub kind: Option<FileKind>,
    /// How large it is.
    pub size: Option<Comparison>,
    /// Whose it is.
    pub uid: Option<u32>,
    /// How many days ago it was changed; see [`Comparison`].
    pub age_days: Option<i64>,
}

/// A pattern of a name.
#[derive(Debug, Clone)]
pub struct NamePattern {
    /// `None` matches nothing.
    glob: Option<Glob>,
    ignores_case: bool,
}

impl NamePattern {
    /// Reads a pattern as shells have it. What is none matches nothing.
    #[must_use]
    pub fn new(pattern: &[u8], ignores_case: bool) -> Self {
        let pattern = if ignores_case { pattern.to_ascii_lowercase() } else { pattern.to_vec() };
        let glob = if pattern.contains(&b'/') { None } else { Glob::new(&pattern).ok() };
        Self { glob, ignores_case }
    }

    /// Whether a name matches.
    #[must_use]
    pub fn matches(&self, name: &[u8]) -> bool {
        self.glob.as_ref().is_some_and(|glob| match self.ignores_case {
            true => glob.matches(&name.to_ascii_lowercase()),
            false => glob.matches(name),
        })
    }
}

/// How a number compares with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// It is below.
    Below(u64),
    /// It is the same.
    Exactly(u64),
    /// It is above.
    Above(u64),
}

impl Comparison {
    /// Reads `[+-]n[K|M|G]`: `+` is above, `-` below.
    ///
    /// ```
    /// use ironloom_vm::os::Comparison;
    ///
    /// assert_eq!(Comparison::parse("+2K"), Some(Comparison::Above(2_048)));
    /// assert_eq!(Comparison::parse("7"), Some(Comparison::Exactly(7)));
    /// assert_eq!(Comparison::parse("seven"), None);
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let number = text.trim_start_matches(['+', '-']);
        let digits = number.trim_end_matches(['c', 'k', 'K', 'M', 'G']);
        let unit = match &number[digits.len()..] {
            "" | "c" => 1,
            "k" | "K" => 1 << 10,
            "M" => 1 << 20,
            "G" => 1 << 30,
            _ => return None,
        };
        let number = digits.parse::<u64>().ok()?.checked_mul(unit)?;
        match &text[..text.len() - digits.len() - usize::from(unit != 1)] {
            "" => Some(Self::Exactly(number)),
            "+" => Some(Self::Above(number)),
            "-" => Some(Self::Below(number)),
            _ => None,
        }
    }

    const fn holds(self, number: u64) -> bool {
        match self {
            Self::Below(than) => number < than,
            Self::Exactly(than) => number == than,
            Self::Above(than) => number > than,
        }
    }
}

impl FindOptions {
    fn matches(&self, name: &[u8], stat: &Stat, now: Instant) -> bool {
        self.name.as_ref().is_none_or(|pattern| pattern.matches(name))
            && self.kind.is_none_or(|kind| kind == stat.kind)
            && self.size.is_none_or(|size| size.holds(stat.size))
            && self.uid.is_none_or(|uid| uid == stat.uid)
            && self.age_days.is_none_or(|days| is_of_age(days, stat.modified, now))
    }
}

/// Whether something changed at least so many days ago; with a negative number at most as many; with 0 less than one.
fn is_of_age(days: i64, modified: Instant, now: Instant) -> bool {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let age = now.saturating_since(modified);
    let bound = DAY.saturating_mul(days.unsigned_abs());
    match days {
        0 => age < DAY,
        1.. => age >= bound,
        _ => age <= bound,
    }
}

/// A search that has begun; see [`Files::find`].
#[derive(Debug)]
pub struct Find {
    tour: Tour,
    options: FindOptions,
}

impl Files {
    /// Begins to look for entries at and below a path; [`Find::go`] does it. Links below it are not followed, and what may
    /// not be read is left out.
    ///
    /// # Errors
    ///
    /// If there is no such entry.
    pub fn find(&self, caller: &Caller<'_>, path: &[u8], options: FindOptions) -> Result<Find, Errno> {
        Ok(Find { tour: Tour::new(self, caller, path)?, options })
    }
}

impl Find {
    /// Goes on for so many steps, about one for each entry, and adds the paths of what was found.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn go(
        &mut self,
        files: &Files,
        caller: &Caller<'_>,
        mut steps: usize,
        found: &mut Vec<Vec<u8>>,
    ) -> Result<Progress<()>, Errno> {
        let options = &self.options;
        let mut meet = |met: &Met<'_, '_>| {
            let name = met.real.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
            let name = if name.is_empty() { b"/" } else { name };
            if options.matches(name, &met.node.stat(caller), caller.now) {
                found.push(met.shown.to_vec());
            }
            ControlFlow::Continue(())
        };
        self.tour.go(files, caller, &mut steps, &mut meet)
    }

    /// Whether a directory was left out that may not be read.
    #[must_use]
    pub const fn was_denied(&self) -> bool {
        self.tour.was_denied
    }
}
