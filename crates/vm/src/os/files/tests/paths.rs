//! Paths that try to lead elsewhere.

use super::{World, check};
use crate::os::{Errno, OpenOptions};

#[test]
fn nothing_leads_out_of_the_root() {
    check(
        "root realpath /.. = /
         root realpath /../../../../etc = /etc
         root realpath /home/ann/../../../../tmp = /tmp
         ann ln-s ../../../../../../etc /tmp/up = ok
         ann realpath /tmp/up = /etc
         ann realpath /tmp/up/.. = /
         ann realpath /tmp/up/../../.. = /
         ann cd /tmp/up = ok
         ann realpath . = /etc
         ann realpath .. = /
         ann realpath ../../home = /home",
    );
}

#[test]
fn dots_and_slashes_are_what_they_are_in_posix() {
    check(
        "ann write /tmp/f x = ok
         ann mkdir /tmp/d = ok
         ann read //tmp///f = x
         ann read /tmp/./d/.././f = x
         ann read /tmp/f/ = ENOTDIR
         ann read /tmp/f/. = ENOTDIR
         ann read /tmp/f/.. = ENOTDIR
         ann stat /tmp/no/.. = ENOENT
         ann stat /tmp/d/ = directory rwxr-xr-x 1000:1000 4096
         ann write /tmp/new/ x = EISDIR
         ann write /tmp/d x = EISDIR
         ann write /tmp/d/ x = EISDIR
         ann open w /tmp/new/ = EISDIR
         ann open r /tmp/d = EISDIR
         ann touch /tmp/new/ = ENOENT
         ann mkdir /tmp/new/ = ok
         ann mkdir /tmp/new = EEXIST
         ann mkdir /tmp/. = EEXIST
         ann mkdir / = EEXIST
         ann mkdir /tmp/a/b = ENOENT
         ann mkdir /tmp/f/b = ENOTDIR
         ann rmdir /tmp/new/ = ok
         ann rmdir /tmp/d/. = EINVAL
         ann rmdir / = EBUSY
         ann rmdir /tmp/f = ENOTDIR
         ann unlink /tmp/d = EISDIR
         ann unlink /tmp/f/ = ENOTDIR
         ann mv /tmp/d/. /tmp/e = EBUSY
         ann mv / /tmp/e = EBUSY
         ann mv /tmp/d /tmp/.. = EBUSY
         ann mv /tmp/f /tmp/f/ = ENOTDIR
         ann mv /tmp/d/ /tmp/e/ = ok
         ann mkdir-p /tmp/e//x/./y/../z/ = ok
         ann ls /tmp/e/x = y z
         ann mkdir-p /tmp/e/x = ok
         ann mkdir-p /tmp/f = EEXIST
         ann mkdir-p /tmp/f/g = ENOTDIR
         ann mkdir-p / = ok
         ann mkdir-p /etc/a/b = EACCES
         ann cd /tmp/f = ENOTDIR
         ann cd /tmp/no = ENOENT",
    );
}

#[test]
fn bytes_that_no_path_has_are_refused() {
    let mut world = World::new();
    let long_name = vec![b'n'; 256];
    let long_path = b"/tmp/".iter().copied().chain(b"./".repeat(2_048)).collect::<Vec<u8>>();
    let cases: [(&[u8], Errno); 6] = [
        (b"", Errno::NotFound),
        (b"/tmp/a\0b", Errno::Invalid),
        (b"\0", Errno::Invalid),
        (b"/etc/passwd\0.txt", Errno::Invalid),
        (&long_name, Errno::NameTooLong),
        (&long_path, Errno::NameTooLong),
    ];
    for (path, errno) in cases {
        world.by("root", |files, root| {
            let create = OpenOptions::parse("w").unwrap();
            let shown = path.escape_ascii();
            assert_eq!(files.stat(root, path), Err(errno), "{shown}");
            assert_eq!(files.lstat(root, path), Err(errno), "{shown}");
            assert_eq!(files.list(root, path, None, 10), Err(errno), "{shown}");
            assert_eq!(files.read_all(root, path, 10), Err(errno), "{shown}");
            assert_eq!(files.write_all(root, path, b"x", None), Err(errno), "{shown}");
            assert_eq!(files.append(root, path, b"x"), Err(errno), "{shown}");
            assert_eq!(files.mkdir(root, path, 0o777), Err(errno), "{shown}");
            assert_eq!(files.mkdir_all(root, path, 0o777), Err(errno), "{shown}");
            assert_eq!(files.unlink(root, path), Err(errno), "{shown}");
            assert_eq!(files.rename(root, path, b"/tmp/x"), Err(errno), "{shown}");
            assert_eq!(files.rename(root, b"/home", path), Err(errno), "{shown}");
            assert_eq!(files.symlink(root, b"/etc", path), Err(errno), "{shown}");
            assert_eq!(files.chdir(root, path), Err(errno), "{shown}");
            assert_eq!(files.touch(root, path, None), Err(errno), "{shown}");
            assert_eq!(files.open(root, path, create).map(drop), Err(errno), "{shown}");
            assert_eq!(files.program(root, path), Err(errno), "{shown}");
            assert!(files.watch(root, path).is_err(), "{shown}");
        });
    }
    world.by("root", |files, root| {
        assert_eq!(files.symlink(root, b"a\0b", b"/tmp/l"), Err(Errno::Invalid));
        assert_eq!(files.symlink(root, b"", b"/tmp/l"), Err(Errno::NotFound));
        assert_eq!(files.symlink(root, &[b'x'; 5_000], b"/tmp/l"), Err(Errno::NameTooLong));
        let name = [b"/tmp/", &[0xff; 255][..]].concat();
        assert_eq!(files.write_all(root, &name, b"bytes", None), Ok(()));
        assert_eq!(files.read_all(root, &name, 10).as_deref(), Ok(&b"bytes"[..]));
    });
}

/// A path of two thousand names is walked once, not once for each of them.
#[test]
fn making_what_is_missing_takes_one_walk() {
    let mut world = World::new();
    let path = [&b"/tmp/"[..], &b"a/../".repeat(800)].concat();
    world.by("ann", |files, ann| files.mkdir_all(ann, &path, 0o777)).unwrap();
    assert_eq!(world.run("ann ls /tmp"), "a");
    let deep = [&b"/tmp/"[..], &b"d/".repeat(100)].concat();
    world.by("ann", |files, ann| files.mkdir_all(ann, &deep, 0o777)).unwrap();
    assert_eq!(world.files.usage().entries, 7 + 1 + 100);
    let deeper = [&b"/tmp/"[..], &b"d/".repeat(1_000)].concat();
    let refused = world.by("ann", |files, ann| files.mkdir_all(ann, &deeper, 0o777));
    assert_eq!(refused, Err(Errno::NameTooLong));
    assert_eq!(world.run("ann rm /tmp/d"), "ok");
    assert_eq!(world.files.usage().entries, 8);
}
