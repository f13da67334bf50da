//! [`Environment`]: names and values that processes hand to their children.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::Errno;

/// The environment of a process, shared with its children until one of them changes it.
///
/// # Examples
///
/// ```
/// use ironloom_vm::os::{Environment, Errno};
///
/// let mut parent = Environment::default();
/// parent.set(b"HOME", b"/root")?;
/// let mut child = parent.clone();
/// child.set(b"HOME", b"/home/user")?;
/// assert_eq!(parent.value(b"HOME"), Some(&b"/root"[..]));
/// # Ok::<(), Errno>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Environment {
    /// Sorted by name. Without an entry there is no allocation.
    entries: Option<Arc<Vec<Entry>>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// `NAME=value`.
    text: Box<[u8]>,
    name_bytes: u32,
}

impl Entry {
    fn name(&self) -> &[u8] {
        &self.text[..self.name_bytes as usize]
    }

    fn value(&self) -> &[u8] {
        &self.text[self.name_bytes as usize + 1..]
    }
}

impl Environment {
    /// How many names it has at most.
    pub const NAMES_MAX: usize = 512;
    /// How many bytes it has at most, names and values together.
    pub const BYTES_MAX: usize = 64 * 1024;

    /// The value of a name.
    #[must_use]
    pub fn value(&self, name: &[u8]) -> Option<&[u8]> {
        let entries = self.entries.as_ref()?;
        self.position(name).ok().map(|at| entries[at].value())
    }

    /// Names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.entries.iter().flat_map(|entries| entries.iter()).map(|entry| (entry.name(), entry.value()))
    }

    /// The entries as `NAME=value`, sorted by name.
    pub fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.entries.iter().flat_map(|entries| entries.iter()).map(|entry| &entry.text[..])
    }

    /// How many names it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.as_ref().map_or(0, |entries| entries.len())
    }

    /// Whether it has no names.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gives a name a value.
    ///
    /// # Errors
    ///
    /// [`Errno::Invalid`] if the name is empty or has a `=`, or either has a NUL; [`Errno::NoMemory`] if it would be
    /// too much.
    pub fn set(&mut self, name: &[u8], value: &[u8]) -> Result<(), Errno> {
        if name.is_empty() || name.contains(&b'=') || name.contains(&0) || value.contains(&0) {
            return Err(Errno::Invalid);
        }
        let entry_bytes = name.len().saturating_add(value.len()).saturating_add(1);
        let position = self.position(name);
        let replaced = position.map_or(0, |at| self.texts().nth(at).map_or(0, <[u8]>::len));
        let bytes = self.texts().map(<[u8]>::len).sum::<usize>() - replaced;
        if bytes.saturating_add(entry_bytes) > Self::BYTES_MAX
            || (position.is_err() && self.len() >= Self::NAMES_MAX)
        {
            return Err(Errno::NoMemory);
        }
        let entry = Entry { text: [name, b"=", value].concat().into(), name_bytes: name.len() as u32 };
        let entries = Arc::make_mut(self.entries.get_or_insert_default());
        match position {
            Ok(at) => entries[at] = entry,
            Err(at) => entries.insert(at, entry),
        }
        Ok(())
    }

    /// Takes a name out, if it is there.
    pub fn remove(&mut self, name: &[u8]) {
        let (Ok(at), Some(entries)) = (self.position(name), &mut self.entries) else { return };
        Arc::make_mut(entries).remove(at);
        if entries.is_empty() {
            self.entries = None;
        }
    }

    /// Where a name is, or would be.
    fn position(&self, name: &[u8]) -> Result<usize, usize> {
        let entries = self.entries.as_ref().map_or(&[][..], |entries| &entries[..]);
        entries.binary_search_by(|entry| entry.name().cmp(name))
    }
}
