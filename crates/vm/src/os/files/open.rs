//! [`OpenFile`]: a file that is read and written in parts.
//!
//! Permissions are asked for once, when it is opened. It holds on to the file while that is renamed, removed, or taken
//! away from who opened it.

use std::sync::Arc;

use ironloom_blob::tree::Handle;

use crate::os::Device;
use crate::os::views::ViewNode;
use crate::os::{Access, Errno};

use super::access::mode_after_write;

use super::node::Node;
use super::walk::Last;
use super::write::{Writable, at};
use super::{Caller, FileKind, Files, Stat, WatchKind};

/// How a file is to be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenOptions {
    /// To be read.
    pub read: bool,
    /// To be written.
    pub write: bool,
    /// Every write goes to the end.
    pub append: bool,
    /// It is made if there is none.
    pub create: bool,
    /// With `create`: it must not have been there.
    pub exclusive: bool,
    /// It is emptied.
    pub truncate: bool,
}

impl OpenOptions {
    /// What `fopen` of C understands: `r`, `w` or `a`, then any of `+`, `x` and `b`.
    ///
    /// ```
    /// use ironloom_vm::os::OpenOptions;
    ///
    /// let options = OpenOptions::parse("r+").expect("a mode");
    /// assert!(options.read && options.write && !options.create);
    /// assert!(OpenOptions::parse("rw").is_none());
    /// ```
    #[must_use]
    pub fn parse(mode: &str) -> Option<Self> {
        let mut letters = mode.chars();
        let none = Self::default();
        let mut options = match letters.next()? {
            'r' => Self { read: true, ..none },
            'w' => Self { write: true, create: true, truncate: true, ..none },
            'a' => Self { write: true, create: true, append: true, ..none },
            _ => return None,
        };
        for letter in letters {
            match letter {
                '+' => (options.read, options.write) = (true, true),
                'x' => options.exclusive = true,
                'b' => {}
                _ => return None,
            }
        }
        Some(options)
    }

    fn access(self) -> Access {
        let read = if self.read { Access::READ } else { Access::default() };
        let writes = self.write || self.append || self.truncate;
        read | if writes { Access::WRITE } else { Access::default() }
    }

    const fn writes(self) -> bool {
        self.write || self.append
    }
}

/// What was opened.
#[derive(Debug)]
pub enum Opened {
    /// A file.
    File(OpenFile),
    /// A device, with what it was opened for; the owner knows how to go on.
    Device(Device, OpenOptions),
}

/// A file that somebody has open; to be given back with [`Files::close`].
#[derive(Debug)]
pub struct OpenFile {
    body: Body,
    offset: u64,
    options: OpenOptions,
}

#[derive(Debug)]
enum Body {
    Stored(Handle),
    /// What a view showed when it was opened.
    Text(Arc<[u8]>),
}

/// From where a position is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whence {
    /// The start of the file.
    Start,
    /// Where one is.
    Current,
    /// The end of the file.
    End,
}

impl OpenFile {
    /// Where the next read or write begins.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// How it was opened.
    #[must_use]
    pub const fn options(&self) -> OpenOptions {
        self.options
    }
}

impl Files {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// If there is no such file and none may be made, it may not be read or written as asked for, it is a directory, or
    /// too many files are open.
    pub fn open(&mut self, caller: &Caller<'_>, path: &[u8], options: OpenOptions) -> Result<Opened, Errno> {
        let last = match (options.create, options.exclusive) {
            (true, true) => Last::NewFile,
            (true, false) => Last::File,
            (false, _) => Last::Followed,
        };
        let walk = self.walk(caller, path, last)?;
        if walk.is_missing() {
            if !options.create {
                return Err(Errno::NotFound);
            }
            return self.open_new(caller, path, options);
        }
        if options.create && options.exclusive {
            return Err(Errno::Exists);
        }
        let is_directory = walk.facts(caller).is_directory();
        if is_directory && (options.writes() || options.truncate || options.create) {
            return Err(Errno::IsADirectory);
        }
        walk.require(caller, options.access())?;
        if is_directory {
            return Err(Errno::IsADirectory);
        }
        let body = match walk.node() {
            Node::View(ViewNode::Device(device)) => return Ok(Opened::Device(*device, options)),
            Node::View(_) if options.writes() || options.truncate => return Err(Errno::ReadOnly),
            Node::View(view) => Body::Text(view.text(caller)?.into()),
            Node::Stored(_) => {
                let path = walk.path();
                let handle = self.tree.handle(at(&path))?;
                if options.truncate {
                    self.empty(caller, handle)?;
                }
                Body::Stored(handle)
            }
        };
        Ok(Opened::File(OpenFile { body, offset: 0, options }))
    }

    fn open_new(&mut self, caller: &Caller<'_>, path: &[u8], options: OpenOptions) -> Result<Opened, Errno> {
        let Writable::New { path, attributes } = self.writable(caller, path)? else {
            return Err(Errno::Exists);
        };
        self.tree.create(at(&path), attributes)?;
        let handle = match self.tree.handle(at(&path)) {
            Ok(handle) => handle,
            Err(error) => {
                // What could not be opened was not made.
                self.tree.remove(at(&path), caller.now)?;
                return Err(error.into());
            }
        };
        self.tell(WatchKind::Created, &path);
        Ok(Opened::File(OpenFile { body: Body::Stored(handle), offset: 0, options }))
    }

    fn empty(&mut self, caller: &Caller<'_>, handle: Handle) -> Result<(), Errno> {
        let emptied = self.truncate_handle(caller, handle, 0);
        if emptied.is_err() {
            self.tree.close(handle)?;
        }
        emptied
    }

    fn truncate_handle(&mut self, caller: &Caller<'_>, handle: Handle, length: u64) -> Result<(), Errno> {
        self.drop_set_ids_of(caller, handle)?;
        self.tree.truncate(handle, length, caller.now)?;
        self.tell_handle(handle);
        Ok(())
    }

    fn drop_set_ids_of(&mut self, caller: &Caller<'_>, handle: Handle) -> Result<(), Errno> {
        if caller.who.is_root() {
            return Ok(());
        }
        let mode = self.tree.stat(handle)?.attributes.mode;
        let after = mode_after_write(mode, caller.who);
        if after != mode {
            self.tree.set_attributes(handle, |attributes| attributes.mode = after)?;
        }
        Ok(())
    }

    fn tell_handle(&mut self, handle: Handle) {
        if self.is_watched()
            && let Ok(Some(path)) = self.tree.path_of(handle)
        {
            self.tell(WatchKind::Changed, &path);
        }
    }

    /// Reads from where one is; fewer bytes than there is room for only at the end of the file.
    ///
    /// # Errors
    ///
    /// If it was not opened for that, or the store fails.
    pub fn read(&self, file: &mut OpenFile, out: &mut [u8]) -> Result<usize, Errno> {
        if !file.options.read {
            return Err(Errno::BadHandle);
        }
        let count = match &file.body {
            Body::Stored(handle) => self.tree.read(*handle, file.offset, out)?,
            Body::Text(text) => {
                let start = usize::try_from(file.offset).unwrap_or(usize::MAX).min(text.len());
                let count = out.len().min(text.len() - start);
                out[..count].copy_from_slice(&text[start..][..count]);
                count
            }
        };
        file.offset += count as u64;
        Ok(count)
    }

    /// Writes where one is, or at the end of a file that is appended to. All bytes are written or none.
    ///
    /// # Errors
    ///
    /// If it was not opened for that, or the disk is full.
    pub fn write(&mut self, caller: &Caller<'_>, file: &mut OpenFile, bytes: &[u8]) -> Result<(), Errno> {
        let Body::Stored(handle) = file.body else {
            return Err(Errno::BadHandle);
        };
        if !file.options.writes() {
            return Err(Errno::BadHandle);
        }
        if bytes.is_empty() {
            return Ok(());
        }
        self.drop_set_ids_of(caller, handle)?;
        if file.options.append {
            file.offset = self.tree.append(handle, bytes, caller.now)?;
        } else {
            self.tree.write(handle, file.offset, bytes, caller.now)?;
        }
        file.offset += bytes.len() as u64;
        self.tell_handle(handle);
        Ok(())
    }

    /// Goes elsewhere in a file and returns where that is. Beyond the end is nothing yet.
    ///
    /// # Errors
    ///
    /// If that is before the start.
    pub fn seek(&self, file: &mut OpenFile, whence: Whence, distance: i64) -> Result<u64, Errno> {
        let base = match whence {
            Whence::Start => 0,
            Whence::Current => file.offset,
            Whence::End => self.length(file)?,
        };
        let offset = base.checked_add_signed(distance).filter(|offset| i64::try_from(*offset).is_ok());
        file.offset = offset.ok_or(Errno::Invalid)?;
        Ok(file.offset)
    }

    fn length(&self, file: &OpenFile) -> Result<u64, Errno> {
        match &file.body {
            Body::Stored(handle) => Ok(self.tree.stat(*handle)?.size),
            Body::Text(text) => Ok(text.len() as u64),
        }
    }

    /// Cuts an open file off, or extends it with zeros.
    ///
    /// # Errors
    ///
    /// If it was not opened for writing, or the disk is full.
    pub fn truncate_open(&mut self, caller: &Caller<'_>, file: &OpenFile, length: u64) -> Result<(), Errno> {
        match file.body {
            Body::Stored(handle) if file.options.writes() => self.truncate_handle(caller, handle, length),
            _ => Err(Errno::Invalid),
        }
    }

    /// What is known of an open file.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn stat_open(&self, caller: &Caller<'_>, file: &OpenFile) -> Result<Stat, Errno> {
        match &file.body {
            Body::Stored(handle) => Ok(Stat::of_stored(&self.tree.stat(*handle)?)),
            Body::Text(text) => Ok(Stat {
                kind: FileKind::File,
                mode: 0o444,
                uid: 0,
                gid: 0,
                size: text.len() as u64,
                modified: caller.now,
                media_type: None,
            }),
        }
    }

    /// The path of an open file, if it still has one.
    #[must_use]
    pub fn path_of(&self, file: &OpenFile) -> Option<Vec<u8>> {
        match file.body {
            Body::Stored(handle) => self.tree.path_of(handle).ok().flatten().map(|path| path.to_vec()),
            Body::Text(_) => None,
        }
    }

    /// Lets go of an open file. One that was removed is gone then.
    pub fn close(&mut self, file: OpenFile) {
        let OpenFile { body, .. } = file;
        if let Body::Stored(handle) = body {
            // Only a file of other files is not open here, and that is nothing to them.
            let _ = self.tree.close(handle);
        }
    }
}
