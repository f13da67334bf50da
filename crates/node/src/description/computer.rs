//! [`ComputerTable`]: a RISC-V computer, and what it begins with.

use std::fmt;
use std::net::IpAddr;

use ironloom_core::borsh::{BorshDeserialize, BorshSerialize};
use ironloom_net::topology::{PlanChoice, Size};
use serde::{Deserialize, Deserializer, de};

use super::Content;
use super::connected::connected;

/// How much memory a computer has if nothing is said.
const MEMORY_BYTES: u64 = 128 << 20;

/// What a kernel is told if nothing is said: where its console is.
const COMMAND_LINE: &str = "console=ttyS0";

/// A RISC-V computer, which boots a kernel of its own: Linux, or a program that needs no system.
///
/// ```
/// use ironloom_node::{Description, World};
///
/// let description: Description = r#"
///     [subnets.lan]
///     network = "10.1.0.0/24"
///     [switches.lan]
///     subnet = "lan"
///
///     [computers.big]
///     at = "lan"
///     address = "10.1.0.9"
///     harts = 2
///     memory = "256 MiB"
///     kernel = { from = "vmlinux" }
///     initramfs = { from = "initramfs.cpio" }
///     command_line = "console=ttyS0 quiet"
///     disk = "1 GiB"
/// "#
/// .parse()?;
///
/// let same = World::builder(0)
///     .network("lan", "10.1.0.0/24")
///     .computer("big", |big| {
///         let big = big.at("lan").address([10, 1, 0, 9]).harts(2).memory_mib(256);
///         let big = big.kernel_from("vmlinux").initramfs_from("initramfs.cpio");
///         big.command_line("console=ttyS0 quiet").disk_mib(1024)
///     })
///     .describe()?;
/// assert_eq!(description, same);
/// # Ok::<(), ironloom_node::DescriptionError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Deserialize, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
#[serde(deny_unknown_fields, default)]
pub struct ComputerTable {
    /// What it is connected to; nothing if nothing is said.
    pub at: Option<String>,
    /// Its address; if nothing is said, the next of the subnet that is free. What runs on it has to take it.
    pub address: Option<IpAddr>,
    /// What its link is like; without faults or delay if nothing is said.
    pub plan: Option<PlanChoice>,
    /// Whether it may send from addresses that are not its own.
    pub may_spoof: bool,
    /// How many harts it has; one if nothing is said.
    pub harts: Option<u16>,
    /// How much memory it has; 128 MiB if nothing is said.
    pub memory: Option<Size>,
    /// What it boots: Linux's `Image`, or an ELF file.
    #[serde(deserialize_with = "from_host")]
    pub kernel: Option<Content>,
    /// The kernel's initial file system.
    #[serde(deserialize_with = "from_host")]
    pub initramfs: Option<Content>,
    /// What the kernel is told; `console=ttyS0` if nothing is said.
    pub command_line: Option<String>,
    /// Its disk; none if nothing is said.
    pub disk: Option<DiskTable>,
    /// Whether it is off until somebody starts it.
    pub is_off: bool,
    /// What its address is called by others, in full: `www.example`.
    pub name: Option<String>,
}

/// A disk: so many zeroes, or what it holds at first.
///
/// ```toml
/// disk = "1 GiB"
/// disk = { from = "disk.img" }
/// ```
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub enum DiskTable {
    /// So many zeroes.
    Empty(Size),
    /// This, and zeroes up to the end of the last sector.
    Image(Content),
}

impl ComputerTable {
    connected!();

    /// The same with so many harts.
    #[must_use]
    pub const fn harts(mut self, harts: u16) -> Self {
        self.harts = Some(harts);
        self
    }

    /// The same with so many mebibytes of memory.
    #[must_use]
    pub const fn memory_mib(mut self, mebibytes: u32) -> Self {
        self.memory = Some(mib(mebibytes));
        self
    }

    /// The same with a kernel: the bytes of Linux's `Image`, or of an ELF file.
    #[must_use]
    pub fn kernel(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.kernel = Some(Content::Bytes(bytes.into()));
        self
    }

    /// The same with the kernel in a file of the host.
    #[must_use]
    pub fn kernel_from(mut self, path: impl Into<String>) -> Self {
        self.kernel = Some(Content::Host(path.into()));
        self
    }

    /// The same with an initial file system: the bytes of an archive.
    #[must_use]
    pub fn initramfs(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.initramfs = Some(Content::Bytes(bytes.into()));
        self
    }

    /// The same with the initial file system in a file of the host.
    #[must_use]
    pub fn initramfs_from(mut self, path: impl Into<String>) -> Self {
        self.initramfs = Some(Content::Host(path.into()));
        self
    }

    /// The same with a kernel that is told this.
    #[must_use]
    pub fn command_line(mut self, line: impl Into<String>) -> Self {
        self.command_line = Some(line.into());
        self
    }

    /// The same with an empty disk of so many mebibytes.
    #[must_use]
    pub fn disk_mib(mut self, mebibytes: u32) -> Self {
        self.disk = Some(DiskTable::Empty(mib(mebibytes)));
        self
    }

    /// The same with a disk that holds this at first.
    #[must_use]
    pub fn disk(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.disk = Some(DiskTable::Image(Content::Bytes(bytes.into())));
        self
    }

    /// The same without its contents, which are elsewhere, and connected so.
    pub(crate) fn without_contents(&self, at: Option<String>, address: Option<IpAddr>) -> Self {
        Self {
            at,
            address,
            plan: self.plan.clone(),
            may_spoof: self.may_spoof,
            harts: self.harts,
            memory: self.memory,
            command_line: self.command_line.clone(),
            name: self.name.clone(),
            ..Self::default()
        }
    }

    pub(crate) fn harts_there(&self) -> u16 {
        self.harts.unwrap_or(1)
    }

    pub(crate) fn memory_bytes(&self) -> u64 {
        self.memory.map_or(MEMORY_BYTES, |size| size.0)
    }

    pub(crate) fn command_line_there(&self) -> &str {
        self.command_line.as_deref().unwrap_or(COMMAND_LINE)
    }

    /// What is in it that may be in a file of the host, by the names of the fields.
    pub(super) fn contents_mut(&mut self) -> impl Iterator<Item = (&'static str, &mut Content)> {
        let disk = self.disk.as_mut().and_then(|disk| match disk {
            DiskTable::Image(content) => Some(content),
            DiskTable::Empty(_) => None,
        });
        let all = [("kernel", self.kernel.as_mut()), ("initramfs", self.initramfs.as_mut()), ("disk", disk)];
        all.into_iter().filter_map(|(field, content)| Some((field, content?)))
    }
}

const fn mib(mebibytes: u32) -> Size {
    Size((mebibytes as u64) << 20)
}

/// What is in a file of the host, in the words of TOML.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    from: String,
}

fn from_host<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Content>, D::Error> {
    let words = Words::deserialize(deserializer)?;
    Ok(Some(Content::Host(words.from)))
}

impl<'de> Deserialize<'de> for DiskTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DiskVisitor)
    }
}

/// Tells a size from a table by what it meets, so that what is wrong in the table is told with its line.
struct DiskVisitor;

impl<'de> de::Visitor<'de> for DiskVisitor {
    type Value = DiskTable;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a size such as `1 GiB`, or a table with `from`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<DiskTable, E> {
        text.parse().map(DiskTable::Empty).map_err(E::custom)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<DiskTable, A::Error> {
        let words = Words::deserialize(de::value::MapAccessDeserializer::new(map))?;
        Ok(DiskTable::Image(Content::Host(words.from)))
    }
}
