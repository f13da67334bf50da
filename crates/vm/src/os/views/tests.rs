//! Tests of `/dev` and `/proc`.

use std::sync::Arc;

use ironloom_blob::tree::Config;
use ironloom_blob::{MemoryStore, Tree};
use ironloom_core::{Duration, Instant, Rng, Seed};

use super::{Device, MachineFacts, NetworkView, ProcessFacts, Views};
use crate::os::{Caller, CopyOptions, Credentials, Errno, FileKind, Files, OpenOptions, Opened, Progress};

/// Three processes: init, and one of ann and one of bob.
#[derive(Debug)]
struct Table;

impl Views for Table {
    fn pids(&self) -> Vec<u32> {
        vec![1, 7, 12]
    }

    fn owner(&self, pid: u32) -> Option<(u32, u32)> {
        match pid {
            1 => Some((0, 0)),
            7 => Some((1000, 1000)),
            12 => Some((1001, 1001)),
            _ => None,
        }
    }

    fn process(&self, pid: u32) -> Option<ProcessFacts> {
        let (uid, gid) = self.owner(pid)?;
        Some(ProcessFacts {
            pid,
            ppid: 1,
            pgid: 7,
            name: b"a (very) long name\nUid:\t0".to_vec(),
            args: vec![b"/bin/sh".to_vec(), b"".to_vec(), b"-c".to_vec()],
            state: 'S',
            real_uid: uid,
            uid,
            saved_uid: uid,
            gid,
            groups: Arc::new([50, 51]),
            umask: 0o022,
            memory_bytes: 123 * 1_024,
            cpu: Duration::from_millis(1_230),
            started: Duration::from_secs(5),
            nice: 5,
            tty: None,
            threads: 2,
        })
    }

    fn cwd(&self, pid: u32) -> Option<Vec<u8>> {
        self.owner(pid).map(|_| b"/home".to_vec())
    }

    fn environment(&self, _pid: u32) -> Vec<Vec<u8>> {
        vec![b"HOME=/home".to_vec(), b"SECRET=x".to_vec()]
    }

    fn descriptors(&self, pid: u32) -> Vec<(u32, Vec<u8>)> {
        self.owner(pid).map_or_else(Vec::new, |_| vec![(0, b"/dev/tty".to_vec()), (10, b"pipe:[3]".to_vec())])
    }

    fn machine(&self) -> MachineFacts {
        MachineFacts {
            sysname: "Linux".to_owned(),
            release: "6.1.0".to_owned(),
            version: "#1".to_owned(),
            hostname: "loom".to_owned(),
            processor: "Loom".to_owned(),
            cores: 2,
            memory_bytes: 16 << 20,
            memory_used_bytes: 4 << 20,
            uptime: Duration::from_millis(61_500),
            idle: Duration::from_millis(120_000),
            load: [0.5, 0.25, 0.125],
            processes: 3,
            running: 1,
            last_pid: 12,
        }
    }

    fn network(&self, file: NetworkView) -> String {
        format!("{file:?}\n")
    }
}

struct World {
    files: Files,
    ann: Credentials,
    root: Credentials,
}

impl World {
    fn new() -> Self {
        let mut files = Files::new(Tree::new(Arc::new(MemoryStore::new()), Config::default()));
        let root = Credentials::root();
        let system = Caller::system(&root, Instant::ZERO);
        for path in ["/dev", "/proc", "/home", "/tmp"] {
            files.mkdir(&system, path.as_bytes(), 0o755).unwrap();
        }
        files.chmod(&system, b"/tmp", 0o777).unwrap();
        Self { files, ann: Credentials::of(1000, 1000, [].into()), root }
    }

    fn ann(&mut self) -> (&mut Files, Caller<'_>) {
        let caller = Caller { pid: 7, views: &Table, ..Caller::system(&self.ann, Instant::ZERO) };
        (&mut self.files, caller)
    }

    fn root(&mut self) -> (&mut Files, Caller<'_>) {
        let caller = Caller { pid: 1, views: &Table, ..Caller::system(&self.root, Instant::ZERO) };
        (&mut self.files, caller)
    }

    fn read(&mut self, path: &str) -> Result<String, Errno> {
        let (files, ann) = self.ann();
        let bytes = files.read_all(&ann, path.as_bytes(), 1 << 20)?;
        Ok(String::from_utf8(bytes).unwrap())
    }

    fn names(&mut self, path: &str) -> Result<String, Errno> {
        let (files, ann) = self.ann();
        let mut names = Vec::new();
        // A page at a time, as a directory that is stored.
        while let Some(entry) =
            files.list(&ann, path.as_bytes(), names.last().map(String::as_bytes), 1)?.pop()
        {
            names.push(entry.name.to_string());
        }
        Ok(names.join(" "))
    }
}

#[test]
fn the_views_are_directories_like_others() {
    let mut world = World::new();
    assert_eq!(world.names("/").unwrap(), "dev home proc tmp");
    assert_eq!(world.names("/dev").unwrap(), "fd full null random stderr stdin stdout tty urandom zero");
    assert_eq!(
        world.names("/proc").unwrap(),
        "1 12 7 cpuinfo filesystems loadavg meminfo mounts net self uptime version"
    );
    assert_eq!(world.names("/proc/7").unwrap(), "cmdline comm cwd environ fd stat status");
    assert_eq!(world.names("/proc/self/fd").unwrap(), "0 10");
    assert_eq!(world.names("/proc/net").unwrap(), "arp dev route tcp udp");
    let (files, ann) = world.ann();
    assert_eq!(files.real_path(&ann, b"/proc/self/status").unwrap(), b"/proc/7/status");
    assert_eq!(files.chdir(&ann, b"/proc/self/").unwrap(), b"/proc/7");
    let there = Caller { cwd: b"/proc/7", ..ann };
    assert_eq!(files.real_path(&there, b"../../tmp").unwrap(), b"/tmp");
    assert_eq!(files.read_all(&there, b"comm", 100).unwrap(), b"a (very) long n\n");
    let gone = Caller { cwd: b"/proc/8", ..ann };
    assert_eq!(files.stat(&gone, b".").map(drop), Err(Errno::NotFound));
    for path in
        ["/proc/07", "/proc/8", "/proc/+7", "/proc/4294967303", "/proc/7/x", "/dev/sda", "/proc/net/x"]
    {
        assert_eq!(files.stat(&ann, path.as_bytes()).map(drop), Err(Errno::NotFound), "{path}");
    }
    assert_eq!(files.stat(&ann, b"/proc/uptime/x").map(drop), Err(Errno::NotADirectory));
    assert_eq!(files.stat(&ann, b"/dev/null").unwrap().kind, FileKind::Device);
    assert_eq!(files.lstat(&ann, b"/proc/self").unwrap().kind, FileKind::Symlink);
}

#[test]
fn nothing_is_made_removed_or_changed_there() {
    let mut world = World::new();
    let (files, root) = world.root();
    assert_eq!(files.write_all(&root, b"/proc/x", b"", None), Err(Errno::ReadOnly));
    assert_eq!(files.write_all(&root, b"/proc/version", b"", None), Err(Errno::ReadOnly));
    assert_eq!(files.append(&root, b"/proc/7/status", b""), Err(Errno::ReadOnly));
    assert_eq!(files.truncate(&root, b"/proc/7/status", 0), Err(Errno::ReadOnly));
    assert_eq!(files.mkdir(&root, b"/dev/x", 0o777), Err(Errno::ReadOnly));
    assert_eq!(files.mkdir_all(&root, b"/dev/x/y", 0o777), Err(Errno::ReadOnly));
    assert_eq!(files.symlink(&root, b"/", b"/proc/x"), Err(Errno::ReadOnly));
    assert_eq!(files.unlink(&root, b"/dev/null"), Err(Errno::ReadOnly));
    assert_eq!(files.rmdir(&root, b"/proc"), Err(Errno::Busy));
    assert_eq!(files.rmdir(&root, b"/proc/7"), Err(Errno::ReadOnly));
    assert_eq!(files.remove_all(&root, b"/dev").map(drop), Err(Errno::Busy));
    assert_eq!(files.rename(&root, b"/dev", b"/x"), Err(Errno::Busy));
    assert_eq!(files.rename(&root, b"/tmp", b"/proc"), Err(Errno::Busy));
    assert_eq!(files.rename(&root, b"/tmp", b"/proc/x"), Err(Errno::ReadOnly));
    assert_eq!(files.rename(&root, b"/dev/null", b"/tmp/x"), Err(Errno::ReadOnly));
    assert_eq!(files.link(&root, b"/proc/version", b"/tmp/x"), Err(Errno::CrossDevice));
    assert_eq!(files.chmod(&root, b"/dev/null", 0o600), Err(Errno::ReadOnly));
    assert_eq!(files.chown(&root, b"/proc/7", Some(0), None), Err(Errno::ReadOnly));
    assert_eq!(files.program(&root, b"/proc/version").map(drop), Err(Errno::Access));
    assert_eq!(files.touch(&root, b"/dev/null", None), Ok(()));
}

#[test]
fn files_about_processes_read_as_in_linux() {
    let mut world = World::new();
    let status = world.read("/proc/self/status").unwrap();
    assert!(
        status.starts_with("Name:\ta (very) long n\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t7\n"),
        "{status}"
    );
    assert!(status.contains("\nUid:\t1000\t1000\t1000\t1000\nGid:\t1000"), "{status}");
    assert!(status.contains("\nGroups:\t50 51 \n"), "{status}");
    assert!(status.contains("\nVmRSS:\t     123 kB\nThreads:\t2\n"), "{status}");
    assert_eq!(status.lines().filter(|line| line.starts_with("Uid:")).count(), 1);
    let stat = world.read("/proc/12/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    assert_eq!(fields.len(), 50, "52 fields with pid and name");
    let field = |number: usize| fields[number - 3];
    assert_eq!((field(3), field(4), field(5)), ("S", "1", "7"));
    assert_eq!((field(14), field(18), field(19), field(20)), ("123", "25", "5", "2"));
    assert_eq!((field(22), field(23), field(24)), ("500", "125952", "30"));
    assert_eq!(world.read("/proc/7/cmdline").unwrap(), "/bin/sh\0\0-c\0");
}

#[test]
fn files_about_the_machine_read_as_in_linux() {
    let mut world = World::new();
    assert_eq!(world.read("/proc/uptime").unwrap(), "61.50 120.00\n");
    assert_eq!(world.read("/proc/loadavg").unwrap(), "0.50 0.25 0.12 1/3 12\n");
    assert_eq!(world.read("/proc/version").unwrap(), "Linux version 6.1.0 #1\n");
    let memory = world.read("/proc/meminfo").unwrap();
    assert!(memory.starts_with("MemTotal:          16384 kB\nMemFree:           12288 kB\n"), "{memory}");
    let processors = world.read("/proc/cpuinfo").unwrap();
    assert_eq!(processors.matches("processor\t: ").count(), 2);
    assert!(processors.contains("model name\t: Loom\n"));
    assert!(world.read("/proc/mounts").unwrap().contains("proc /proc proc "));
    assert!(world.read("/proc/net/tcp").unwrap().ends_with("inode\nTcp\n"));
    assert!(world.read("/proc/net/dev").unwrap().ends_with("\nInterfaces\n"));
    assert!(world.read("/proc/net/arp").unwrap().ends_with("Device\nNeighbours\n"));
    assert_eq!(world.read("/proc/filesystems").unwrap().lines().count(), 3);
}

#[test]
fn what_is_private_of_a_process_is_its_owners() {
    let mut world = World::new();
    assert_eq!(world.read("/proc/7/environ").unwrap(), "HOME=/home\0SECRET=x\0");
    assert_eq!(world.read("/proc/12/environ"), Err(Errno::Access));
    assert_eq!(world.read("/proc/1/environ"), Err(Errno::Access));
    assert_eq!(world.names("/proc/12/fd"), Err(Errno::Access));
    let (files, ann) = world.ann();
    assert_eq!(files.read_link(&ann, b"/proc/self/cwd").unwrap(), b"/home");
    assert_eq!(files.real_path(&ann, b"/proc/self/cwd").unwrap(), b"/home");
    assert_eq!(files.read_link(&ann, b"/proc/12/cwd"), Err(Errno::Access));
    assert_eq!(files.list(&ann, b"/proc/12/cwd", None, 1).map(drop), Err(Errno::Access));
    assert_eq!(files.read_link(&ann, b"/proc/self/fd/10").unwrap(), b"pipe:[3]");
    assert_eq!(files.read_link(&ann, b"/proc/12/fd/10"), Err(Errno::Access));
    // What a process has open itself is opened by number, since it may have no path.
    for path in ["/proc/self/fd/10", "/dev/fd/10", "/proc/7/fd/10"] {
        let opened = files.open(&ann, path.as_bytes(), OpenOptions::parse("r").unwrap()).unwrap();
        assert!(matches!(opened, Opened::Device(Device::Descriptor(10), _)), "{path}");
    }
    assert_eq!(files.stat(&ann, b"/dev/fd/11").map(drop), Err(Errno::NotFound));
    let listed = files.list(&ann, b"/proc/12", None, 10).unwrap();
    assert!(listed.iter().all(|entry| entry.target.is_none()), "where others are is not told");
    let (files, root) = world.root();
    assert_eq!(files.read_link(&root, b"/proc/12/cwd").unwrap(), b"/home");
    let opened = files.open(&root, b"/proc/12/fd/0", OpenOptions::parse("r").unwrap()).unwrap();
    assert!(matches!(opened, Opened::Device(Device::Tty, _)), "that of another is opened by its path");
    assert_eq!(files.read_all(&root, b"/proc/12/fd/10", 10), Err(Errno::NotFound));
    assert!(files.read_all(&root, b"/proc/12/environ", 100).is_ok());
}

#[test]
fn devices_are_opened_and_the_simple_ones_take_what_is_written() {
    let mut world = World::new();
    let (files, ann) = world.ann();
    for (path, expected) in [
        ("/dev/null", Device::Null),
        ("/dev/zero", Device::Zero),
        ("/dev/full", Device::Full),
        ("/dev/random", Device::Random),
        ("/dev/urandom", Device::Random),
        ("/dev/tty", Device::Tty),
        ("/dev/stdin", Device::Descriptor(0)),
        ("/dev/stderr", Device::Descriptor(2)),
    ] {
        let options = OpenOptions::parse("w").unwrap();
        let opened = files.open(&ann, path.as_bytes(), options).unwrap();
        assert!(
            matches!(opened, Opened::Device(device, with) if device == expected && with == options),
            "{path}"
        );
    }
    assert_eq!(files.write_all(&ann, b"/dev/null", b"x", None), Ok(()));
    assert_eq!(files.append(&ann, b"/dev/full", b"x"), Err(Errno::NoSpace));
    assert_eq!(files.write_all(&ann, b"/dev/tty", b"x", None), Err(Errno::NotSupported));
    assert_eq!(files.read_all(&ann, b"/dev/zero", 10), Err(Errno::NotSupported));
    let mut rng = Rng::new(Seed::new(3));
    let mut again = Rng::new(Seed::new(3));
    let (mut one, mut other) = ([0; 16], [0; 16]);
    assert_eq!(Device::Random.read(&mut one, &mut rng), Ok(16));
    assert_eq!(Device::Random.read(&mut other, &mut again), Ok(16));
    assert_eq!(one, other);
    assert_ne!(one, [0; 16]);
}

#[test]
fn what_a_view_shows_can_be_copied_and_stays_while_it_is_open() {
    let mut world = World::new();
    let (files, ann) = world.ann();
    let options = CopyOptions { is_recursive: true, preserves: false };
    let mut copy = files.copy(&ann, b"/proc/net", b"/tmp/net", options).unwrap();
    while let Progress::More = copy.go(files, &ann, 1) {}
    assert!(files.read_all(&ann, b"/tmp/net/udp", 1_000).unwrap().ends_with(b"Udp\n"));
    let opened = files.open(&ann, b"/proc/uptime", OpenOptions::parse("r").unwrap()).unwrap();
    let Opened::File(mut file) = opened else { panic!("a file") };
    let mut out = [0; 5];
    assert_eq!(files.read(&mut file, &mut out), Ok(5));
    assert_eq!(&out, b"61.50");
    assert_eq!(files.read(&mut file, &mut [0; 100]), Ok(8));
    assert_eq!(files.write(&ann, &mut file, b"x"), Err(Errno::BadHandle));
    assert_eq!(files.stat_open(&ann, &file).unwrap().size, 13);
    files.close(file);
}

/// An image without these directories has no views, and what else has the name stays what it is.
#[test]
fn without_a_place_there_is_no_view() {
    let mut world = World::new();
    world.files = Files::new(Tree::new(Arc::new(MemoryStore::new()), Config::default()));
    let (files, root) = world.root();
    assert_eq!(files.stat(&root, b"/proc/self").map(drop), Err(Errno::NotFound));
    files.write_all(&root, b"/dev", b"a file", None).unwrap();
    files.mkdir_all(&root, b"/x/proc/self", 0o755).unwrap();
    assert_eq!(files.read_all(&root, b"/dev", 10).unwrap(), b"a file");
    assert_eq!(files.stat(&root, b"/x/proc/self").unwrap().kind, FileKind::Directory);
}
