//! Files against the obvious: a map from paths to what is there, and the rules of Linux written down as they are read.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::prelude::*;

use super::World;
use crate::os::{FindOptions, Progress, permissions};

type Answer<T> = Result<T, &'static str>;

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    File(String),
    Directory,
    Link(String),
}

#[derive(Debug, Clone)]
struct Entry {
    kind: Kind,
    mode: u16,
    uid: u32,
    gid: u32,
}

struct Who {
    uid: u32,
    groups: Vec<u32>,
}

/// Paths without a `/` at the end, so that the root is empty.
struct Model {
    entries: BTreeMap<String, Entry>,
    places: BTreeMap<String, String>,
}

#[derive(Clone, Copy, PartialEq)]
enum Last {
    Followed,
    Itself,
    Entry,
    File,
}

/// Where a path leads.
struct Place {
    path: String,
    is_there: bool,
    has_slash: bool,
    /// Its last name, or `/` if it has none.
    end: String,
}

/// Whether a link at the end of a path stands for what it points to.
fn follows(last: Last, has_slash: bool) -> bool {
    match last {
        Last::Followed | Last::File => true,
        Last::Itself => has_slash,
        Last::Entry => false,
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

fn unless<T>(fails: bool, error: &'static str, done: T) -> Answer<T> {
    if fails { Err(error) } else { Ok(done) }
}

impl Model {
    fn new() -> Self {
        let directory = |mode, uid| Entry { kind: Kind::Directory, mode, uid, gid: uid };
        let entries =
            [("", directory(0o755, 0)), ("/tmp", directory(0o1777, 0)), ("/tmp/a", directory(0o755, 1000))];
        let entries = entries.into_iter().map(|(path, entry)| (path.to_owned(), entry)).collect();
        Self { entries, places: BTreeMap::new() }
    }

    fn is_directory(&self, path: &str) -> bool {
        matches!(self.entries.get(path), Some(Entry { kind: Kind::Directory, .. }))
    }

    fn may(&self, who: &Who, path: &str, want: u16) -> bool {
        let entry = &self.entries[path];
        if who.uid == 0 {
            return want & 1 == 0 || entry.kind == Kind::Directory || entry.mode & 0o111 != 0;
        }
        let shift = if entry.uid == who.uid {
            6
        } else if who.groups.contains(&entry.gid) {
            3
        } else {
            0
        };
        entry.mode >> shift & want == want
    }

    fn owns(&self, who: &Who, path: &str) -> bool {
        who.uid == 0 || self.entries[path].uid == who.uid
    }

    fn walk(&self, who: &Who, cwd: &str, path: &str, last: Last) -> Answer<Place> {
        let names = |path: &str| {
            path.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect::<VecDeque<_>>()
        };
        let mut todo = names(path);
        let mut place = Place {
            path: if path.starts_with('/') { String::new() } else { cwd.to_owned() },
            is_there: true,
            has_slash: path.ends_with('/'),
            end: "/".to_owned(),
        };
        if !self.is_directory(&place.path) {
            return Err("ENOENT");
        }
        let mut links = 0;
        while let Some(name) = todo.pop_front() {
            let is_last = todo.is_empty();
            place.end.clone_from(&name);
            if !self.is_directory(&place.path) {
                return Err("ENOTDIR");
            }
            if !self.may(who, &place.path, 1) {
                return Err("EACCES");
            }
            if name == "." {
                continue;
            }
            if name == ".." {
                place.path = parent(&place.path).to_owned();
                continue;
            }
            unless(is_last && place.has_slash && last == Last::File, "EISDIR", ())?;
            let child = format!("{}/{name}", place.path);
            match self.entries.get(&child) {
                None if is_last => (place.path, place.is_there) = (child, false),
                None => return Err("ENOENT"),
                Some(Entry { kind: Kind::Link(target), uid, .. })
                    if !is_last || follows(last, place.has_slash) =>
                {
                    links += 1;
                    if links > 40 {
                        return Err("ELOOP");
                    }
                    let directory = &self.entries[&place.path];
                    let is_shared = directory.mode & 0o1002 == 0o1002;
                    if is_last && is_shared && *uid != who.uid && *uid != directory.uid {
                        return Err("EACCES");
                    }
                    place.has_slash |= is_last && target.ends_with('/');
                    if target.starts_with('/') {
                        place.path.clear();
                    }
                    for name in names(target).into_iter().rev() {
                        todo.push_front(name);
                    }
                }
                Some(_) => place.path = child,
            }
        }
        let wants_directory = last != Last::Entry && place.has_slash && place.is_there;
        unless(wants_directory && !self.is_directory(&place.path), "ENOTDIR", place)
    }

    fn found(&self, who: &Who, cwd: &str, path: &str, last: Last) -> Answer<Place> {
        let place = self.walk(who, cwd, path, last)?;
        unless(!place.is_there, "ENOENT", place)
    }

    /// Whether something may be made there.
    fn admit_new(&self, who: &Who, place: &Place) -> Answer<()> {
        unless(place.is_there, "EEXIST", ())?;
        unless(!self.may(who, parent(&place.path), 3), "EACCES", ())
    }

    /// Whether what is there may leave its directory.
    fn admit_leaving(&self, who: &Who, path: &str) -> Answer<()> {
        let above = parent(path);
        unless(!self.may(who, above, 3), "EACCES", ())?;
        let is_held =
            self.entries[above].mode & 0o1000 != 0 && !self.owns(who, path) && !self.owns(who, above);
        unless(is_held, "EPERM", ())
    }

    fn make(&mut self, who: &Who, path: &str, kind: Kind, mode: u16) {
        let above = &self.entries[parent(path)];
        let inherits = above.mode & 0o2000 != 0;
        let gid = if inherits { above.gid } else { who.groups[0] };
        let set_gid = if inherits && kind == Kind::Directory { 0o2000 } else { 0 };
        let mode = if matches!(kind, Kind::Link(_)) { 0o777 } else { mode & !0o022 | set_gid };
        self.entries.insert(path.to_owned(), Entry { kind, mode, uid: who.uid, gid });
    }

    /// Writes a file, which may be made; what is written comes of what was there.
    fn write(
        &mut self,
        who: &Who,
        cwd: &str,
        path: &str,
        makes: bool,
        text: impl FnOnce(&str) -> String,
    ) -> Answer<()> {
        let place = self.walk(who, cwd, path, if makes { Last::File } else { Last::Followed })?;
        if !place.is_there {
            unless(!makes, "ENOENT", ())?;
            self.admit_new(who, &place)?;
            let text = text("");
            self.make(who, &place.path, Kind::File(text), 0o666);
            return Ok(());
        }
        unless(self.is_directory(&place.path), "EISDIR", ())?;
        unless(!self.may(who, &place.path, 2), "EACCES", ())?;
        let entry = self.entries.get_mut(&place.path).unwrap();
        if let Kind::File(old) = &mut entry.kind {
            *old = text(old);
        }
        if who.uid != 0 {
            entry.mode = plain(entry.mode);
        }
        Ok(())
    }

    fn children(&self, path: &str) -> Vec<String> {
        let below = format!("{path}/");
        let children = self.entries.keys().filter(|key| key.starts_with(&below));
        let names = children.map(|key| key[below.len()..].to_owned());
        names.filter(|name| !name.is_empty() && !name.contains('/')).collect()
    }

    fn remove_below(&mut self, path: &str) {
        let below = format!("{path}/");
        self.entries.retain(|key, _| key != path && !key.starts_with(&below));
    }

    /// Removes all that may be; the first thing that went wrong.
    fn remove_all(&mut self, who: &Who, path: &str) -> Answer<()> {
        if who.uid == 0 {
            self.remove_below(path);
            return Ok(());
        }
        let mut first = Ok(());
        let children = self.children(path);
        let mut unread = None;
        if self.is_directory(path) && !children.is_empty() {
            if self.may(who, path, 5) {
                for name in children {
                    let child = format!("{path}/{name}");
                    first = first.and(self.remove_all(who, &child));
                }
            } else {
                unread = Some("EACCES");
            }
        }
        let last = self.admit_leaving(who, path);
        let last = last.and(unless(!self.children(path).is_empty(), "ENOTEMPTY", ()));
        if last.is_ok() {
            self.entries.remove(path);
        }
        first.and(last.map_err(|error| unread.unwrap_or(error)))
    }

    fn rename(&mut self, who: &Who, cwd: &str, source: &str, target: &str) -> Answer<()> {
        let from = self.walk(who, cwd, source, Last::Entry)?;
        let to = self.walk(who, cwd, target, Last::Entry)?;
        let is_unnamed = |place: &Place| matches!(&place.end[..], "." | ".." | "/");
        unless(is_unnamed(&from) || is_unnamed(&to), "EBUSY", ())?;
        unless(!from.is_there, "ENOENT", ())?;
        let is_directory = self.is_directory(&from.path);
        unless(!is_directory && (from.has_slash || to.has_slash), "ENOTDIR", ())?;
        if from.path == to.path {
            return Ok(());
        }
        unless(to.path.starts_with(&format!("{}/", from.path)), "EINVAL", ())?;
        unless(from.path.starts_with(&format!("{}/", to.path)), "ENOTEMPTY", ())?;
        self.admit_leaving(who, &from.path)?;
        if to.is_there {
            self.admit_leaving(who, &to.path)?;
            let replaces_directory = self.is_directory(&to.path);
            unless(is_directory && !replaces_directory, "ENOTDIR", ())?;
            unless(!is_directory && replaces_directory, "EISDIR", ())?;
        } else {
            self.admit_new(who, &to)?;
        }
        let moves = parent(&from.path) != parent(&to.path);
        unless(is_directory && moves && !self.may(who, &from.path, 2), "EACCES", ())?;
        unless(to.is_there && !self.children(&to.path).is_empty(), "ENOTEMPTY", ())?;
        let below = format!("{}/", from.path);
        let keys: Vec<String> = self.entries.keys().cloned().collect();
        for key in keys.iter().filter(|key| **key == from.path || key.starts_with(&below)) {
            let entry = self.entries.remove(key).unwrap();
            self.entries.insert(format!("{}{}", to.path, &key[from.path.len()..]), entry);
        }
        Ok(())
    }

    fn link(&mut self, who: &Who, cwd: &str, source: &str, target: &str) -> Answer<()> {
        let from = self.found(who, cwd, source, Last::Itself)?;
        let to = self.walk(who, cwd, target, Last::Entry)?;
        unless(to.is_there, "EEXIST", ())?;
        unless(to.has_slash, "ENOENT", ())?;
        let entry = self.entries[&from.path].clone();
        let is_open = self.may(who, &from.path, 6) && plain(entry.mode) == entry.mode;
        let may = match entry.kind {
            Kind::File(_) => self.owns(who, &from.path) || is_open,
            Kind::Directory | Kind::Link(_) => self.owns(who, &from.path),
        };
        unless(!may, "EPERM", ())?;
        self.admit_new(who, &to)?;
        unless(entry.kind == Kind::Directory, "EPERM", ())?;
        self.entries.insert(to.path, entry);
        Ok(())
    }

    fn copy(&mut self, who: &Who, cwd: &str, source: &str, target: &str) -> Answer<()> {
        let from = self.found(who, cwd, source, Last::Followed)?;
        unless(self.is_directory(&from.path), "EISDIR", ())?;
        unless(!self.may(who, &from.path, 4), "EACCES", ())?;
        let Entry { kind: Kind::File(text), mode, .. } = self.entries[&from.path].clone() else {
            panic!("a link was followed");
        };
        let to = self.walk(who, cwd, target, Last::File)?;
        if !to.is_there {
            self.write(who, cwd, target, true, |_| text)?;
            self.entries.get_mut(&to.path).unwrap().mode = mode & 0o755;
            return Ok(());
        }
        let may_write = !self.is_directory(&to.path) && self.may(who, &to.path, 2);
        unless(may_write && from.path == to.path, "EINVAL", ())?;
        self.write(who, cwd, target, true, |_| text)
    }

    fn chown(&mut self, who: &Who, cwd: &str, owner: &str, path: &str) -> Answer<()> {
        let (uid, gid) = owner.split_once(':').unwrap();
        let (uid, gid) = (uid.parse::<u32>().ok(), gid.parse::<u32>().ok());
        let place = self.found(who, cwd, path, Last::Followed)?;
        let entry = self.entries.get_mut(&place.path).unwrap();
        let is_plain = entry.kind == Kind::Directory || plain(entry.mode) == entry.mode;
        if who.uid != 0 {
            let is_mine = entry.uid == who.uid;
            let may_uid = uid.is_none() || (is_mine && uid == Some(who.uid));
            let may_gid = gid.is_none_or(|gid| is_mine && (gid == entry.gid || who.groups.contains(&gid)));
            unless(!may_uid || !may_gid || (!is_plain && !is_mine), "EPERM", ())?;
        }
        entry.uid = uid.unwrap_or(entry.uid);
        entry.gid = gid.unwrap_or(entry.gid);
        if entry.kind != Kind::Directory {
            entry.mode = plain(entry.mode);
        }
        Ok(())
    }

    fn chmod(&mut self, who: &Who, cwd: &str, mode: &str, path: &str) -> Answer<()> {
        let mode = u16::from_str_radix(mode, 8).unwrap();
        let place = self.found(who, cwd, path, Last::Followed)?;
        unless(!self.owns(who, &place.path), "EPERM", ())?;
        let entry = self.entries.get_mut(&place.path).unwrap();
        let is_insider = who.uid == 0 || who.groups.contains(&entry.gid);
        entry.mode = if is_insider { mode } else { mode & !0o2000 };
        Ok(())
    }

    fn run(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        match self.act(words[0], words[1], &words[2..]) {
            Ok(text) if text.is_empty() => "ok".to_owned(),
            Ok(text) => text,
            Err(error) => error.to_owned(),
        }
    }

    fn act(&mut self, name: &str, verb: &str, operands: &[&str]) -> Answer<String> {
        let (uid, groups) = match name {
            "root" => (0, vec![0]),
            "ann" => (1000, vec![1000, 50]),
            _ => (1001, vec![1001, 50]),
        };
        let who = &Who { uid, groups };
        let cwd = &self.places.get(name).cloned().unwrap_or_default();
        let first = operands[0];
        let second = operands.get(1).copied().unwrap_or_default();
        let done = |()| String::new();
        match verb {
            "mkdir" => {
                let place = self.walk(who, cwd, first, Last::Entry)?;
                self.admit_new(who, &place)?;
                let mode = u16::from_str_radix(second, 8).unwrap() & 0o1777;
                self.make(who, &place.path, Kind::Directory, mode);
                Ok(String::new())
            }
            "write" => self.write(who, cwd, first, true, |_| second.to_owned()).map(done),
            "append" => self.write(who, cwd, first, true, |old| format!("{old}{second}")).map(done),
            "truncate" => {
                self.write(who, cwd, first, false, |old| format!("{old}\0")[..1].to_owned()).map(done)
            }
            "unlink" => {
                let place = self.walk(who, cwd, first, Last::Entry)?;
                unless(matches!(&place.end[..], "." | ".." | "/"), "EISDIR", ())?;
                unless(!place.is_there, "ENOENT", ())?;
                let is_directory = self.is_directory(&place.path);
                unless(place.has_slash, if is_directory { "EISDIR" } else { "ENOTDIR" }, ())?;
                self.admit_leaving(who, &place.path)?;
                unless(is_directory, "EISDIR", ())?;
                self.entries.remove(&place.path);
                Ok(String::new())
            }
            "rmdir" => {
                let place = self.walk(who, cwd, first, Last::Entry)?;
                unless(place.end == ".", "EINVAL", ())?;
                unless(place.end == "..", "ENOTEMPTY", ())?;
                unless(place.end == "/", "EBUSY", ())?;
                unless(!place.is_there, "ENOENT", ())?;
                self.admit_leaving(who, &place.path)?;
                unless(!self.is_directory(&place.path), "ENOTDIR", ())?;
                unless(!self.children(&place.path).is_empty(), "ENOTEMPTY", ())?;
                self.entries.remove(&place.path);
                Ok(String::new())
            }
            "rm" => {
                let place = self.found(who, cwd, first, Last::Entry)?;
                unless(place.end == "/", "EBUSY", ())?;
                unless(place.end == "." || place.end == "..", "EINVAL", ())?;
                unless(place.has_slash && !self.is_directory(&place.path), "ENOTDIR", ())?;
                self.admit_leaving(who, &place.path)?;
                self.remove_all(who, &place.path).map(done)
            }
            "mv" => self.rename(who, cwd, first, second).map(done),
            "cp" => self.copy(who, cwd, first, second).map(done),
            "ln" => self.link(who, cwd, first, second).map(done),
            "ln-s" => {
                let place = self.walk(who, cwd, second, Last::Entry)?;
                unless(place.is_there, "EEXIST", ())?;
                unless(place.has_slash, "ENOENT", ())?;
                self.admit_new(who, &place)?;
                self.make(who, &place.path, Kind::Link(first.to_owned()), 0o777);
                Ok(String::new())
            }
            "chmod" => self.chmod(who, cwd, first, second).map(done),
            "chown" => self.chown(who, cwd, first, second).map(done),
            _ => self.look(name, who, cwd, verb, first),
        }
    }

    fn look(&mut self, name: &str, who: &Who, cwd: &str, verb: &str, path: &str) -> Answer<String> {
        let last = if verb == "lstat" || verb == "readlink" { Last::Itself } else { Last::Followed };
        let place = self.found(who, cwd, path, last)?;
        let entry = &self.entries[&place.path];
        let shown_path = if place.path.is_empty() { "/" } else { &place.path };
        match (verb, &entry.kind) {
            ("stat" | "lstat", _) => Ok(shown(entry)),
            ("realpath", _) => Ok(shown_path.to_owned()),
            ("readlink", Kind::Link(target)) => Ok(target.clone()),
            ("readlink", _) => Err("EINVAL"),
            ("read", Kind::Directory) => Err(if self.may(who, &place.path, 4) { "EISDIR" } else { "EACCES" }),
            ("read", Kind::File(text)) => unless(!self.may(who, &place.path, 4), "EACCES", text.clone()),
            ("ls" | "cd", Kind::File(_)) => Err("ENOTDIR"),
            ("ls", Kind::Directory) => {
                unless(!self.may(who, &place.path, 4), "EACCES", ())?;
                let names = self.children(&place.path).join(" ");
                Ok(if names.is_empty() { "-".to_owned() } else { names })
            }
            ("cd", Kind::Directory) => {
                unless(!self.may(who, &place.path, 1), "EACCES", ())?;
                self.places.insert(name.to_owned(), place.path);
                Ok(String::new())
            }
            ("exec", Kind::File(_)) => {
                unless(!self.may(who, &place.path, 1), "EACCES", ())?;
                let uid = if entry.mode & 0o4000 != 0 { entry.uid.to_string() } else { "-".to_owned() };
                let is_set_gid = entry.mode & 0o2010 == 0o2010;
                let gid = if is_set_gid { entry.gid.to_string() } else { "-".to_owned() };
                Ok(format!("{shown_path} {uid} {gid}"))
            }
            ("exec", _) => Err("EACCES"),
            _ => panic!("nobody can {verb} that"),
        }
    }
}

fn shown(Entry { kind, mode, uid, gid }: &Entry) -> String {
    let (kind, size) = match kind {
        Kind::File(text) => ("file", text.len()),
        Kind::Directory => ("directory", 4_096),
        Kind::Link(target) => ("symlink", target.len()),
    };
    format!("{kind} {} {uid}:{gid} {size}", permissions(*mode))
}

/// What goes through everything meets everything, and a copy of everything is like it.
fn check_tours(world: &mut World, model: &Model) -> Result<(), TestCaseError> {
    if !model.is_directory("/tmp") {
        return Ok(());
    }
    world.check("root chmod 755 / = ok\nroot chown 0:0 / = ok");
    let found = world.by("root", |files, root| {
        let mut find = files.find(root, b"/tmp", FindOptions::default()).unwrap();
        let mut found = Vec::new();
        while let Progress::More = find.go(files, root, 3, &mut found).unwrap() {}
        found.into_iter().map(|path| String::from_utf8(path).unwrap()).collect::<BTreeSet<_>>()
    });
    let expected: BTreeSet<String> =
        model.entries.keys().filter(|path| *path == "/tmp" || path.starts_with("/tmp/")).cloned().collect();
    prop_assert_eq!(&found, &expected);
    prop_assert_eq!(world.run("root cp-r /tmp /copy"), "ok");
    for path in &expected {
        let copy = format!("/copy{}", &path["/tmp".len()..]);
        let mut entry = model.entries[path].clone();
        (entry.uid, entry.gid) = (0, 0);
        entry.mode = match entry.kind {
            Kind::Link(_) => 0o777,
            _ => entry.mode & 0o755,
        };
        if let Kind::File(text) = &entry.kind {
            let read = world.run(&format!("root read {copy}"));
            prop_assert_eq!(&read, if text.is_empty() { "ok" } else { text });
        }
        prop_assert_eq!(world.run(&format!("root lstat {copy}")), shown(&entry), "{}", copy);
    }
    prop_assert_eq!(world.run("root rm /copy"), "ok");
    prop_assert_eq!(world.files.usage().entries, model.entries.len() as u64 - 1);
    Ok(())
}

/// Without the bits that let a program run as somebody else.
fn plain(mode: u16) -> u16 {
    let mode = mode & !0o4000;
    if mode & 0o010 != 0 { mode & !0o2000 } else { mode }
}

/// Short paths of few names, so that they meet.
fn path() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "c", "a", "b", "c", ".", ".."]);
    let start = prop::sample::select(vec!["/tmp/", "/tmp/", "/tmp/a/", "", "/"]);
    let end = prop::sample::select(vec!["", "", "", "", "", "/"]);
    (start, prop::collection::vec(name, 1..4), end)
        .prop_map(|(start, names, end)| format!("{start}{}{end}", names.join("/")))
}

fn mode() -> impl Strategy<Value = String> {
    let any = (0..0o10000_u16).prop_map(|mode| format!("{mode:o}"));
    let usual = ["755", "777", "700", "1777", "2775", "4755", "644", "0"].map(str::to_owned).to_vec();
    prop_oneof![any, prop::sample::select(usual)]
}

fn line() -> impl Strategy<Value = String> {
    let who = || prop::sample::select(vec!["root", "ann", "ann", "bob", "bob"]);
    let verb = |verbs: &'static [&'static str]| prop::sample::select(verbs);
    let owner = prop::sample::select(vec!["1000:", ":50", "1001:50", ":1001", "0:0", ":"]);
    let looks = &["stat", "lstat", "read", "ls", "readlink", "realpath", "exec", "cd"];
    let writes = &["write", "append"];
    prop_oneof![
        4 => (who(), path(), mode()).prop_map(|(who, path, mode)| format!("{who} mkdir {path} {mode}")),
        4 => (who(), verb(writes), path(), "[a-z]{1,3}")
            .prop_map(|(who, verb, path, text)| format!("{who} {verb} {path} {text}")),
        1 => (who(), path()).prop_map(|(who, path)| format!("{who} truncate {path} 1")),
        3 => (who(), verb(&["unlink", "rmdir", "rm"]), path())
            .prop_map(|(who, verb, path)| format!("{who} {verb} {path}")),
        6 => (who(), verb(&["mv", "cp", "ln", "ln-s"]), path(), path())
            .prop_map(|(who, verb, from, to)| format!("{who} {verb} {from} {to}")),
        4 => (who(), mode(), path()).prop_map(|(who, mode, path)| format!("{who} chmod {mode} {path}")),
        2 => (who(), owner, path()).prop_map(|(who, owner, path)| format!("{who} chown {owner} {path}")),
        6 => (who(), verb(looks), path()).prop_map(|(who, verb, path)| format!("{who} {verb} {path}")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]
    #[test]
    fn files_are_a_map_of_paths(lines in prop::collection::vec(line(), 1..100)) {
        let mut world = World::new();
        // The model knows nothing of what else is in the root.
        world.check(
            "root rm /etc = ok\nroot rm /home = ok\nann mkdir /tmp/a 755 = ok",
        );
        let root = ironloom_core::Instant::ZERO;
        for name in ["/dev", "/proc"] {
            world.files.tree_mut().remove(name, root).unwrap();
        }
        let mut model = Model::new();
        for line in &lines {
            let expected = model.run(line);
            prop_assert_eq!(world.run(line), expected, "{}", line);
        }
        for path in model.entries.keys().filter(|path| !path.is_empty()) {
            prop_assert_eq!(world.run(&format!("root lstat {path}")), shown(&model.entries[path]), "{}", path);
        }
        prop_assert_eq!(world.files.usage().entries, model.entries.len() as u64 - 1);
        check_tours(&mut world, &model)?;
    }
}
