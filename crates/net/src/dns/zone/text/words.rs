//! [`Lines`]: a master file as entries of words.
//!
//! An entry is a line, or several if parentheses hold them together. Words are cut out of the text without being
//! copied; backslashes are resolved only by who knows whether a word is a name or a text.

use std::fmt::Write as _;

use hickory_proto::rr::Name;

use super::{ZoneTextError, ZoneTextProblem};

/// One record or directive.
pub(super) struct Entry<'a> {
    /// The line in which it begins.
    pub(super) line: u32,
    /// Whether it begins with a name, or a directive, rather than with a space.
    pub(super) has_owner: bool,
    /// At least one.
    pub(super) words: Vec<Word<'a>>,
}

/// A word, without its quotation marks and with its backslashes.
pub(super) struct Word<'a> {
    pub(super) text: &'a [u8],
    pub(super) is_quoted: bool,
}

/// The entries of a text, in order.
pub(super) struct Lines<'a> {
    rest: &'a [u8],
    line: u32,
    words_max: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a [u8], words_max: usize) -> Self {
        Self { rest: text, line: 1, words_max }
    }

    /// The line that comes next.
    pub(super) fn line(&self) -> u32 {
        self.line
    }

    /// The next entry that has words.
    pub(super) fn next(&mut self) -> Result<Option<Entry<'a>>, ZoneTextError> {
        while !self.rest.is_empty() {
            let entry = self.entry().map_err(|problem| ZoneTextError { line: self.line, problem })?;
            if !entry.words.is_empty() {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    fn entry(&mut self) -> Result<Entry<'a>, ZoneTextProblem> {
        let has_owner = !matches!(self.rest.first(), Some(b' ' | b'\t'));
        let mut entry = Entry { line: self.line, has_owner, words: Vec::new() };
        let mut is_open = false;
        while let Some((&byte, rest)) = self.rest.split_first() {
            match byte {
                b'\n' => {
                    self.rest = rest;
                    self.line = self.line.saturating_add(1);
                    if !is_open {
                        return Ok(entry);
                    }
                }
                b' ' | b'\t' | b'\r' => self.rest = rest,
                b';' => self.skip_comment(),
                b'(' | b')' if is_open == (byte == b'(') => return Err(ZoneTextProblem::Parenthesis),
                b'(' | b')' => {
                    is_open = byte == b'(';
                    self.rest = rest;
                }
                _ if entry.words.len() >= self.words_max => {
                    return Err(ZoneTextProblem::TooManyWords { words_max: self.words_max });
                }
                _ => entry.words.push(self.word()?),
            }
        }
        if is_open { Err(ZoneTextProblem::Parenthesis) } else { Ok(entry) }
    }

    fn skip_comment(&mut self) {
        let end = self.rest.iter().position(|byte| *byte == b'\n').unwrap_or(self.rest.len());
        self.rest = &self.rest[end..];
    }

    /// The word that begins here.
    fn word(&mut self) -> Result<Word<'a>, ZoneTextProblem> {
        let is_quoted = self.rest.first() == Some(&b'"');
        let from = usize::from(is_quoted);
        let mut end = from;
        loop {
            match self.rest.get(end) {
                Some(b'\\') => {
                    let next = self.rest.get(end + 1).filter(|next| **next != b'\n');
                    next.ok_or(ZoneTextProblem::Escape)?;
                    end += 2;
                }
                None | Some(b'\n') if is_quoted => return Err(ZoneTextProblem::OpenQuote),
                Some(b'"') if is_quoted => break,
                None | Some(b' ' | b'\t' | b'\r' | b'\n' | b';' | b'(' | b')' | b'"') if !is_quoted => break,
                _ => end += 1,
            }
        }
        let text = &self.rest[from..end];
        self.rest = &self.rest[end + usize::from(is_quoted)..];
        Ok(Word { text, is_quoted })
    }
}

impl Word<'_> {
    /// For those who read errors.
    pub(super) fn show(&self) -> String {
        const CHARACTERS_MAX: usize = 64;
        String::from_utf8_lossy(self.text).chars().take(CHARACTERS_MAX).collect()
    }

    /// The bytes that it stands for.
    pub(super) fn unescaped(&self) -> Result<Vec<u8>, ZoneTextProblem> {
        let mut bytes = Vec::with_capacity(self.text.len());
        let mut rest = self.text;
        while let Some((byte, _)) = next_byte(&mut rest)? {
            bytes.push(byte);
        }
        Ok(bytes)
    }

    /// The labels of a name, and whether it ends with a dot; `None` if it is no name.
    #[expect(clippy::type_complexity, reason = "two values that one caller takes apart at once")]
    pub(super) fn labels(&self) -> Result<Option<(Vec<Vec<u8>>, bool)>, ZoneTextProblem> {
        if self.text == b"." {
            return Ok(Some((Vec::new(), true)));
        }
        let (mut labels, mut label) = (Vec::new(), Vec::new());
        let mut rest = self.text;
        while let Some((byte, is_escaped)) = next_byte(&mut rest)? {
            if byte != b'.' || is_escaped {
                label.push(byte);
            } else if label.is_empty() {
                return Ok(None);
            } else {
                labels.push(std::mem::take(&mut label));
            }
        }
        let is_whole = label.is_empty();
        if !is_whole {
            labels.push(label);
        }
        Ok((!labels.is_empty()).then_some((labels, is_whole)))
    }
}

/// The next byte that a text with backslashes stands for, and whether a backslash was before it.
fn next_byte(rest: &mut &[u8]) -> Result<Option<(u8, bool)>, ZoneTextProblem> {
    let (byte, is_escaped, used) = match **rest {
        [] => return Ok(None),
        [b'\\', a @ b'0'..=b'9', b, c, ..] if b.is_ascii_digit() && c.is_ascii_digit() => {
            let digit = |byte: u8| u16::from(byte - b'0');
            let number = u8::try_from(digit(a) * 100 + digit(b) * 10 + digit(c));
            (number.map_err(|_| ZoneTextProblem::Escape)?, true, 4)
        }
        [b'\\', b'0'..=b'9', ..] | [b'\\'] => return Err(ZoneTextProblem::Escape),
        [b'\\', byte, ..] => (byte, true, 2),
        [byte, ..] => (byte, false, 1),
    };
    *rest = &rest[used..];
    Ok(Some((byte, is_escaped)))
}

/// A name as it is written in a master file.
pub(super) fn shown(name: &Name) -> String {
    let mut text = String::new();
    for label in name {
        label.iter().for_each(|byte| write_byte(&mut text, *byte, b".@$;()\"\\ "));
        text.push('.');
    }
    if text.is_empty() {
        text.push('.');
    }
    text
}

/// A text as it is written in a master file.
pub(super) fn quoted(bytes: &[u8]) -> String {
    let mut text = String::from('"');
    bytes.iter().for_each(|byte| write_byte(&mut text, *byte, b"\"\\"));
    text.push('"');
    text
}

fn write_byte(text: &mut String, byte: u8, special: &[u8]) {
    match byte {
        byte if special.contains(&byte) && byte != b' ' => {
            text.push('\\');
            text.push(char::from(byte));
        }
        b' '..=b'~' if !special.contains(&byte) => text.push(char::from(byte)),
        byte => write!(text, "\\{byte:03}").expect("strings take everything"),
    }
}
