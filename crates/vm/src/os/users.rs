//! [`Users`]: who there is, by `/etc/passwd`, `/etc/group` and `/etc/shadow`.
//!
//! The files are the truth: whoever may write them makes and removes users. They are read again when they were written,
//! which costs a comparison otherwise; a line that is broken is nobody's.

mod accounts;
mod password;
mod shadow;

use std::sync::Arc;

use ironloom_blob::tree::Version;
use ironloom_core::{Duration, Instant, Rng};

use crate::os::files::{Caller, Files};
use crate::os::{Credentials, Errno};

use shadow::Shadow;

pub use accounts::{Accounts, Group, User};
pub use password::PasswordConfig;

const PASSWD: &[u8] = b"/etc/passwd";
const GROUP: &[u8] = b"/etc/group";
const SHADOW: &[u8] = b"/etc/shadow";

/// How long one of these files may be; a longer one is as none. They are parsed whole each time that they were written.
const FILE_BYTES_MAX: u64 = 256 << 10;

/// What is known of the users of a machine, for as long as nobody has written their files.
///
/// ```
/// use std::sync::Arc;
/// use ironloom_blob::tree::{Config, Tree};
/// use ironloom_blob::MemoryStore;
/// use ironloom_core::{Instant, Rng, Seed};
/// use ironloom_vm::os::{Caller, Credentials, Errno, Files, PasswordConfig, Users};
///
/// let mut files = Files::new(Tree::new(Arc::new(MemoryStore::new()), Config::default()));
/// let root = Credentials::root();
/// let system = Caller::system(&root, Instant::ZERO);
/// files.mkdir(&system, b"/etc", 0o755)?;
/// files.write_all(&system, b"/etc/passwd", b"ann:x:1000:1000::/home/ann:/bin/sh\n", None)?;
///
/// let (mut users, config) = (Users::default(), PasswordConfig::default());
/// users.set_password(&mut files, &system, b"ann", b"hunter2", &config, &mut Rng::new(Seed::new(1)))?;
/// assert!(users.verify(&files, b"ann", b"hunter2", &config));
/// assert!(!users.verify(&files, b"ann", b"hunter3", &config));
/// assert_eq!(users.credentials(&files, b"ann")?.uid, 1000);
/// # Ok::<(), Errno>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Users {
    /// A machine whose users nobody asked for has nothing.
    known: Option<Arc<Known>>,
}

#[derive(Debug)]
struct Known {
    passwd: Option<Version>,
    group: Option<Version>,
    accounts: Arc<Accounts>,
}

impl Users {
    /// The users and groups as the files have them now.
    pub fn accounts(&mut self, files: &Files) -> Arc<Accounts> {
        let (passwd, group) = (version(files, PASSWD), version(files, GROUP));
        if let Some(known) = &self.known
            && known.passwd == passwd
            && known.group == group
        {
            return Arc::clone(&known.accounts);
        }
        let accounts = Arc::new(Accounts::parse(&read(files, PASSWD), &read(files, GROUP)));
        self.known = Some(Arc::new(Known { passwd, group, accounts: Arc::clone(&accounts) }));
        accounts
    }

    /// As whom a user's processes act.
    ///
    /// # Errors
    ///
    /// [`Errno::NotFound`] if there is no such user.
    pub fn credentials(&mut self, files: &Files, name: &[u8]) -> Result<Credentials, Errno> {
        let accounts = self.accounts(files);
        let user = accounts.user(name).ok_or(Errno::NotFound)?;
        Ok(Credentials::of(user.uid, user.gid, accounts.groups_of(user).into()))
    }

    /// Whether this is the password of a user.
    ///
    /// Takes as long for users that are not there or are locked. A hash that costs more than the configuration allows
    /// is no password's: whoever may write the file must not keep the host busy.
    pub fn verify(&mut self, files: &Files, name: &[u8], password: &[u8], config: &PasswordConfig) -> bool {
        let hash = self.hash(files, name);
        config.verify(password, hash.as_deref().unwrap_or_default())
    }

    /// What a check of a user's password costs: how many kibibytes are gone over.
    pub fn cost(&mut self, files: &Files, name: &[u8], config: &PasswordConfig) -> u64 {
        config.cost(&self.hash(files, name).unwrap_or_default())
    }

    /// What is kept of a user's password.
    fn hash(&mut self, files: &Files, name: &[u8]) -> Option<Vec<u8>> {
        let accounts = self.accounts(files);
        match &accounts.user(name)?.password[..] {
            b"x" => Shadow::new(read(files, SHADOW)).hash(name),
            hash => Some(hash.to_vec()),
        }
    }

    /// Gives a user another password: root to anybody, others to themselves.
    ///
    /// # Errors
    ///
    /// If there is no such user, the caller may not, the password is too long, or the disk is full.
    pub fn set_password(
        &mut self,
        files: &mut Files,
        caller: &Caller<'_>,
        name: &[u8],
        password: &[u8],
        config: &PasswordConfig,
        rng: &mut Rng,
    ) -> Result<(), Errno> {
        let accounts = self.accounts(files);
        let user = accounts.user(name).ok_or(Errno::NotFound)?;
        if !caller.who.is_root() && caller.who.uid != user.uid {
            return Err(Errno::NotPermitted);
        }
        let hash = config.hash(password, rng).ok_or(Errno::Invalid)?;
        let root = Credentials::root();
        let system = Caller { umask: 0o077, ..Caller::system(&root, caller.now) };
        let mut shadow = Shadow::new(whole(files, SHADOW)?);
        shadow.set_hash(name, hash.as_bytes(), days(caller.now));
        files.write_all(&system, SHADOW, shadow.text(), None)?;
        files.chmod(&system, SHADOW, 0o600)?;
        files.chown(&system, SHADOW, Some(0), Some(0))?;
        if user.password != b"x" {
            let mut passwd = Shadow::new(whole(files, PASSWD)?);
            passwd.set_field(name, 1, b"x");
            files.write_all(&system, PASSWD, passwd.text(), None)?;
        }
        Ok(())
    }
}

fn days(now: Instant) -> u64 {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    now.as_nanos() / DAY.as_nanos()
}

/// What a file is now, to be compared; `None` if there is none.
fn version(files: &Files, path: &[u8]) -> Option<Version> {
    let root = Credentials::root();
    files.version(&Caller::system(&root, Instant::ZERO), path)
}

/// The bytes of a file; none if there is none, or it is too long to be one of these.
fn read(files: &Files, path: &[u8]) -> Vec<u8> {
    let root = Credentials::root();
    let system = Caller::system(&root, Instant::ZERO);
    files.read_all(&system, path, FILE_BYTES_MAX).unwrap_or_default()
}

/// The bytes of a file that is to be written again; none if there is none.
fn whole(files: &Files, path: &[u8]) -> Result<Vec<u8>, Errno> {
    let root = Credentials::root();
    match files.read_all(&Caller::system(&root, Instant::ZERO), path, FILE_BYTES_MAX) {
        Err(Errno::NotFound) => Ok(Vec::new()),
        read => read,
    }
}

#[cfg(test)]
mod tests;
