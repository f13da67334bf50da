//! [`ViewNode`]: a place in `/dev` or `/proc`.

use ironloom_blob::tree::Name;

use crate::os::files::{Caller, Facts, FileKind};
use crate::os::{Credentials, Errno};

use super::{Device, NetworkView, machine, process};

/// A place in `/dev` or `/proc`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::os) enum ViewNode {
    /// `/dev`
    Devices,
    /// `/dev/null` and the like.
    Device(Device),
    /// `/dev/fd`
    OwnDescriptors,
    /// `/proc`
    Processes,
    /// `/proc/self`
    Own,
    /// `/proc/meminfo` and the like.
    Machine(MachineFile),
    /// `/proc/net`
    Network,
    /// `/proc/net/dev` and the like.
    NetworkTable(NetworkView),
    /// `/proc/<pid>`
    Process(u32),
    /// `/proc/<pid>/status` and the like.
    ProcessText(u32, ProcessFile),
    /// `/proc/<pid>/cwd`
    Cwd(u32),
    /// `/proc/<pid>/fd`
    Descriptors(u32),
    /// `/proc/<pid>/fd/<number>`
    Descriptor(u32, u32),
}

/// A file of `/proc` about the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::os) enum MachineFile {
    /// The processor, core by core.
    CpuInfo,
    /// The kinds of file systems.
    FileSystems,
    /// How much there is to do.
    LoadAverage,
    /// The memory.
    MemoryInfo,
    /// What is mounted.
    Mounts,
    /// Since when the machine runs.
    Uptime,
    /// What the system is.
    Version,
}

impl MachineFile {
    const NAMED: [(&'static str, Self); 7] = [
        ("cpuinfo", Self::CpuInfo),
        ("filesystems", Self::FileSystems),
        ("loadavg", Self::LoadAverage),
        ("meminfo", Self::MemoryInfo),
        ("mounts", Self::Mounts),
        ("uptime", Self::Uptime),
        ("version", Self::Version),
    ];
}

/// A file about a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::os) enum ProcessFile {
    /// Its arguments, each with a NUL behind it.
    CommandLine,
    /// Its name.
    Command,
    /// Its environment, for itself and root.
    Environment,
    /// Numbers in a row.
    Stat,
    /// The same for people.
    Status,
}

impl ProcessFile {
    const NAMED: [(&'static str, Self); 5] = [
        ("cmdline", Self::CommandLine),
        ("comm", Self::Command),
        ("environ", Self::Environment),
        ("stat", Self::Stat),
        ("status", Self::Status),
    ];
}

const NETWORK: [(&str, NetworkView); 5] = [
    ("arp", NetworkView::Neighbours),
    ("dev", NetworkView::Interfaces),
    ("route", NetworkView::Routes),
    ("tcp", NetworkView::Tcp),
    ("udp", NetworkView::Udp),
];

impl ViewNode {
    /// What takes the place of the directory with this name in the root.
    pub(in crate::os) fn mounted_at(name: &[u8]) -> Option<Self> {
        match name {
            b"dev" => Some(Self::Devices),
            b"proc" => Some(Self::Processes),
            _ => None,
        }
    }

    pub(in crate::os) fn facts(self, caller: &Caller<'_>) -> Facts {
        let (kind, mode) = match self {
            Self::Devices => (FileKind::Directory, 0o755),
            Self::Device(_) => (FileKind::Device, 0o666),
            Self::Processes | Self::Network | Self::Process(_) => (FileKind::Directory, 0o555),
            Self::Own | Self::OwnDescriptors | Self::Cwd(_) => (FileKind::Symlink, 0o777),
            Self::ProcessText(_, ProcessFile::Environment) => (FileKind::File, 0o400),
            Self::Machine(_) | Self::NetworkTable(_) | Self::ProcessText(..) => (FileKind::File, 0o444),
            Self::Descriptors(_) => (FileKind::Directory, 0o500),
            Self::Descriptor(..) => (FileKind::Symlink, 0o700),
        };
        let owner = self.pid().and_then(|pid| caller.views.owner(pid));
        let (uid, gid) = owner.unwrap_or((0, 0));
        Facts { kind, mode, uid, gid }
    }

    pub(in crate::os) const fn is_directory(self) -> bool {
        matches!(
            self,
            Self::Devices | Self::Processes | Self::Network | Self::Process(_) | Self::Descriptors(_)
        )
    }

    /// The process that it is about.
    const fn pid(self) -> Option<u32> {
        match self {
            Self::Process(pid)
            | Self::ProcessText(pid, _)
            | Self::Cwd(pid)
            | Self::Descriptors(pid)
            | Self::Descriptor(pid, _) => Some(pid),
            _ => None,
        }
    }

    pub(in crate::os) fn child(self, caller: &Caller<'_>, name: &[u8]) -> Option<Self> {
        match self {
            Self::Devices if name == b"fd" => Some(Self::OwnDescriptors),
            Self::Devices => named(&Device::NAMED, name).map(Self::Device),
            Self::Processes => match name {
                b"self" => caller.views.owner(caller.pid).map(|_| Self::Own),
                b"net" => Some(Self::Network),
                _ => named(&MachineFile::NAMED, name).map(Self::Machine).or_else(|| {
                    let pid = number(name)?;
                    caller.views.owner(pid).map(|_| Self::Process(pid))
                }),
            },
            Self::Network => named(&NETWORK, name).map(Self::NetworkTable),
            Self::Process(pid) => match name {
                b"cwd" => Some(Self::Cwd(pid)),
                b"fd" => Some(Self::Descriptors(pid)),
                _ => named(&ProcessFile::NAMED, name).map(|file| Self::ProcessText(pid, file)),
            },
            Self::Descriptors(pid) => {
                let wanted = number(name)?;
                let descriptors = caller.views.descriptors(pid);
                let found = descriptors.iter().any(|(descriptor, _)| *descriptor == wanted);
                found.then_some(Self::Descriptor(pid, wanted))
            }
            _ => None,
        }
    }

    /// Everything in it, by name in the order of bytes.
    pub(in crate::os) fn children(self, caller: &Caller<'_>) -> Vec<(Name, Self)> {
        let mut children: Vec<(Name, Self)> = match self {
            Self::Devices => {
                let descriptors = entry("fd", Self::OwnDescriptors);
                all(&Device::NAMED, Self::Device).chain(descriptors).collect()
            }
            Self::Processes => {
                let pids = caller.views.pids().into_iter();
                let processes = pids.map(|pid| (pid.to_string(), Self::Process(pid)));
                let own = caller.views.owner(caller.pid).map(|_| ("self".to_owned(), Self::Own));
                let rest = own.into_iter().chain([("net".to_owned(), Self::Network)]);
                let rest = processes.chain(rest).filter_map(|(name, node)| entry(&name, node));
                all(&MachineFile::NAMED, Self::Machine).chain(rest).collect()
            }
            Self::Network => all(&NETWORK, Self::NetworkTable).collect(),
            Self::Process(pid) => {
                let rest = [("cwd", Self::Cwd(pid)), ("fd", Self::Descriptors(pid))];
                let rest = rest.into_iter().filter_map(|(name, node)| entry(name, node));
                all(&ProcessFile::NAMED, |file| Self::ProcessText(pid, file)).chain(rest).collect()
            }
            Self::Descriptors(pid) => {
                let descriptors = caller.views.descriptors(pid).into_iter();
                let nodes = descriptors.map(|(number, _)| (number, Self::Descriptor(pid, number)));
                nodes.filter_map(|(number, node)| entry(&number.to_string(), node)).collect()
            }
            _ => Vec::new(),
        };
        children.sort_by(|(left, _), (right, _)| left.cmp(right));
        children
    }

    /// Where a link points to. Where a process is and what it has open is told to itself and root.
    pub(in crate::os) fn target(self, caller: &Caller<'_>) -> Result<Vec<u8>, Errno> {
        match self {
            Self::Own => Ok(caller.pid.to_string().into_bytes()),
            Self::OwnDescriptors => Ok(b"/proc/self/fd".to_vec()),
            Self::Cwd(pid) => {
                self.check_private(caller)?;
                caller.views.cwd(pid).ok_or(Errno::NotFound)
            }
            Self::Descriptor(pid, wanted) => {
                self.check_private(caller)?;
                let mut descriptors = caller.views.descriptors(pid).into_iter();
                let found = descriptors.find(|(number, _)| *number == wanted);
                found.map(|(_, target)| target).ok_or(Errno::NotFound)
            }
            _ => Err(Errno::Invalid),
        }
    }

    fn check_private(self, caller: &Caller<'_>) -> Result<(), Errno> {
        let who: &Credentials = caller.who;
        if self.facts(caller).is_owned_by(who) { Ok(()) } else { Err(Errno::Access) }
    }

    /// What is in it at this moment.
    pub(in crate::os) fn text(self, caller: &Caller<'_>) -> Result<Vec<u8>, Errno> {
        let views = caller.views;
        match self {
            Self::Machine(file) => Ok(machine::text(file, &views.machine()).into_bytes()),
            Self::NetworkTable(table) => Ok(machine::network(table, &views.network(table)).into_bytes()),
            Self::ProcessText(pid, ProcessFile::Environment) => {
                self.check_private(caller)?;
                Ok(process::terminated(&views.environment(pid)))
            }
            Self::ProcessText(pid, file) => {
                views.process(pid).map(|facts| process::text(file, &facts)).ok_or(Errno::NoProcess)
            }
            _ => Err(Errno::Invalid),
        }
    }
}

fn named<T: Copy>(table: &[(&str, T)], name: &[u8]) -> Option<T> {
    table.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, node)| *node)
}

fn entry(name: &str, node: ViewNode) -> Option<(Name, ViewNode)> {
    Name::new(name.as_bytes()).ok().map(|name| (name, node))
}

fn all<T: Copy>(
    table: &[(&'static str, T)],
    node: impl Fn(T) -> ViewNode,
) -> impl Iterator<Item = (Name, ViewNode)> {
    table.iter().filter_map(move |(name, of)| entry(name, node(*of)))
}

/// A number as it is written in names: digits, without zeros before them.
fn number(name: &[u8]) -> Option<u32> {
    let is_plain = name == b"0" || name.first().is_some_and(|digit| (b'1'..=b'9').contains(digit));
    if is_plain { std::str::from_utf8(name).ok()?.parse().ok() } else { None }
}
