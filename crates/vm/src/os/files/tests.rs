//! Tests of the files of a machine.

mod permissions;

use std::sync::Arc;

use ironloom_blob::tree::{Config, Quota};
use ironloom_blob::{MemoryStore, Tree};
use ironloom_core::{Duration, Instant};

use crate::os::{Caller, Credentials, Files};

/// Files with a few people, and a clock that moves when it is told to.
pub(super) struct World {
    pub(super) files: Files,
    pub(super) now: Instant,
    root: Credentials,
    ann: Credentials,
    bob: Credentials,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with_quota(Quota::default())
    }

    pub(super) fn with_quota(quota: Quota) -> Self {
        let mut files =
            Files::new(Tree::new(Arc::new(MemoryStore::new()), Config { quota, ..Config::default() }));
        let root = Credentials::root();
        let system = Caller::system(&root, Instant::ZERO);
        for path in ["/dev", "/proc", "/etc", "/home", "/home/ann", "/home/bob"] {
            files.mkdir(&system, path.as_bytes(), 0o755).unwrap();
        }
        files.mkdir(&system, b"/tmp", 0o1777).unwrap();
        files.chmod(&system, b"/tmp", 0o1777).unwrap();
        files.chown(&system, b"/home/ann", Some(1000), Some(1000)).unwrap();
        files.chown(&system, b"/home/bob", Some(1001), Some(1001)).unwrap();
        Self {
            files,
            now: Instant::ZERO,
            root,
            ann: Credentials::of(1000, 1000, Arc::new([50])),
            bob: Credentials::of(1001, 1001, Arc::new([50])),
        }
    }

    /// Lets somebody do something, at the root.
    pub(super) fn by<R>(&mut self, name: &str, act: impl FnOnce(&mut Files, &Caller<'_>) -> R) -> R {
        self.by_at(name, "/", act)
    }

    pub(super) fn by_at<R>(
        &mut self,
        name: &str,
        cwd: &str,
        act: impl FnOnce(&mut Files, &Caller<'_>) -> R,
    ) -> R {
        self.now = self.now.saturating_add(Duration::from_secs(1));
        let who = match name {
            "root" => &self.root,
            "ann" => &self.ann,
            "bob" => &self.bob,
            _ => panic!("nobody is called {name}"),
        };
        let caller = Caller { cwd: cwd.as_bytes(), ..Caller::system(who, self.now) };
        act(&mut self.files, &caller)
    }
}
