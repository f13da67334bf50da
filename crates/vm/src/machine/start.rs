//! How processes begin.

use std::sync::Arc;

use ironloom_blob::BlobId;

use crate::luau::Bytecode;
use crate::os::{
    Credentials, Device, Dispositions, Environment, Errno, Invocation, Pid, Process, ProcessState, Relay,
    SignalSet, Tail,
};

use super::{Machine, Object, Start, caller_of};

/// What is to be run, and how.
#[derive(Debug, Default)]
pub(crate) struct Invoked {
    pub(crate) path: Vec<u8>,
    pub(crate) arguments: Vec<Box<[u8]>>,
    /// What it is called in lists, if not like its file.
    pub(crate) name: Option<Vec<u8>>,
    pub(crate) environment: Option<Environment>,
    pub(crate) cwd: Option<Vec<u8>>,
    /// The process group: of its own for `Some(None)`.
    pub(crate) group: Option<Option<Pid>>,
    pub(crate) who: Option<Credentials>,
    /// Its number, if that is known and free.
    pub(crate) pid: Option<Pid>,
    pub(crate) streams: Streams,
    /// Whether a file that may be read but not executed is run as well, as by whoever reads and runs it.
    pub(crate) is_readable_enough: bool,
}

/// Where the streams of a process lead.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) enum Streams {
    /// To its parent, who reads and writes them by its number; output goes to the parent's output as well if `forward`.
    Relay { forward: bool },
    /// To these descriptions; nothing is `/dev/null`.
    Given([Option<u32>; 3]),
    /// To nowhere.
    #[default]
    Null,
}

/// A program that was found, and compiled.
pub(super) struct Found {
    path: Vec<u8>,
    /// Arguments that come before the others, because a script named its interpreter.
    before: Vec<Box<[u8]>>,
    set_uid: Option<u32>,
    set_gid: Option<u32>,
    pub(super) key: BlobId,
    pub(super) bytecode: Bytecode,
}

impl Found {
    /// As whom it runs: as somebody that was said, or as before, unless its file says otherwise.
    pub(super) fn lend_identity(&self, said: Option<&Credentials>, who: &mut Credentials) {
        if let Some(said) = said {
            *who = said.clone();
        }
        if let Some(uid) = self.set_uid {
            (who.uid, who.saved_uid) = (uid, uid);
        }
        if let Some(gid) = self.set_gid {
            who.gid = gid;
        }
    }

    /// What it is called with.
    pub(super) fn into_invocation(self, invoked: Invoked) -> Invocation {
        let name = match invoked.name {
            Some(name) => name,
            None => invoked.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default().to_vec(),
        };
        let arguments: Vec<Box<[u8]>> = self.before.into_iter().chain(invoked.arguments).collect();
        Invocation { path: self.path.into(), name: name.into(), arguments: arguments.into() }
    }
}

/// How many times a script may be run by a script.
const INTERPRETERS_MAX: usize = 4;

impl Machine {
    /// Starts a process as a child of another. It runs when its turn comes.
    ///
    /// # Errors
    ///
    /// If there is no such program, it may not be run, or a limit stands in the way.
    pub(crate) fn start(&mut self, parent: Pid, invoked: Invoked) -> Result<Pid, Errno> {
        self.forget_ended_child(parent);
        self.admit_process(&invoked)?;
        let found = self.find_program(parent, &invoked)?;
        let pid = invoked.pid.filter(|pid| self.table.get(*pid).is_none());
        let pid = pid.unwrap_or_else(|| self.table.next());
        let process = self.table.get(parent);
        let mut who = match (&invoked.who, process) {
            (Some(who), _) => who.clone(),
            (None, Some(process)) => process.who.clone(),
            (None, None) => Credentials::root(),
        };
        found.lend_identity(None, &mut who);
        let group = match (invoked.group, process) {
            (Some(Some(group)), _) => group,
            (Some(None), _) | (None, None) => pid,
            (None, Some(process)) => process.group,
        };
        let inherited = |read: fn(&Process) -> Arc<[u8]>, or: &[u8]| process.map_or_else(|| or.into(), read);
        let cwd = match &invoked.cwd {
            Some(cwd) => cwd.as_slice().into(),
            None => inherited(|process| process.cwd.clone(), b"/"),
        };
        let environment = invoked.environment.clone();
        let streams = invoked.streams;
        let start = Start { bytecode: found.bytecode.clone(), key: found.key };
        let invocation = found.into_invocation(invoked);
        let checkpoint = self.take_left(&invocation);
        let process = self.table.get(parent);
        let process = Process {
            pid,
            parent,
            group,
            who,
            invocation,
            environment: environment
                .or_else(|| process.map(|process| process.environment.clone()))
                .unwrap_or_default(),
            cwd,
            umask: process.map_or(0o022, |process| process.umask),
            nice: process.map_or(0, |process| process.nice),
            state: ProcessState::Running,
            started: self.now,
            spent: 0,
            descriptors: Vec::new(),
            tasks: Vec::new(),
            dispositions: process
                .map_or_else(Dispositions::default, |process| process.dispositions.for_another_program()),
            pending: SignalSet::EMPTY,
            handlers: Vec::new(),
            for_children: <_>::default(),
            relay: None,
            console: process.and_then(|process| process.console),
            is_restored: checkpoint.is_some(),
            checkpoint,
            messages: Vec::new(),
            peers: Vec::new(),
            random: None,
            modules: None,
            life: 0,
            polls: None,
        };
        self.table.insert(process);
        if let Err(errno) = self.connect_streams(parent, pid, streams) {
            self.discard(pid);
            return Err(errno);
        }
        self.work.starts.push((pid, start));
        Ok(pid)
    }

    /// Whether the arguments are not too long.
    pub(super) fn admit_arguments(&self, invoked: &Invoked) -> Result<(), Errno> {
        let length: usize = invoked.arguments.iter().map(|argument| argument.len() + 16).sum();
        if length > self.limits().arguments_bytes_max { Err(Errno::MessageSize) } else { Ok(()) }
    }

    fn admit_process(&self, invoked: &Invoked) -> Result<(), Errno> {
        self.admit_arguments(invoked)?;
        let limits = self.limits();
        if self.table.len() >= limits.processes_max || self.tasks.len() >= limits.tasks_max {
            return Err(Errno::Again);
        }
        Ok(())
    }

    /// Finds the program behind a path, by way of the interpreters that scripts name.
    pub(super) fn find_program(&mut self, parent: Pid, invoked: &Invoked) -> Result<Found, Errno> {
        let root = Credentials::root();
        let system = crate::os::Caller { pid: 0, ..crate::os::Caller::system(&root, self.now) };
        let mut caller = match self.table.get(parent) {
            Some(_) => caller_of(&self.table, parent),
            None => system,
        };
        if let Some(who) = &invoked.who {
            caller.who = who;
        }
        if let Some(cwd) = &invoked.cwd {
            caller.cwd = cwd;
        }
        let source_bytes_max = self.limits.source_bytes_max;
        let (mut path, mut before) = (invoked.path.clone(), Vec::new());
        let mut first: Option<(Option<u32>, Option<u32>)> = None;
        for _ in 0..INTERPRETERS_MAX {
            let program = match self.files.program(&caller, &path) {
                Err(Errno::Access) if invoked.is_readable_enough => {
                    let module = self.files.module(&caller, &path)?;
                    crate::os::Program { set_uid: None, set_gid: None, ..module }
                }
                found => found?,
            };
            let (set_uid, set_gid) = *first.get_or_insert((program.set_uid, program.set_gid));
            if let Some(key) = program.blob
                && let Some(bytecode) = self.programs.known(key)
            {
                return Ok(Found { path: program.path, before, set_uid, set_gid, key, bytecode });
            }
            if program.length > source_bytes_max as u64 {
                return Err(Errno::TooBig);
            }
            let source = self.files.program_bytes(&program, source_bytes_max as u64)?;
            let Some(interpreter) = interpreter_of(&source) else {
                let compiled = self.programs.compile(&source, source_bytes_max);
                let (key, bytecode) = compiled.map_err(|_| Errno::TooBig)?;
                return Ok(Found { path: program.path, before, set_uid, set_gid, key, bytecode });
            };
            // A script does not run as its owner: what it is could change before its interpreter reads it.
            first = Some((None, None));
            let (interpreter, argument) = interpreter;
            let mut arguments: Vec<Box<[u8]>> = argument.into_iter().map(Box::from).collect();
            arguments.push(path.into());
            arguments.append(&mut before);
            (path, before) = (interpreter.to_vec(), arguments);
        }
        Err(Errno::Loop)
    }

    fn connect_streams(&mut self, parent: Pid, pid: Pid, streams: Streams) -> Result<(), Errno> {
        let descriptions = match streams {
            Streams::Null => [None; 3],
            Streams::Given(given) => given,
            Streams::Relay { forward } => {
                let (reader, writer) = self.describe_pipe()?;
                let forward = if forward { self.description_of(parent, 1) } else { None };
                if let Some(forward) = forward {
                    self.refer(forward);
                }
                let bytes_max = self.limits().child_output_bytes_max;
                let output =
                    self.describe(Object::Tail { tail: Tail::default(), forward, bytes_max, parent });
                let Ok(output) = output else {
                    self.release(reader);
                    self.release(writer);
                    return Err(Errno::MachineFiles);
                };
                self.refer(writer);
                self.refer(output);
                let relay = Relay { input: writer, output, seen: None, knows_end: None };
                self.table.get_mut(pid).expect("it was just made").relay = Some(Box::new(relay));
                [Some(reader), Some(output), Some(output)]
            }
        };
        for description in descriptions {
            let description = match description {
                Some(description) => description,
                None => self.describe(Object::Device(Device::Null))?,
            };
            self.descriptor(pid, description)?;
        }
        Ok(())
    }

    /// Makes a process the one that a console belongs to: its group is typed to.
    pub(crate) fn control(&mut self, pid: Pid, console: u32) {
        let Some(process) = self.table.get_mut(pid) else { return };
        process.console = Some(console);
        let group = process.group.0;
        if let Some(entry) = self.consoles.get_mut(console) {
            entry.console.set_foreground(Some(group));
        }
    }

    /// The description behind a descriptor of a process.
    pub(crate) fn description_of(&self, pid: Pid, number: u32) -> Option<u32> {
        *self.table.get(pid)?.descriptors.get(number as usize)?
    }
}

/// The program that a script names in its first line, and the argument for it.
fn interpreter_of(source: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let line = source.strip_prefix(b"#!")?;
    let line = line.split(|byte| *byte == b'\n').next()?.trim_ascii();
    let mut words = line.splitn(2, |byte| *byte == b' ');
    let path = words.next().filter(|path| !path.is_empty())?;
    // What runs Luau runs it itself.
    if matches!(path, b"/bin/lua" | b"/usr/bin/lua") {
        return None;
    }
    Some((path, words.next().map(<[u8]>::trim_ascii).filter(|argument| !argument.is_empty())))
}
