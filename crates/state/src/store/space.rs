//! [`Space`]: the name of a sorted map in a store.

use std::fmt;

/// The name of a key space: lower-case letters, digits, dots and dashes, up to 64 of them.
///
/// ```
/// use ironloom_state::Space;
///
/// const LEASES: Space = Space::new("node.leases");
/// assert_eq!(LEASES.to_string(), "node.leases");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Space {
    name: &'static str,
}

impl Space {
    /// The longest name.
    pub const NAME_BYTES_MAX: usize = 64;

    /// The space called `name`; begin it with the name of your crate.
    ///
    /// # Panics
    ///
    /// If the name is empty, too long, or has other characters. In a constant that is an error of compilation.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        let bytes = name.as_bytes();
        assert!(
            !bytes.is_empty() && bytes.len() <= Self::NAME_BYTES_MAX,
            "a space has a name of 1 to 64 bytes"
        );
        let mut index = 0;
        while index < bytes.len() {
            let allowed = matches!(bytes[index], b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-');
            assert!(allowed, "the name of a space is of lower-case letters, digits, dots and dashes");
            index += 1;
        }
        Self { name }
    }

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}
