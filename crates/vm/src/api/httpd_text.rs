//! How `httpd.serve` finds the file for a path, and what it says of it: the part that looks at no files.

#[cfg(test)]
mod tests;

use super::http_text::path_of;

/// Where to look for what a path asks for, below the root.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The directory, without a `/` at its ends; empty for the root.
    pub(crate) directory: Vec<u8>,
    /// The name of the file.
    pub(crate) name: Vec<u8>,
}

/// What is shown instead of a file that there is not, in the order in which it is looked for.
pub(crate) const NOT_FOUND: [&str; 3] = ["404.ntml", "404.html", "404.txt"];

/// The name of the file that stands for its directory, without what follows the dot.
const INDEX: &[u8] = b"index";

impl Wanted {
    /// What a path asks for; `None` if that cannot be a file below the root.
    ///
    /// A path that ends in `/` asks for the index there. `%41` means `A`.
    pub(crate) fn of(path: &[u8]) -> Option<Self> {
        let path = unescape(&path_of(path))?;
        let mut parts: Vec<&[u8]> = Vec::new();
        let mut is_directory = true;
        for part in path.split(|byte| *byte == b'/') {
            is_directory = matches!(part, b"" | b".");
            match part {
                b"" | b"." => {}
                b".." => return None,
                _ => parts.push(part),
            }
        }
        if path.contains(&0) {
            return None;
        }
        let name = if is_directory { None } else { parts.pop() };
        Some(Self { directory: parts.join(&b'/'), name: name.unwrap_or(INDEX).to_vec() })
    }

    /// Whether this is the name that is wanted: itself, or, if what is wanted has no dot, with something behind a dot.
    pub(crate) fn is_met_by(&self, name: &[u8]) -> bool {
        if self.name.contains(&b'.') {
            return self.name == name;
        }
        let dot = name.iter().rposition(|byte| *byte == b'.').unwrap_or(name.len());
        name[..dot] == self.name
    }

    /// The file among those of the directory; none if several could be meant.
    pub(crate) fn choose<'a>(&self, names: impl IntoIterator<Item = &'a [u8]>) -> Option<&'a [u8]> {
        let mut met = names.into_iter().filter(|name| self.is_met_by(name));
        let first = met.next()?;
        met.next().is_none().then_some(first)
    }
}

/// The bytes that a path means; `None` if a `%` is not followed by two digits.
fn unescape(path: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let [high, low, after @ ..] = after else { return None };
        bytes.push((digit(*high)? * 16 + digit(*low)?) as u8);
        rest = after;
    }
    Some(bytes)
}
