//! [`Grep`]: looks for lines by what is in them.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::sync::Arc;

use ironloom_blob::tree::Needle;

use crate::os::{Access, Errno};

use super::node::Node;
use super::tour::{Met, Progress, Tour};
use super::walk::Walk;
use super::{Caller, FileKind, Files};

/// How many bytes of a file are read together.
const READ_BYTES: usize = 4_096;

/// How many steps that is. An expression that was made for it takes a thousand times longer than a usual one.
const READ_STEPS: usize = 32;

/// How much memory a compiled expression may take, which bounds how long it takes for a byte.
const EXPRESSION_BYTES_MAX: usize = 128 << 10;

/// How long a line is; longer ones are cut here.
const LINE_BYTES_MAX: usize = 16 * 1_024;

/// How a pattern is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GrepOptions {
    /// It is a regular expression.
    pub is_regex: bool,
    /// Upper and lower case are the same.
    pub ignores_case: bool,
}

/// A line that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundLine {
    /// The file. All its lines share it.
    pub path: Arc<[u8]>,
    /// The number of the line, from 1.
    pub number: u64,
    /// The line, without its end.
    pub line: Vec<u8>,
}

/// A search that has begun; see [`Files::grep`].
#[derive(Debug)]
pub struct Grep {
    needle: Needle,
    /// Where it has still to begin.
    roots: VecDeque<Vec<u8>>,
    tour: Option<Tour>,
    lines: Option<Lines>,
}

impl Files {
    /// Begins to look for lines in files, and in all files below directories; [`Grep::go`] does it.
    ///
    /// Links below a directory are not followed. What is not there or may not be read is left out.
    ///
    /// # Errors
    ///
    /// If the pattern is none, or a regular expression that takes too much memory.
    pub fn grep(&self, paths: Vec<Vec<u8>>, pattern: &[u8], options: GrepOptions) -> Result<Grep, Errno> {
        let needle = needle(pattern, options).ok_or(Errno::Invalid)?;
        Ok(Grep { needle, roots: paths.into(), tour: None, lines: None })
    }
}

fn needle(pattern: &[u8], options: GrepOptions) -> Option<Needle> {
    let pattern = match (options.is_regex, std::str::from_utf8(pattern)) {
        (true, text) => text.ok()?.to_owned(),
        (false, Ok(text)) => text.chars().fold(String::new(), |mut escaped, letter| {
            let _ = write!(escaped, "\\x{{{:x}}}", u32::from(letter));
            escaped
        }),
        (false, Err(_)) => pattern.iter().fold("(?-u)".to_owned(), |mut escaped, byte| {
            let _ = write!(escaped, "\\x{byte:02x}");
            escaped
        }),
    };
    let flags = if options.ignores_case { "(?i)" } else { "" };
    Needle::regex_within(&format!("{flags}{pattern}"), EXPRESSION_BYTES_MAX).ok()
}

impl Grep {
    /// Goes on for so many steps, one for each entry and for each 128 bytes of a file, and adds what was found.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn go(
        &mut self,
        files: &Files,
        caller: &Caller<'_>,
        mut steps: usize,
        found: &mut Vec<FoundLine>,
    ) -> Result<Progress<()>, Errno> {
        while steps > 0 {
            if let Some(lines) = &mut self.lines {
                steps = steps.saturating_sub(READ_STEPS);
                if lines.go(files, caller, &self.needle, found)? {
                    self.lines = None;
                }
                continue;
            }
            if let Some(tour) = &mut self.tour {
                let next = &mut self.lines;
                let mut meet = |met: &Met<'_, '_>| {
                    let facts = met.node.facts(caller);
                    if facts.kind != FileKind::File || !facts.allows(caller.who, Access::READ) {
                        return ControlFlow::Continue(());
                    }
                    *next = Some(Lines::of(met.real.to_vec(), met.shown));
                    ControlFlow::Break(())
                };
                if let Progress::Done(()) = tour.go(files, caller, &mut steps, &mut meet)? {
                    self.tour = None;
                }
                continue;
            }
            let Some(root) = self.roots.pop_front() else {
                return Ok(Progress::Done(()));
            };
            steps -= 1;
            self.tour = Tour::new(files, caller, &root).ok();
        }
        Ok(Progress::More)
    }
}

/// A file that is being looked at.
#[derive(Debug)]
struct Lines {
    real: Vec<u8>,
    shown: Arc<[u8]>,
    /// What was read and not yet looked at: the start of a line.
    rest: Vec<u8>,
    /// How much was read.
    offset: u64,
    number: u64,
    /// Whether a line begins with `rest`, and not what is left of one that was cut.
    is_new: bool,
}

impl Lines {
    fn of(real: Vec<u8>, shown: &[u8]) -> Self {
        Self { real, shown: shown.into(), rest: Vec::new(), offset: 0, number: 0, is_new: true }
    }

    /// Looks at the next few kilobytes; whether that was all.
    fn go(
        &mut self,
        files: &Files,
        caller: &Caller<'_>,
        needle: &Needle,
        found: &mut Vec<FoundLine>,
    ) -> Result<bool, Errno> {
        let start = self.rest.len();
        self.rest.resize(start + READ_BYTES, 0);
        let count = self.read(files, caller, start)?;
        self.rest.truncate(start + count);
        self.offset += count as u64;
        let is_end = count < READ_BYTES;
        let bytes = std::mem::take(&mut self.rest);
        let mut rest = &bytes[..];
        let mut searched = start;
        while let Some(length) = rest[searched..].iter().position(|byte| *byte == b'\n') {
            let end = searched + length;
            self.look(&rest[..end], needle, found);
            self.is_new = true;
            rest = &rest[end + 1..];
            searched = 0;
        }
        if !rest.is_empty() && (is_end || rest.len() >= LINE_BYTES_MAX) {
            self.look(rest, needle, found);
            self.is_new = false;
            rest = &[];
        }
        self.rest = rest.to_vec();
        Ok(is_end)
    }

    /// Reads on. A file that is gone, or was taken away from the caller, has nothing more.
    fn read(&mut self, files: &Files, caller: &Caller<'_>, start: usize) -> Result<usize, Errno> {
        let Ok(walk) = Walk::entry(&files.tree, caller, &self.real) else {
            return Ok(0);
        };
        if walk.require(caller, Access::READ).is_err() {
            return Ok(0);
        }
        let out = &mut self.rest[start..];
        match walk.node() {
            Node::Stored(seen) => Ok(seen.read(self.offset, out)?),
            Node::View(view) => {
                let text = view.text(caller).unwrap_or_default();
                let text = usize::try_from(self.offset).ok().and_then(|offset| text.get(offset..));
                let text = text.unwrap_or_default();
                let count = text.len().min(out.len());
                out[..count].copy_from_slice(&text[..count]);
                Ok(count)
            }
        }
    }

    fn look(&mut self, line: &[u8], needle: &Needle, found: &mut Vec<FoundLine>) {
        self.number += u64::from(self.is_new);
        if needle.find(line).is_some() {
            found.push(FoundLine { path: Arc::clone(&self.shown), number: self.number, line: line.to_vec() });
        }
    }
}
