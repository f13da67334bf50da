//! [`DeviceTree`]: a flattened device tree that somebody else has made.

use thiserror::Error;

const MAGIC: u32 = 0xD00D_FEED;
const HEADER_BYTES: usize = 40;
/// The version that is written since 2005, and the one that readers of it understand.
const VERSION: u32 = 17;
const VERSION_READABLE: u32 = 16;

const BEGIN_NODE: u32 = 1;
const END_NODE: u32 = 2;
const PROPERTY: u32 = 3;
const NOTHING: u32 = 4;
const END: u32 = 9;

/// How deep nodes may be in each other.
const DEPTH_MAX: usize = 64;

/// A device tree cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DeviceTreeError {
    /// It ends too early.
    #[error("device tree has {bytes} bytes and needs {needed}")]
    Short {
        /// How many bytes there are.
        bytes: usize,
        /// How many there should be.
        needed: u64,
    },
    /// It does not begin as device trees do.
    #[error("device tree begins with {found:#010x}")]
    Magic {
        /// How it begins.
        found: u32,
    },
    /// It is of another version.
    #[error("device tree has version {found}")]
    Version {
        /// What it says.
        found: u32,
    },
    /// A part of it is not where it should be, or not what it should be.
    #[error("device tree is malformed at byte {at}")]
    Malformed {
        /// Where it went wrong.
        at: usize,
    },
    /// Its nodes are too deep in each other.
    #[error("nodes of the device tree are more than {DEPTH_MAX} deep")]
    Deep,
}

/// A flattened device tree, of which all lengths are right.
#[derive(Debug, Clone, Copy)]
pub struct DeviceTree<'a> {
    bytes: &'a [u8],
    structure: &'a [u8],
    strings: &'a [u8],
}

/// A part of a device tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// A node begins.
    Begin {
        /// Its name; that of the root is empty.
        name: &'a str,
    },
    /// The node ends that was begun last.
    End,
    /// A property of the node that was begun last.
    Property {
        /// Its name.
        name: &'a str,
        /// What it says.
        value: &'a [u8],
    },
}

impl<'a> DeviceTree<'a> {
    /// Looks at every part of a tree once; what follows it is not a part of it.
    ///
    /// # Errors
    ///
    /// If a length, a name or the order of its parts is wrong.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DeviceTreeError> {
        let short = |needed| DeviceTreeError::Short { bytes: bytes.len(), needed };
        let header = bytes.get(..HEADER_BYTES).ok_or(short(HEADER_BYTES as u64))?;
        let field = |index: usize| word(header, index * 4).unwrap_or(0);
        if field(0) != MAGIC {
            return Err(DeviceTreeError::Magic { found: field(0) });
        }
        let total = field(1);
        let bytes = bytes.get(..total as usize).ok_or(short(u64::from(total)))?;
        if field(5) < VERSION || field(6) > VERSION_READABLE {
            return Err(DeviceTreeError::Version { found: field(5) });
        }
        let part = |first: u32, length: u32| {
            let (first, length) = (first as usize, length as usize);
            let end = first.checked_add(length);
            end.and_then(|end| bytes.get(first..end)).ok_or(DeviceTreeError::Malformed { at: first })
        };
        let structure = part(field(2), field(9))?;
        let strings = part(field(3), field(8))?;
        if field(2) % 4 != 0 {
            return Err(DeviceTreeError::Malformed { at: field(2) as usize });
        }
        let tree = Self { bytes, structure, strings };
        tree.check()?;
        Ok(tree)
    }

    /// Its bytes, without what followed them.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Its parts, in order.
    pub fn items(&self) -> impl Iterator<Item = Item<'a>> + use<'a> {
        let (tree, mut at) = (*self, 0);
        std::iter::from_fn(move || tree.next(&mut at).ok().flatten())
    }

    /// A property of a node, which is named by its path: `/soc/serial@10000000`.
    #[must_use]
    pub fn property(&self, path: &str, property: &str) -> Option<&'a [u8]> {
        let wanted: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
        // How deep we are, and how many names of the path lead there.
        let (mut depth, mut matched) = (0, 0);
        for item in self.items() {
            match item {
                Item::Begin { name } => {
                    depth += 1;
                    if depth >= 2 && matched == depth - 2 && wanted.get(matched) == Some(&name) {
                        matched += 1;
                    }
                }
                Item::End => {
                    matched = matched.min(usize::saturating_sub(depth, 2));
                    depth -= 1;
                }
                Item::Property { name, value } => {
                    if depth == matched + 1 && matched == wanted.len() && name == property {
                        return Some(value);
                    }
                }
            }
        }
        None
    }

    /// Looks at every part, and at the order they are in.
    fn check(&self) -> Result<(), DeviceTreeError> {
        let (mut at, mut depth) = (0, 0);
        loop {
            let before = at;
            let malformed = DeviceTreeError::Malformed { at: before };
            match self.next(&mut at)? {
                Some(Item::Begin { .. }) if depth == DEPTH_MAX => return Err(DeviceTreeError::Deep),
                Some(Item::Begin { .. }) if depth == 0 && before != 0 => return Err(malformed),
                Some(Item::Begin { .. }) => depth += 1,
                Some(_) if depth == 0 => return Err(malformed),
                Some(Item::End) => depth -= 1,
                Some(Item::Property { .. }) => {}
                None if depth == 0 && before != 0 => return Ok(()),
                None => return Err(malformed),
            }
        }
    }

    /// The part at a place, and the place of the next one; `None` at the end.
    fn next(&self, at: &mut usize) -> Result<Option<Item<'a>>, DeviceTreeError> {
        loop {
            let malformed = DeviceTreeError::Malformed { at: *at };
            let token = word(self.structure, *at).ok_or(malformed)?;
            *at += 4;
            return Ok(Some(match token {
                NOTHING => continue,
                END => return Ok(None),
                END_NODE => Item::End,
                BEGIN_NODE => {
                    let name = text(self.structure, *at).ok_or(malformed)?;
                    *at = (*at + name.len() + 1).next_multiple_of(4);
                    Item::Begin { name }
                }
                PROPERTY => {
                    let length = word(self.structure, *at).ok_or(malformed)? as usize;
                    let name = word(self.structure, *at + 4).ok_or(malformed)? as usize;
                    let first = *at + 8;
                    let end = first.checked_add(length).ok_or(malformed)?;
                    let value = self.structure.get(first..end).ok_or(malformed)?;
                    *at = end.checked_next_multiple_of(4).ok_or(malformed)?;
                    Item::Property { name: text(self.strings, name).ok_or(malformed)?, value }
                }
                _ => return Err(malformed),
            }));
        }
    }
}

/// The big-endian word at a place.
fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The text at a place, which ends with a zero byte.
fn text(bytes: &[u8], at: usize) -> Option<&str> {
    let rest = bytes.get(at..)?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    std::str::from_utf8(&rest[..end]).ok()
}
