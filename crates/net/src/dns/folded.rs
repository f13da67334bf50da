//! [`Folded`]: a name as tables are keyed by it.
//!
//! The bytes are those of the wire without compression, in lower case: each label behind its length, the root's zero
//! last. So the parent of a name is a tail of its bytes, and walking up a tree of names costs no allocation.

use std::fmt;

use hickory_proto::rr::Name;

/// How many bytes a name has on the wire at most (RFC 1035, section 2.3.4).
const NAME_BYTES_MAX: usize = 255;

/// A name in lower case, on the stack.
#[derive(Clone, Copy)]
pub(crate) struct Folded {
    bytes: [u8; NAME_BYTES_MAX],
    len: u8,
}

impl Folded {
    /// A name, whether or not it says that it is fully qualified.
    pub(crate) fn of(name: &Name) -> Self {
        let mut bytes = [0; NAME_BYTES_MAX];
        let mut len = 0;
        for label in name {
            let end = len + 1 + label.len();
            bytes[len] = label.len() as u8;
            bytes[len + 1..end].copy_from_slice(label);
            bytes[len + 1..end].make_ascii_lowercase();
            len = end;
        }
        // `Name` never holds more than 255 bytes with its root, and the root's zero is there already.
        Self { bytes, len: len as u8 + 1 }
    }

    /// The bytes that tables are keyed by.
    #[inline]
    pub(crate) fn key(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl fmt::Debug for Folded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&unfold(self.key()), f)
    }
}

/// A key and those of all domains above it, the root last.
pub(crate) fn upwards(key: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::successors(Some(key), |key| parent(key))
}

/// The key of the domain right above; `None` above the root.
#[inline]
pub(crate) fn parent(key: &[u8]) -> Option<&[u8]> {
    match key.first() {
        None | Some(0) => None,
        Some(label) => key.get(1 + usize::from(*label)..),
    }
}

/// Whether a key is that of a domain or of something within it.
#[inline]
pub(crate) fn is_within(key: &[u8], domain: &[u8]) -> bool {
    key.ends_with(domain) && upwards(key).any(|above| above.len() == domain.len())
}

/// Whether the first label of a key is `*`.
pub(crate) fn is_wildcard(key: &[u8]) -> bool {
    key.starts_with(b"\x01*")
}

/// The key of what a domain says of names that do not exist in it; `None` if no name is that long.
pub(crate) fn wildcard_of(domain: &[u8]) -> Option<Vec<u8>> {
    (domain.len() + 2 <= NAME_BYTES_MAX).then(|| [b"\x01*", domain].concat())
}

/// The name that a key stands for.
pub(crate) fn unfold(key: &[u8]) -> Name {
    let labels = upwards(key).filter_map(|key| {
        let len = usize::from(*key.first()?);
        key.get(1..=len).filter(|label| !label.is_empty())
    });
    Name::from_labels(labels).expect("a key is made of a name")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> Folded {
        Folded::of(&Name::from_ascii(text).unwrap())
    }

    #[test]
    fn folds_case_and_unfolds() {
        let name = folded("WwW.Example.ORG.");
        assert_eq!(name.key(), b"\x03www\x07example\x03org\0");
        assert_eq!(unfold(name.key()).to_string(), "www.example.org.");
        assert_eq!(folded(".").key(), b"\0");
        assert!(unfold(b"\0").is_root());
    }

    #[test]
    fn walks_up_to_the_root() {
        let name = folded("a.b.c.");
        let all: Vec<_> = upwards(name.key()).collect();
        assert_eq!(all, [&b"\x01a\x01b\x01c\0"[..], b"\x01b\x01c\0", b"\x01c\0", b"\0"]);
    }

    /// The tail of a label is not a domain, whatever its bytes look like.
    #[test]
    fn is_within_whole_labels_only() {
        let org = folded("org.");
        assert!(is_within(folded("example.org.").key(), org.key()));
        assert!(is_within(org.key(), org.key()));
        assert!(is_within(org.key(), b"\0"));
        assert!(!is_within(folded("xorg.").key(), org.key()));
        let tricky = Name::from_labels([&b"a\x03org"[..]]).unwrap();
        assert!(!is_within(Folded::of(&tricky).key(), org.key()));
    }

    #[test]
    fn the_longest_name_fits() {
        let labels = [vec![b'A'; 63], vec![b'b'; 63], vec![b'c'; 63], vec![b'd'; 61]];
        let name = Name::from_labels(labels.iter().map(Vec::as_slice)).unwrap();
        let folded = Folded::of(&name);
        assert_eq!(folded.key().len(), 255);
        assert_eq!(unfold(folded.key()), name);
        assert!(wildcard_of(folded.key()).is_none());
    }
}
