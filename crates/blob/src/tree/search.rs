//! Finding lines in files by what is in them.

use std::ops::Range;
use std::sync::Arc;

use regex::bytes::{Regex, RegexBuilder};

use super::content::{Content, PIECE_BYTES};
use super::{At, PatternError, Shared, Tree, TreeError, TreePath, Walk};

/// How much memory a compiled expression may take.
const EXPRESSION_BYTES_MAX: usize = 1 << 20;

/// What to look for in lines.
#[derive(Debug, Clone)]
pub struct Needle(Regex);

impl Needle {
    /// These bytes.
    ///
    /// # Errors
    ///
    /// If they are too many to look for.
    pub fn literal(bytes: &[u8]) -> Result<Self, PatternError> {
        let escaped: String = bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect();
        Self::regex(&format!("(?-u){escaped}"))
    }

    /// What this regular expression matches, in the syntax of the `regex` crate. It sees one line at a time, and takes
    /// time linear in its length whatever the expression.
    ///
    /// # Errors
    ///
    /// If it is none, or takes too much memory.
    pub fn regex(expression: &str) -> Result<Self, PatternError> {
        Self::regex_within(expression, EXPRESSION_BYTES_MAX)
    }

    /// As [`regex`](Self::regex), but the compiled expression itself may take this much memory. That also bounds how much
    /// time it takes for each byte of a line, in the worst case.
    ///
    /// # Errors
    ///
    /// If it is none, or takes too much memory.
    pub fn regex_within(expression: &str, bytes_max: usize) -> Result<Self, PatternError> {
        let regex =
            RegexBuilder::new(expression).size_limit(bytes_max).dfa_size_limit(EXPRESSION_BYTES_MAX).build();
        regex.map(Self).map_err(|error| PatternError::Expression { reason: error.to_string() })
    }

    /// Where in a line the first match is.
    #[must_use]
    pub fn find(&self, line: &[u8]) -> Option<Range<usize>> {
        self.0.find(line).map(|found| found.range())
    }
}

/// A line in which something was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The file.
    pub path: TreePath,
    /// The number of the line, from 1.
    pub line: u64,
    /// Where in the file the first match in the line begins.
    pub offset: u64,
    /// How long that match is.
    pub length: usize,
    /// The line, without what ends it.
    pub text: Vec<u8>,
}

impl Tree {
    /// Looks for something in all files below a directory, in the order of a walk; gives each line that has it once.
    ///
    /// A line longer than `line_bytes_max` is cut into several. Symbolic links are not followed.
    ///
    /// # Errors
    ///
    /// If there is no such directory, or the store fails.
    pub fn search<'a>(&self, at: impl Into<At<'a>>, needle: &Needle) -> Result<Search, TreeError> {
        Ok(Search {
            walk: self.walk(at)?,
            regex: needle.0.clone(),
            lines: None,
            shared: Arc::clone(&self.shared),
        })
    }
}

/// Lines that were found; see [`Tree::search`]. It ends after the first error.
#[derive(Debug)]
pub struct Search {
    walk: Walk,
    regex: Regex,
    lines: Option<Lines>,
    shared: Arc<Shared>,
}

impl Search {
    fn next_match(&mut self) -> Result<Option<Match>, TreeError> {
        loop {
            if let Some(lines) = &mut self.lines {
                if let Some(found) = lines.next_match(&self.regex, &self.shared)? {
                    return Ok(Some(found));
                }
                self.lines = None;
            }
            let Some((path, found)) = self.walk.next_found()? else {
                return Ok(None);
            };
            self.lines = found.as_file().map(|content| Lines::of(path, content.clone()));
        }
    }
}

impl Iterator for Search {
    type Item = Result<Match, TreeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_match();
        if next.is_err() {
            self.lines = None;
            self.walk.stop();
        }
        next.transpose()
    }
}

/// The lines of a file, of which a piece and a line at most are in memory.
#[derive(Debug)]
struct Lines {
    path: TreePath,
    content: Content,
    /// What was read from the file and not yet looked at, from `start` on.
    buffer: Vec<u8>,
    start: usize,
    /// Where in the file the buffer begins.
    offset: u64,
    line: u64,
    /// Whether a line begins at `start`, and not the rest of one that was cut.
    is_new: bool,
}

impl Lines {
    fn of(path: TreePath, content: Content) -> Self {
        Self { path, content, buffer: Vec::new(), start: 0, offset: 0, line: 0, is_new: true }
    }

    fn next_match(&mut self, regex: &Regex, shared: &Shared) -> Result<Option<Match>, TreeError> {
        while let Some((length, ending)) = self.next_line(shared)? {
            let start = self.start;
            let text = &self.buffer[start..start + length];
            let found = regex.find(text).map(|found| Match {
                path: self.path.clone(),
                line: self.line,
                offset: self.offset + (start + found.start()) as u64,
                length: found.len(),
                text: text.to_vec(),
            });
            self.start += length + ending;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// How long the line is that begins at `start`, and how long its ending.
    fn next_line(&mut self, shared: &Shared) -> Result<Option<(usize, usize)>, TreeError> {
        let line_bytes_max = shared.config.line_bytes_max;
        let mut searched = 0;
        loop {
            let rest = &self.buffer[self.start..];
            let ending = memchr::memchr(b'\n', &rest[searched..]).map(|at| searched + at);
            searched = rest.len();
            let is_whole = ending.is_some() || rest.len() >= line_bytes_max;
            if is_whole || !self.fill(shared)? {
                let rest = self.buffer.len() - self.start;
                if rest == 0 {
                    return Ok(None);
                }
                let length = ending.unwrap_or(rest).min(line_bytes_max);
                self.line += u64::from(self.is_new);
                self.is_new = ending == Some(length);
                return Ok(Some((length, usize::from(ending == Some(length)))));
            }
        }
    }

    /// Reads the next piece behind what is left; whether there was any.
    fn fill(&mut self, shared: &Shared) -> Result<bool, TreeError> {
        self.buffer.drain(..self.start);
        self.offset += self.start as u64;
        self.start = 0;
        let end = self.buffer.len();
        let offset = self.offset + end as u64;
        let more = self.content.len().saturating_sub(offset).min(PIECE_BYTES);
        self.buffer.resize(end + more as usize, 0);
        self.content.read(offset, &mut self.buffer[end..], shared)?;
        Ok(more > 0)
    }
}
