//! Tests of the files of a machine.
//!
//! Most are scripts: lines of who does what, and what comes of it; see [`script`].

mod failing;
mod limits;
mod links;
mod model;
mod parts;
mod paths;
mod permissions;
mod script;
mod watching;

use std::collections::BTreeMap;
use std::sync::Arc;

use ironloom_blob::tree::{Config, Quota};
use ironloom_blob::{MemoryStore, Tree};
use ironloom_core::{Duration, Instant};

use crate::os::{Caller, Credentials, Files};

use script::check;

/// Files with a few people, each somewhere, and a clock that moves a second with each thing that is done.
struct World {
    files: Files,
    now: Instant,
    people: BTreeMap<&'static str, Credentials>,
    places: BTreeMap<String, Vec<u8>>,
}

impl World {
    fn new() -> Self {
        Self::with(Config::default())
    }

    fn with_quota(bytes_max: u64, entries_max: u64) -> Self {
        Self::with(Config { quota: Quota { bytes_max, entries_max }, ..Config::default() })
    }

    fn with(config: Config) -> Self {
        let mut files = Files::new(Tree::new(Arc::new(MemoryStore::new()), config));
        let root = Credentials::root();
        let system = Caller::system(&root, Instant::ZERO);
        for path in ["/dev", "/proc", "/etc", "/home", "/home/ann", "/home/bob", "/tmp"] {
            files.mkdir(&system, path.as_bytes(), 0o755).unwrap();
        }
        files.chmod(&system, b"/tmp", 0o1777).unwrap();
        files.chown(&system, b"/home/ann", Some(1000), Some(1000)).unwrap();
        files.chown(&system, b"/home/bob", Some(1001), Some(1001)).unwrap();
        let people = [
            ("root", root),
            ("ann", Credentials::of(1000, 1000, Arc::new([50]))),
            ("bob", Credentials::of(1001, 1001, Arc::new([50]))),
            ("eve", Credentials::of(1002, 1002, Arc::new([]))),
        ];
        Self { files, now: Instant::ZERO, people: people.into(), places: BTreeMap::new() }
    }

    /// Lets somebody do something, where they are.
    fn by<R>(&mut self, name: &str, act: impl FnOnce(&mut Files, &Caller<'_>) -> R) -> R {
        self.now = self.now.saturating_add(Duration::from_secs(1));
        let who = &self.people[name];
        let cwd = self.places.get(name).map_or(&b"/"[..], |cwd| cwd);
        let caller = Caller { cwd, ..Caller::system(who, self.now) };
        act(&mut self.files, &caller)
    }
}
