//! How files, users and programs are put on an image.

use std::collections::BTreeMap;

use ironloom_core::{Instant, Rng};
use ironloom_vm::os::{Caller, Credentials, Files, PasswordConfig, Users};
use ironloom_vm::{Errno, Image};

use super::{Content, FileTable, ImageTable, MachineTable, UserTable, Wrong};

/// Who has no password cannot log in.
const NO_PASSWORD: &str = "*";

/// What is laid over an image.
pub(crate) struct Contents<'a> {
    pub(crate) files: &'a BTreeMap<String, FileTable>,
    pub(crate) users: &'a BTreeMap<String, UserTable>,
    pub(crate) runs: &'a [String],
}

impl ImageTable {
    pub(crate) fn contents(&self) -> Contents<'_> {
        Contents { files: &self.files, users: &self.users, runs: &self.runs }
    }
}

impl MachineTable {
    pub(crate) fn contents(&self) -> Contents<'_> {
        Contents { files: &self.files, users: &self.users, runs: &self.runs }
    }
}

impl Contents<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.users.is_empty() && self.runs.is_empty()
    }

    /// An image with this laid over it. Salts of passwords are drawn from `rng`.
    pub(crate) fn over(&self, image: &Image, place: &str, rng: &mut Rng) -> Result<Image, Wrong> {
        let mut files = Files::new(image.tree().fork());
        for (name, user) in self.users {
            let place = || format!("{place}.users.{name}");
            if name.is_empty() || name.contains([':', '\n', '/']) {
                return Err(Wrong::value(place(), "this is no name for a user"));
            }
            add_user(&mut files, name, user, rng)
                .map_err(|errno| Wrong::Contents { place: place(), errno })?;
        }
        for (path, file) in self.files {
            let place = || format!("{place}.files.{path}");
            if !path.starts_with('/') {
                return Err(Wrong::value(place(), "the path of a file on a machine begins with `/`"));
            }
            let Content::Bytes(bytes) = &file.content else {
                return Err(Wrong::value(
                    place(),
                    "it is not read yet: use `Description::load` or `read_files`",
                ));
            };
            put(&mut files, path, file, bytes).map_err(|errno| Wrong::Contents { place: place(), errno })?;
        }
        let lines: String = self.runs.iter().map(|line| format!("{line}\n")).collect();
        if let Some(line) = self.runs.iter().position(|line| line.contains('\n')) {
            return Err(Wrong::value(format!("{place}.runs[{line}]"), "a program is one line"));
        }
        append(&mut files, "/etc/bootstrap", &lines)
            .map_err(|errno| Wrong::Contents { place: format!("{place}.runs"), errno })?;
        Ok(Image::new(files.into_tree()))
    }
}

fn put(files: &mut Files, path: &str, file: &FileTable, bytes: &[u8]) -> Result<(), Errno> {
    let root = Credentials::root();
    let caller = Caller { umask: 0o022, ..Caller::system(&root, Instant::ZERO) };
    let (directory, _) = path.rsplit_once('/').ok_or(Errno::Invalid)?;
    if !directory.is_empty() {
        files.mkdir_all(&caller, directory.as_bytes(), 0o755)?;
    }
    files.write_all(&caller, path.as_bytes(), bytes, None)?;
    let default = if directory.ends_with("bin") { 0o755 } else { 0o644 };
    files.chmod(&caller, path.as_bytes(), file.mode.unwrap_or(default))?;
    if let Some(owner) = file.owner {
        files.chown(&caller, path.as_bytes(), Some(owner), Some(owner))?;
    }
    Ok(())
}

fn add_user(files: &mut Files, name: &str, user: &UserTable, rng: &mut Rng) -> Result<(), Errno> {
    let (root, uid) = (Credentials::root(), user.uid);
    let caller = Caller { umask: 0o022, ..Caller::system(&root, Instant::ZERO) };
    let home = format!("/home/{name}");
    append(files, "/etc/passwd", &format!("{name}:x:{uid}:{uid}:{name}:{home}:/bin/sh\n"))?;
    append(files, "/etc/shadow", &format!("{name}:{NO_PASSWORD}:::::::\n"))?;
    append(files, "/etc/group", &format!("{name}:x:{uid}:\n"))?;
    files.mkdir_all(&caller, home.as_bytes(), 0o755)?;
    files.chown(&caller, home.as_bytes(), Some(uid), Some(uid))?;
    let Some(password) = &user.password else { return Ok(()) };
    let (name, password) = (name.as_bytes(), password.as_bytes());
    Users::default().set_password(files, &caller, name, password, &PasswordConfig::default(), rng)
}

fn append(files: &mut Files, path: &str, lines: &str) -> Result<(), Errno> {
    if lines.is_empty() {
        return Ok(());
    }
    let root = Credentials::root();
    files.append(&Caller::system(&root, Instant::ZERO), path.as_bytes(), lines.as_bytes())
}
