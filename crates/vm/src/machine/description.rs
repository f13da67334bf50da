//! [`Description`]: what a descriptor refers to.
//!
//! Descriptors of several processes may refer to one description; they share its position and what was read ahead.
//! It is closed when the last of them is.

use ironloom_core::Duration;
use ironloom_net::SocketId;

use crate::Errno;
use crate::os::waiters::Waiters;
use crate::os::{Console, Device, FileKind, OpenFile, Pid, Pipe, Ready, Stat, Tail, WatchId, Whence};

use super::{HostEnd, Machine, caller_of};

/// What a descriptor refers to.
#[derive(Debug)]
pub(crate) struct Description {
    pub(crate) object: Object,
    /// How many descriptors refer to it.
    pub(crate) references: u32,
    /// What was taken out of the object and not read yet.
    pub(crate) ahead: Vec<u8>,
    /// For how long reading and writing may wait.
    pub(crate) timeout: Option<Duration>,
}

/// What is open.
#[derive(Debug)]
pub(crate) enum Object {
    /// A device without a state.
    Device(Device),
    /// A file.
    File(OpenFile),
    /// The end of a pipe to read from.
    Reader(u32),
    /// The end of a pipe to write to.
    Writer(u32),
    /// A console.
    Console(u32),
    /// What a parent may look at, and where it goes as well. The parent 1 is the host.
    Tail { tail: Tail, forward: Option<u32>, bytes_max: usize, parent: Pid },
    /// A TCP connection.
    Stream(SocketId),
    /// Where TCP connections come in.
    Listener(SocketId),
    /// A UDP socket.
    Datagrams(SocketId),
    /// Changes of files.
    Watch(WatchId),
}

/// A pipe, and who waits at its ends.
#[derive(Debug)]
pub(crate) struct PipeEntry {
    pub(crate) pipe: Pipe,
    pub(crate) readers: Waiters,
    pub(crate) writers: Waiters,
    /// What the host waits for, if it has one end and does.
    pub(super) host: Option<HostEnd>,
}

/// A console, and who waits for it.
#[derive(Debug)]
pub(crate) struct ConsoleEntry {
    pub(crate) console: Console,
    pub(crate) readers: Waiters,
    pub(crate) writers: Waiters,
    /// How many descriptions and processes refer to it.
    pub(crate) references: u32,
}

/// Who waits for a socket.
#[derive(Debug, Default)]
pub(crate) struct SocketWaiters {
    pub(crate) readers: Waiters,
    pub(crate) writers: Waiters,
}

/// How much is taken out of an object at a time.
const CHUNK_BYTES: usize = 16 << 10;

impl Machine {
    /// Opens an object, without a descriptor yet.
    pub(crate) fn describe(&mut self, object: Object) -> Result<u32, Errno> {
        if self.open.len() >= self.limits().descriptions_max {
            self.close_object(object);
            return Err(Errno::MachineFiles);
        }
        Ok(self.open.insert(Description { object, references: 0, ahead: Vec::new(), timeout: None }))
    }

    /// A new pipe: the descriptions of its reading and its writing end.
    pub(crate) fn describe_pipe(&mut self) -> Result<(u32, u32), Errno> {
        let (readers, writers) = <_>::default();
        let entry = PipeEntry { pipe: Pipe::new(), readers, writers, host: None };
        let pipe = self.pipes.insert(entry);
        match self.describe(Object::Reader(pipe)) {
            Ok(reader) => match self.describe(Object::Writer(pipe)) {
                Ok(writer) => Ok((reader, writer)),
                Err(errno) => {
                    self.open.remove(reader);
                    self.close_object(Object::Reader(pipe));
                    Err(errno)
                }
            },
            Err(errno) => {
                self.close_object(Object::Writer(pipe));
                Err(errno)
            }
        }
    }

    /// Gives a process a descriptor for a description: the lowest number that is free.
    pub(crate) fn descriptor(&mut self, pid: Pid, description: u32) -> Result<u32, Errno> {
        let descriptors_max = self.limits().descriptors_max;
        let process = self.table.get_mut(pid).ok_or(Errno::NoProcess)?;
        let number =
            process.descriptors.iter().position(Option::is_none).unwrap_or(process.descriptors.len());
        if number >= descriptors_max {
            if self.open.get(description).is_some_and(|open| open.references == 0) {
                self.release(description);
            }
            return Err(Errno::ProcessFiles);
        }
        if number == process.descriptors.len() {
            process.descriptors.push(None);
        }
        process.descriptors[number] = Some(description);
        self.refer(description);
        Ok(number as u32)
    }

    /// Whether the process that runs may have another descriptor.
    pub(crate) fn has_room_for_descriptor(&self) -> bool {
        let descriptors = &self.process().descriptors;
        descriptors.len() < self.limits().descriptors_max || descriptors.contains(&None)
    }

    /// For how long reading a description, and writing to it, may wait.
    pub(crate) fn timeout_of(&self, description: u32) -> Option<Duration> {
        self.open.get(description)?.timeout
    }

    /// One descriptor more refers to it.
    pub(crate) fn refer(&mut self, description: u32) {
        if let Some(open) = self.open.get_mut(description) {
            open.references += 1;
        }
    }

    /// One descriptor less refers to it; after the last one it is closed.
    pub(crate) fn release(&mut self, description: u32) {
        let Some(open) = self.open.get_mut(description) else { return };
        open.references = open.references.saturating_sub(1);
        if open.references == 0
            && let Some(open) = self.open.remove(description)
        {
            self.close_object(open.object);
        }
    }

    /// Closes a description that no descriptor refers to.
    pub(crate) fn release_unused(&mut self, description: u32) {
        if self.open.get(description).is_some_and(|open| open.references == 0) {
            self.release(description);
        }
    }

    /// Closes a descriptor of a process.
    pub(crate) fn close(&mut self, pid: Pid, number: u32) -> Result<(), Errno> {
        let process = self.table.get_mut(pid).ok_or(Errno::NoProcess)?;
        let place = process.descriptors.get_mut(number as usize).ok_or(Errno::BadHandle)?;
        let description = place.take().ok_or(Errno::BadHandle)?;
        while process.descriptors.last() == Some(&None) {
            process.descriptors.pop();
        }
        self.release(description);
        Ok(())
    }

    fn close_object(&mut self, object: Object) {
        match object {
            Object::Device(_) => {}
            Object::File(file) => self.files.close(file),
            Object::Reader(pipe) => self.close_end(pipe, Pipe::close_reader),
            Object::Writer(pipe) => self.close_end(pipe, Pipe::close_writer),
            Object::Console(console) => self.leave_console(console),
            Object::Tail { forward, .. } => {
                if let Some(forward) = forward {
                    self.release(forward);
                }
            }
            Object::Stream(socket) | Object::Listener(socket) | Object::Datagrams(socket) => {
                self.close_socket(socket);
            }
            Object::Watch(watch) => {
                self.files.unwatch(watch);
                let waiters = self.watchers.remove(&watch);
                self.wake_all(waiters.map(|mut waiters| waiters.take()).unwrap_or_default());
            }
        }
    }

    fn close_end(&mut self, number: u32, close: impl FnOnce(&mut Pipe) -> Ready) {
        let Some(entry) = self.pipes.get_mut(number) else { return };
        let ready = close(&mut entry.pipe);
        if entry.pipe.is_closed() {
            self.pipes.remove(number);
        } else {
            self.pipe_ready(number, ready);
        }
    }

    fn pipe_ready(&mut self, number: u32, ready: Ready) {
        let Some(entry) = self.pipes.get_mut(number) else { return };
        let mut woken = if ready.is_readable() { entry.readers.take() } else { Vec::new() };
        if ready.is_writable() {
            woken.extend(entry.writers.take());
        }
        let host = entry.host.take_if(|host| host.wants(ready));
        self.wake_all(woken);
        self.host_is_told(host);
    }

    pub(crate) fn console_ready(&mut self, number: u32, ready: Ready) {
        let Some(entry) = self.consoles.get_mut(number) else { return };
        let mut woken = if ready.is_readable() { entry.readers.take() } else { Vec::new() };
        if ready.is_writable() {
            woken.extend(entry.writers.take());
        }
        self.wake_all(woken);
    }

    /// The pipe behind a description.
    pub(super) fn pipe_of(&mut self, description: u32) -> Option<&mut PipeEntry> {
        match self.open.get(description)?.object {
            Object::Reader(pipe) | Object::Writer(pipe) => self.pipes.get_mut(pipe),
            _ => None,
        }
    }

    /// Who waits until a description can be read.
    pub(crate) fn readers_of(&mut self, description: u32) -> Option<&mut Waiters> {
        match &self.open.get(description)?.object {
            Object::Reader(pipe) => self.pipes.get_mut(*pipe).map(|entry| &mut entry.readers),
            Object::Console(console) => self.consoles.get_mut(*console).map(|entry| &mut entry.readers),
            Object::Stream(socket) | Object::Listener(socket) | Object::Datagrams(socket) => {
                Some(&mut self.sockets.entry(*socket).or_default().readers)
            }
            Object::Watch(watch) => Some(self.watchers.entry(*watch).or_default()),
            _ => None,
        }
    }

    /// How many bytes are held by what an object reads from.
    pub(crate) fn held_by(&self, object: &Object) -> usize {
        match object {
            Object::Reader(pipe) => self.pipes.get(*pipe).map_or(0, |entry| entry.pipe.held()),
            _ => 0,
        }
    }

    /// Whether nothing will ever come from a description any more.
    pub(crate) fn is_at_end(&self, description: u32) -> bool {
        let Some(open) = self.open.get(description).filter(|open| open.ahead.is_empty()) else {
            return false;
        };
        match &open.object {
            Object::Device(Device::Null) => true,
            Object::Reader(pipe) => self.pipes.get(*pipe).is_some_and(|entry| entry.pipe.is_at_end()),
            _ => false,
        }
    }

    /// Who waits until a description can be written.
    pub(crate) fn writers_of(&mut self, description: u32) -> Option<&mut Waiters> {
        match &self.open.get(description)?.object {
            Object::Writer(pipe) => self.pipes.get_mut(*pipe).map(|entry| &mut entry.writers),
            Object::Console(_) | Object::Tail { forward: None, .. } if self.output.is_spent() => {
                Some(self.output.waiters())
            }
            Object::Console(console) => self.consoles.get_mut(*console).map(|entry| &mut entry.writers),
            Object::Stream(socket) => Some(&mut self.sockets.entry(*socket).or_default().writers),
            Object::Tail { forward: Some(forward), .. } => {
                let forward = *forward;
                self.writers_of(forward)
            }
            _ => None,
        }
    }

    /// Takes what there is out of an object, at most so much; nothing is the end.
    pub(crate) fn fetch(&mut self, description: u32, max: usize) -> Result<Vec<u8>, Errno> {
        let max = max.min(CHUNK_BYTES);
        let open = self.open.get_mut(description).ok_or(Errno::BadHandle)?;
        let (bytes, pipe, console, ready) = match &mut open.object {
            Object::Device(device) => {
                let mut bytes = vec![0; max];
                let length = device.read(&mut bytes, &mut self.rng)?;
                bytes.truncate(length);
                return Ok(bytes);
            }
            Object::File(file) => {
                let mut bytes = vec![0; max];
                let length = self.files.read(file, &mut bytes)?;
                bytes.truncate(length);
                return Ok(bytes);
            }
            Object::Reader(pipe) => {
                let entry = self.pipes.get_mut(*pipe).ok_or(Errno::BadHandle)?;
                let (bytes, ready) = entry.pipe.read(max)?;
                (bytes, Some(*pipe), None, ready)
            }
            Object::Console(console) => {
                let entry = self.consoles.get_mut(*console).ok_or(Errno::BadHandle)?;
                let (bytes, ready) = entry.console.read(max)?;
                (bytes, None, Some(*console), ready)
            }
            Object::Stream(socket) => {
                let socket = *socket;
                return self.receive_stream(socket, max);
            }
            _ => return Err(Errno::BadHandle),
        };
        if let Some(pipe) = pipe {
            self.pipe_ready(pipe, ready);
        }
        if let Some(console) = console {
            self.console_ready(console, ready);
        }
        Ok(bytes)
    }

    /// Writes what there is room for, and says how much that was.
    pub(crate) fn write(&mut self, description: u32, bytes: &[u8]) -> Result<usize, Errno> {
        self.rewind(description)?;
        let open = self.open.get_mut(description).ok_or(Errno::BadHandle)?;
        match &mut open.object {
            Object::Device(device) => device.swallow(bytes).map(|()| bytes.len()),
            Object::File(file) => {
                let caller = caller_of(&self.table, self.current.pid);
                self.files.write(&caller, file, bytes).map(|()| bytes.len())
            }
            Object::Writer(pipe) => {
                let number = *pipe;
                let entry = self.pipes.get_mut(number).ok_or(Errno::BadHandle)?;
                let (written, ready) = entry.pipe.write(bytes)?;
                self.pipe_ready(number, ready);
                Ok(written)
            }
            Object::Console(console) => {
                let number = *console;
                let entry = self.consoles.get_mut(number).ok_or(Errno::BadHandle)?;
                let (written, ready) = entry.console.write(self.output.admit(bytes)?)?;
                self.output.spend(self.current.task, written);
                self.console_ready(number, ready);
                Ok(written)
            }
            Object::Tail { forward, .. } => {
                let forward = *forward;
                let written = match forward {
                    Some(forward) => self.write(forward, bytes)?,
                    None => self.output.admit(bytes)?.len(),
                };
                if forward.is_none() {
                    self.output.spend(self.current.task, written);
                }
                if let Some(Description { object: Object::Tail { tail, bytes_max, parent, .. }, .. }) =
                    self.open.get_mut(description)
                {
                    tail.push(&bytes[..written], *bytes_max);
                    let parent = *parent;
                    self.tell_of_output(parent);
                }
                Ok(written)
            }
            Object::Stream(socket) => {
                let socket = *socket;
                self.send_stream(socket, bytes)
            }
            _ => Err(Errno::BadHandle),
        }
    }

    /// Goes back to where a script believes it is in a file: before what was read ahead.
    pub(crate) fn rewind(&mut self, description: u32) -> Result<(), Errno> {
        let open = self.open.get_mut(description).ok_or(Errno::BadHandle)?;
        if let Object::File(file) = &mut open.object
            && !open.ahead.is_empty()
        {
            let ahead = std::mem::take(&mut open.ahead).len();
            self.files.seek(file, Whence::Current, -(ahead as i64))?;
        }
        Ok(())
    }
}

impl Machine {
    /// Goes somewhere else in a file; where that is.
    pub(crate) fn seek(&mut self, description: u32, whence: Whence, distance: i64) -> Result<u64, Errno> {
        self.rewind(description)?;
        match &mut self.open.get_mut(description).ok_or(Errno::BadHandle)?.object {
            Object::File(file) => self.files.seek(file, whence, distance),
            _ => Err(Errno::NotSeekable),
        }
    }

    /// Cuts an open file off, or extends it with zeros.
    pub(crate) fn truncate_open(&mut self, description: u32, length: u64) -> Result<(), Errno> {
        self.rewind(description)?;
        let caller = caller_of(&self.table, self.current.pid);
        match &self.open.get(description).ok_or(Errno::BadHandle)?.object {
            Object::File(file) => self.files.truncate_open(&caller, file, length),
            _ => Err(Errno::Invalid),
        }
    }

    /// What is known of an open object.
    pub(crate) fn stat_open(&self, description: u32) -> Result<Stat, Errno> {
        let caller = caller_of(&self.table, self.current.pid);
        let (kind, mode) = match &self.open.get(description).ok_or(Errno::BadHandle)?.object {
            Object::File(file) => return self.files.stat_open(&caller, file),
            Object::Device(_) | Object::Console(_) => (FileKind::Device, 0o666),
            _ => (FileKind::Pipe, 0o600),
        };
        let (uid, gid, modified) = (caller.who.uid, caller.who.gid, caller.now);
        Ok(Stat { kind, mode, uid, gid, size: 0, modified, media_type: None })
    }

    /// Opens the console of the process that runs once more.
    pub(crate) fn describe_console(&mut self) -> Result<u32, Errno> {
        let number = self.process().console.ok_or(Errno::NotATerminal)?;
        self.consoles.get_mut(number).ok_or(Errno::NotATerminal)?.references += 1;
        self.describe(Object::Console(number))
    }

    /// Tells those who watch files that there is something new for them.
    pub(crate) fn wake_watchers(&mut self) {
        while let Some(watch) = self.files.next_woken() {
            if let Some(waiters) = self.watchers.get_mut(&watch) {
                let waiters = waiters.take();
                self.wake_all(waiters);
            }
        }
    }

    /// Lets go of a console; after the last one it is gone.
    pub(crate) fn leave_console(&mut self, number: u32) {
        let Some(entry) = self.consoles.get_mut(number) else { return };
        entry.references = entry.references.saturating_sub(1);
        if entry.references == 0 {
            self.consoles.remove(number);
        }
    }
}
