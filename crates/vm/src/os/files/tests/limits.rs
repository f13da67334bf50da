//! Full disks, and more of everything than there is room for.

use ironloom_blob::tree::Config;

use super::World;
use crate::os::{Errno, OpenOptions, Opened, Progress, Whence};

#[test]
fn a_full_disk_refuses_and_keeps_what_is_there() {
    let mut world = World::with_quota(10_000, 1_000);
    world.by("ann", |files, ann| {
        files.write_all(ann, b"/tmp/f", &[b'x'; 9_000], None).unwrap();
        assert_eq!(files.write_all(ann, b"/tmp/g", &[b'y'; 2_000], None), Err(Errno::NoSpace));
        assert_eq!(files.stat(ann, b"/tmp/g"), Err(Errno::NotFound));
        assert_eq!(files.append(ann, b"/tmp/f", &[b'y'; 2_000]), Err(Errno::NoSpace));
        assert_eq!(files.write_all(ann, b"/tmp/f", &[b'y'; 20_000], None), Err(Errno::NoSpace));
        assert_eq!(files.truncate(ann, b"/tmp/f", 1 << 40), Err(Errno::NoSpace));
        assert_eq!(files.read_all(ann, b"/tmp/f", 10_000).unwrap(), [b'x'; 9_000]);
        assert_eq!(files.read_all(ann, b"/tmp/f", 8_999), Err(Errno::TooBig));
        assert_eq!(files.copy(ann, b"/tmp/f", b"/tmp/g", Default::default()).map(drop), Err(Errno::NoSpace));
        assert_eq!(files.stat(ann, b"/tmp/g"), Err(Errno::NotFound));
        files.write_all(ann, b"/tmp/f", b"short", None).unwrap();
        files.write_all(ann, b"/tmp/g", &[b'y'; 2_000], None).unwrap();
    });
}

#[test]
fn writing_in_parts_ends_where_the_disk_does() {
    let mut world = World::with_quota(10_000, 1_000);
    world.by("ann", |files, ann| {
        let Ok(Opened::File(mut file)) = files.open(ann, b"/tmp/f", OpenOptions::parse("w+").unwrap()) else {
            panic!("a file");
        };
        let written = (0..20).take_while(|_| files.write(ann, &mut file, &[b'x'; 1_000]).is_ok()).count();
        assert_eq!(written, 10);
        assert_eq!(file.offset(), 10_000);
        files.unlink(ann, b"/tmp/f").unwrap();
        // What was removed is still open, and still takes its place.
        assert_eq!(files.write_all(ann, b"/tmp/g", b"y", None), Err(Errno::NoSpace));
        files.seek(&mut file, Whence::Start, 9_999).unwrap();
        let mut out = [0; 10];
        assert_eq!(files.read(&mut file, &mut out), Ok(1));
        assert_eq!(files.path_of(&file), None);
        files.close(file);
        files.write_all(ann, b"/tmp/g", b"y", None).unwrap();
    });
}

#[test]
fn empty_files_directories_and_links_are_not_for_free() {
    let mut world = World::with_quota(10_000, 20);
    world.by("ann", |files, ann| {
        let made = (0..100).take_while(|number| {
            let path = format!("/tmp/{number}");
            match number % 3 {
                0 => files.touch(ann, path.as_bytes(), None).is_ok(),
                1 => files.mkdir(ann, path.as_bytes(), 0o700).is_ok(),
                _ => files.symlink(ann, b"x", path.as_bytes()).is_ok(),
            }
        });
        assert_eq!(made.count(), 13);
        assert_eq!(files.touch(ann, b"/tmp/new", None), Err(Errno::NoSpace));
        assert_eq!(files.rename(ann, b"/tmp/0", b"/tmp/new"), Ok(()));
    });
}

#[test]
fn open_files_have_a_limit_that_closing_lifts() {
    let mut world = World::with(Config { handles_max: 3, ..Config::default() });
    let read = OpenOptions::parse("r").unwrap();
    world.by("ann", |files, ann| {
        files.write_all(ann, b"/tmp/f", b"x", None).unwrap();
        let mut open: Vec<_> = (0..3).map(|_| files.open(ann, b"/tmp/f", read).unwrap()).collect();
        assert_eq!(files.open(ann, b"/tmp/f", read).map(drop), Err(Errno::MachineFiles));
        let create = OpenOptions::parse("w").unwrap();
        assert_eq!(files.open(ann, b"/tmp/new", create).map(drop), Err(Errno::MachineFiles));
        assert_eq!(files.stat(ann, b"/tmp/new"), Err(Errno::NotFound));
        let Some(Opened::File(file)) = open.pop() else { panic!("a file") };
        files.close(file);
        assert!(files.open(ann, b"/tmp/f", read).is_ok());
        // Devices and what is made up take no room.
        assert!(files.open(ann, b"/dev/null", read).is_ok());
        assert!(files.open(ann, b"/proc/version", read).is_ok());
        let fork = files.fork();
        assert_eq!(fork.usage().orphan_bytes, 0);
    });
}

#[test]
fn a_hole_in_a_file_is_zeros() {
    let mut world = World::new();
    world.by("ann", |files, ann| {
        let Ok(Opened::File(mut file)) = files.open(ann, b"/tmp/f", OpenOptions::parse("w+").unwrap()) else {
            panic!("a file");
        };
        assert_eq!(files.seek(&mut file, Whence::End, -1), Err(Errno::Invalid));
        assert_eq!(files.seek(&mut file, Whence::Start, i64::MAX), Ok(i64::MAX as u64));
        assert_eq!(files.write(ann, &mut file, b"xx"), Err(Errno::TooBig));
        assert_eq!(files.seek(&mut file, Whence::Current, i64::MAX), Err(Errno::Invalid));
        assert_eq!(files.seek(&mut file, Whence::Start, 5), Ok(5));
        files.write(ann, &mut file, b"x").unwrap();
        assert_eq!(files.read_all(ann, b"/tmp/f", 10).unwrap(), b"\0\0\0\0\0x");
        files.truncate_open(ann, &file, 2).unwrap();
        assert_eq!(files.stat_open(ann, &file).unwrap().size, 2);
        let mut out = [0; 4];
        assert_eq!(files.read(&mut file, &mut out), Ok(0), "the place stays beyond the end");
        files.close(file);
    });
}

/// A hundred thousand entries of one directory: each operation costs as if there were few, and what goes over all of
/// them goes in parts.
#[test]
fn a_directory_of_a_hundred_thousand_files() {
    const FILES: usize = 100_000;
    let mut world = World::new();
    world.by("ann", |files, ann| {
        files.mkdir(ann, b"/tmp/d", 0o755).unwrap();
        for number in 0..FILES {
            files.touch(ann, format!("/tmp/d/{number:06}").as_bytes(), None).unwrap();
        }
        let mut after: Option<Vec<u8>> = None;
        let mut count = 0;
        loop {
            let page = files.list(ann, b"/tmp/d", after.as_deref(), 1_000).unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.name.as_bytes().to_vec());
            count += page.len();
        }
        assert_eq!(count, FILES);
        assert_eq!(files.rmdir(ann, b"/tmp/d"), Err(Errno::NotEmpty));
        let mut removal = files.remove_all(ann, b"/tmp/d").unwrap();
        let mut parts = 0;
        while let Progress::More = removal.go(files, ann, 1_000) {
            parts += 1;
        }
        assert!((100..110).contains(&parts), "{parts} parts");
        assert_eq!(files.stat(ann, b"/tmp/d"), Err(Errno::NotFound));
    });
}
