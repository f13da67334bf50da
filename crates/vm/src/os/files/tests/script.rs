//! A small language for tests: each line says who does what with which path, and what comes of it.
//!
//! `ann write /tmp/x hello = ok`, `bob read /tmp/x = hello`, `bob rm /tmp/x = EPERM`. Empty lines and what follows a `#`
//! do not count.

use super::World;
use crate::os::{
    Access, Caller, CopyOptions, Errno, Files, OpenOptions, Opened, Progress, Stat, Whence, permissions,
};

/// Does what a script says in a new world, and checks what comes of it.
pub(super) fn check(script: &str) -> World {
    let mut world = World::new();
    world.check(script);
    world
}

impl World {
    pub(super) fn check(&mut self, script: &str) {
        for line in script.lines() {
            let line = line.split('#').next().unwrap().trim();
            if line.is_empty() {
                continue;
            }
            let (act, expected) = line.rsplit_once('=').expect("a line says what comes of it");
            assert_eq!(self.run(act.trim()), expected.trim(), "{line}");
        }
    }

    /// Does what a line says; gives what comes of it as text.
    pub(super) fn run(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [who, verb, operands @ ..] = &words[..] else { panic!("{line:?} is no line") };
        let done = if *verb == "cd" {
            let gone = self.by(who, |files, caller| files.chdir(caller, operands[0].as_bytes()));
            gone.map(|path| drop(self.places.insert((*who).to_owned(), path))).map(|()| String::new())
        } else {
            self.by(who, |files, caller| act(files, caller, verb, operands))
        };
        match done {
            Ok(text) if text.is_empty() => "ok".to_owned(),
            Ok(text) => text,
            Err(errno) => errno.name().to_owned(),
        }
    }
}

fn act(files: &mut Files, caller: &Caller<'_>, verb: &str, operands: &[&str]) -> Result<String, Errno> {
    let first = operands.first().map_or(&b""[..], |word| word.as_bytes());
    let second = operands.get(1).map_or(&b""[..], |word| word.as_bytes());
    let done = |()| String::new();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    match verb {
        "mkdir" => files.mkdir(caller, first, operands.get(1).map_or(0o777, |mode| octal(mode))).map(done),
        "mkdir-p" => files.mkdir_all(caller, first, 0o777).map(done),
        "write" => files.write_all(caller, first, second, None).map(done),
        "append" => files.append(caller, first, second).map(done),
        "read" => files.read_all(caller, first, 4_096).map(text),
        "unlink" => files.unlink(caller, first).map(done),
        "rmdir" => files.rmdir(caller, first).map(done),
        "rm" => {
            let mut removal = files.remove_all(caller, first)?;
            loop {
                if let Progress::Done(done) = removal.go(files, caller, 1) {
                    break done.map(|()| String::new());
                }
            }
        }
        "mv" => files.rename(caller, first, second).map(done),
        "ln" => files.link(caller, first, second).map(done),
        "ln-s" => files.symlink(caller, first, second).map(done),
        "chmod" => files.chmod(caller, second, octal(operands[0])).map(done),
        "chown" => {
            let (uid, gid) = owner(operands[0]);
            files.chown(caller, second, uid, gid).map(done)
        }
        "lchown" => {
            let (uid, gid) = owner(operands[0]);
            files.lchown(caller, second, uid, gid).map(done)
        }
        "cp" | "cp-r" | "cp-p" | "cp-rp" => copy(files, caller, verb, first, second).map(done),
        "ls" => {
            let entries = files.list(caller, first, None, 100)?;
            let names: Vec<String> = entries.iter().map(|entry| entry.name.to_string()).collect();
            Ok(if names.is_empty() { "-".to_owned() } else { names.join(" ") })
        }
        "stat" => files.stat(caller, first).map(|stat| shown(&stat)),
        "lstat" => files.lstat(caller, first).map(|stat| shown(&stat)),
        "mtime" => files.stat(caller, first).map(|stat| seconds(&stat)),
        "access" => files.access(caller, second, Access::parse(operands[0]).unwrap()).map(done),
        "touch" => files.touch(caller, first, None).map(done),
        "touch-at" => {
            let time =
                ironloom_core::Instant::from_nanos(operands[1].parse::<u64>().unwrap() * 1_000_000_000);
            files.touch(caller, first, Some(time)).map(done)
        }
        "truncate" => files.truncate(caller, first, operands[1].parse().unwrap()).map(done),
        "readlink" => files.read_link(caller, first).map(text),
        "realpath" => files.real_path(caller, first).map(text),
        "exec" => files.program(caller, first).map(|program| {
            let uid = program.set_uid.map_or("-".to_owned(), |uid| uid.to_string());
            let gid = program.set_gid.map_or("-".to_owned(), |gid| gid.to_string());
            format!("{} {uid} {gid}", text(program.path))
        }),
        "open" => open(files, caller, operands[0], second),
        "glob" => glob(files, caller, first),
        verb => panic!("nobody can {verb}"),
    }
}

fn octal(text: &str) -> u16 {
    u16::from_str_radix(text, 8).unwrap()
}

fn owner(text: &str) -> (Option<u32>, Option<u32>) {
    let (uid, gid) = text.split_once(':').unwrap();
    (uid.parse().ok(), gid.parse().ok())
}

fn shown(stat: &Stat) -> String {
    format!("{} {} {}:{} {}", stat.kind.name(), permissions(stat.mode), stat.uid, stat.gid, stat.size)
}

fn seconds(stat: &Stat) -> String {
    (stat.modified.as_nanos() / 1_000_000_000).to_string()
}

fn copy(files: &mut Files, caller: &Caller<'_>, verb: &str, from: &[u8], to: &[u8]) -> Result<(), Errno> {
    let options =
        CopyOptions { is_recursive: verb.contains('r'), preserves: verb.ends_with('p') && verb != "cp" };
    let mut copy = files.copy(caller, from, to, options)?;
    loop {
        if let Progress::Done(done) = copy.go(files, caller, 1) {
            return done;
        }
    }
}

fn glob(files: &Files, caller: &Caller<'_>, pattern: &[u8]) -> Result<String, Errno> {
    let mut globbing = files.glob(pattern, 1_000)?;
    loop {
        if let Progress::Done(paths) = globbing.go(files, caller, 1)? {
            let paths: Vec<String> = paths.into_iter().map(|path| String::from_utf8(path).unwrap()).collect();
            return Ok(if paths.is_empty() { "-".to_owned() } else { paths.join(" ") });
        }
    }
}

/// Opens a file, writes `+` if that was asked for, and gives what is in it then, if it may be read.
fn open(files: &mut Files, caller: &Caller<'_>, mode: &str, path: &[u8]) -> Result<String, Errno> {
    let options = OpenOptions::parse(mode).unwrap();
    let mut file = match files.open(caller, path, options)? {
        Opened::File(file) => file,
        Opened::Device(device, _) => return Ok(format!("{device:?}")),
    };
    let mut text = String::new();
    if options.write {
        files.write(caller, &mut file, b"+")?;
    }
    if options.read {
        files.seek(&mut file, Whence::Start, 0)?;
        let mut out = [0; 4_096];
        let count = files.read(&mut file, &mut out)?;
        text = String::from_utf8(out[..count].to_vec()).unwrap();
    }
    files.close(file);
    Ok(text)
}
