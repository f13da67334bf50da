//! [`FileTable`]: a file as people describe it.

use std::fmt;

use ironloom_core::borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, de};

/// A file: a text, or a table that says more.
///
/// ```toml
/// "/etc/motd" = "hello"
/// "/bin/work" = { from = "work.luau", mode = 0o755 }
/// "/etc/secret" = { text = "tangerine-7", mode = 0o600, owner = 1000 }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub struct FileTable {
    /// What is in it.
    pub content: Content,
    /// Its permission bits; 644, and 755 for what is in a directory `bin`, if nothing is said.
    pub mode: Option<u16>,
    /// The number of the user whose it is; root if nothing is said.
    pub owner: Option<u32>,
}

/// What is in a file.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub enum Content {
    /// These bytes.
    Bytes(Vec<u8>),
    /// What is in a file of the host, whose path is relative to the description;
    /// [`Description::load`](super::Description::load) puts the bytes in its place.
    Host(String),
}

impl FileTable {
    /// What is in a file of the host.
    pub fn host(path: impl Into<String>) -> Self {
        Self { content: Content::Host(path.into()), mode: None, owner: None }
    }

    /// The same with these permission bits.
    #[must_use]
    pub const fn mode(mut self, mode: u16) -> Self {
        self.mode = Some(mode);
        self
    }

    /// The same, of a user.
    #[must_use]
    pub const fn owner(mut self, uid: u32) -> Self {
        self.owner = Some(uid);
        self
    }
}

impl<T: Into<Vec<u8>>> From<T> for FileTable {
    fn from(content: T) -> Self {
        Self { content: Content::Bytes(content.into()), mode: None, owner: None }
    }
}

/// A file, in the words of TOML.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    text: Option<String>,
    from: Option<String>,
    mode: Option<u16>,
    owner: Option<u32>,
}

impl<'de> Deserialize<'de> for FileTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FileVisitor)
    }
}

/// Tells a text from a table by what it meets, so that what is wrong in the table is told with its line.
struct FileVisitor;

impl<'de> de::Visitor<'de> for FileVisitor {
    type Value = FileTable;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or a table with `text` or `from`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<FileTable, E> {
        Ok(text.into())
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<FileTable, A::Error> {
        let words = Words::deserialize(de::value::MapAccessDeserializer::new(map))?;
        let content = match (words.text, words.from) {
            (Some(text), None) => Content::Bytes(text.into_bytes()),
            (None, Some(path)) => Content::Host(path),
            _ => return Err(de::Error::custom("a file has either `text` or `from`")),
        };
        Ok(FileTable { content, mode: words.mode, owner: words.owner })
    }
}
