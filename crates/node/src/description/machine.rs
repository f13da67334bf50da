//! [`MachineTable`] and [`ImageTable`]: what is on a machine.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ironloom_core::borsh::{BorshDeserialize, BorshSerialize};
use ironloom_net::topology::{PlanChoice, Size};
use ironloom_vm::Heap;
use serde::Deserialize;

use super::FileTable;
use super::connected::connected;

/// What machines begin with: another image, and what is laid over it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
#[serde(deny_unknown_fields, default)]
pub struct ImageTable {
    /// The image below; `base` if nothing is said.
    pub from: Option<String>,
    /// Files, by path.
    pub files: BTreeMap<String, FileTable>,
    /// Users, by name.
    pub users: BTreeMap<String, UserTable>,
    /// Programs with their arguments that are started when a machine is switched on.
    pub runs: Vec<String>,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
#[serde(deny_unknown_fields)]
pub struct UserTable {
    /// The number, of the user and of a group.
    pub uid: u32,
    /// What the user logs in with; who has none cannot.
    pub password: Option<String>,
}

/// A machine, or several alike.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
#[serde(deny_unknown_fields, default)]
pub struct MachineTable {
    /// What it is connected to; nothing if nothing is said.
    pub at: Option<String>,
    /// Its address; if nothing is said, the next of the subnet that is free.
    pub address: Option<IpAddr>,
    /// What its link is like; without faults or delay if nothing is said.
    pub plan: Option<PlanChoice>,
    /// How many there are: their names are numbered, beginning with 1.
    pub count: Option<u32>,
    /// Whether it may send from addresses that are not its own.
    pub may_spoof: bool,
    /// What it begins with; `base` if nothing is said.
    pub image: Option<String>,
    /// Files, by path.
    pub files: BTreeMap<String, FileTable>,
    /// Users, by name.
    pub users: BTreeMap<String, UserTable>,
    /// Programs with their arguments that are started when it is switched on.
    pub runs: Vec<String>,
    /// Whether it is off until somebody starts it.
    pub is_off: bool,
    /// Where its scripts live.
    pub heap: HeapName,
    /// How many cores it has: each does so much in a window.
    pub cores: Option<u16>,
    /// How much memory its scripts may take.
    pub memory: Option<Size>,
    /// How much there may be in its files.
    pub disk: Option<Size>,
    /// What its address is called by others, in full: `www.example`.
    pub name: Option<String>,
}

/// Where the scripts of a machine live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
#[serde(rename_all = "lowercase")]
pub enum HeapName {
    /// Apart, with an exact limit: for those who are not trusted.
    #[default]
    Own,
    /// With those of up to 254 others, which takes little memory.
    Cell,
}

impl HeapName {
    pub(crate) const fn heap(self) -> Heap {
        match self {
            Self::Own => Heap::Own,
            Self::Cell => Heap::Cell,
        }
    }
}

/// What an image and a machine both have.
macro_rules! contents {
    () => {
        /// The same with a file.
        #[must_use]
        pub fn file(mut self, path: impl Into<String>, file: impl Into<FileTable>) -> Self {
            self.files.insert(path.into(), file.into());
            self
        }

        /// The same with a user, who cannot log in.
        #[must_use]
        pub fn user(mut self, name: impl Into<String>, uid: u32) -> Self {
            self.users.insert(name.into(), UserTable { uid, password: None });
            self
        }

        /// The same with a user who logs in with a password.
        #[must_use]
        pub fn login(mut self, name: impl Into<String>, uid: u32, password: impl Into<String>) -> Self {
            self.users.insert(name.into(), UserTable { uid, password: Some(password.into()) });
            self
        }

        /// The same with a program that is started when a machine is switched on, with its arguments.
        #[must_use]
        pub fn runs(mut self, line: impl Into<String>) -> Self {
            self.runs.push(line.into());
            self
        }
    };
}

impl ImageTable {
    contents!();

    /// The same, laid over another image.
    #[must_use]
    pub fn from(mut self, image: impl Into<String>) -> Self {
        self.from = Some(image.into());
        self
    }
}

impl MachineTable {
    contents!();
    connected!();

    /// So many of the same.
    #[must_use]
    pub const fn count(mut self, count: u32) -> Self {
        self.count = Some(count);
        self
    }

    /// The same, beginning with an image.
    #[must_use]
    pub fn image(mut self, image: impl Into<String>) -> Self {
        self.image = Some(image.into());
        self
    }

    /// The same with scripts that live with those of others, which takes little memory.
    #[must_use]
    pub const fn in_cell(mut self) -> Self {
        self.heap = HeapName::Cell;
        self
    }

    /// The same with so much memory for its scripts.
    #[must_use]
    pub const fn memory_bytes(mut self, bytes: u64) -> Self {
        self.memory = Some(Size(bytes));
        self
    }
}
