//! Symbolic and hard links.

use super::check;

#[test]
fn a_link_stands_for_what_it_points_to() {
    check(
        "ann mkdir /tmp/d = ok
         ann write /tmp/d/f x = ok
         ann ln-s d/f /tmp/l = ok
         ann read /tmp/l = x
         ann write /tmp/l y = ok
         ann read /tmp/d/f = y
         ann readlink /tmp/l = d/f
         ann readlink /tmp/d/f = EINVAL
         ann lstat /tmp/l = symlink rwxrwxrwx 1000:1000 3
         ann stat /tmp/l = file rw-r--r-- 1000:1000 1
         ann chmod 600 /tmp/l = ok
         ann stat /tmp/d/f = file rw------- 1000:1000 1
         ann unlink /tmp/l = ok
         ann read /tmp/d/f = y
         ann ln-s d /tmp/dl = ok
         ann read /tmp/dl/f = y
         ann realpath /tmp/dl/f = /tmp/d/f
         ann lstat /tmp/dl/ = directory rwxr-xr-x 1000:1000 4096
         ann rmdir /tmp/dl = ENOTDIR
         ann rmdir /tmp/dl/ = ENOTDIR
         ann unlink /tmp/dl/ = ENOTDIR
         ann mv /tmp/dl/ /tmp/m = ENOTDIR
         ann mv /tmp/dl /tmp/m = ok
         ann readlink /tmp/m = d
         ann ln-s x /tmp/m = EEXIST
         ann mkdir /tmp/m = EEXIST
         ann ln-s x /tmp/n/ = ENOENT",
    );
}

#[test]
fn a_link_to_nothing_is_made_into_something_by_who_writes() {
    check(
        "ann ln-s made /tmp/l = ok
         ann read /tmp/l = ENOENT
         ann stat /tmp/l = ENOENT
         ann open wx /tmp/l = EEXIST
         ann mkdir /tmp/l = EEXIST
         ann write /tmp/l x = ok
         ann read /tmp/made = x
         ann ln-s no/where /tmp/m = ok
         ann write /tmp/m x = ENOENT
         ann ln-s /etc/mine /tmp/n = ok
         ann write /tmp/n x = EACCES
         ann touch /tmp/n = EACCES",
    );
}

#[test]
fn links_that_lead_round_end() {
    check(
        "ann ln-s b /tmp/a = ok
         ann ln-s a /tmp/b = ok
         ann read /tmp/a = ELOOP
         ann write /tmp/a x = ELOOP
         ann stat /tmp/a/x = ELOOP
         ann lstat /tmp/a = symlink rwxrwxrwx 1000:1000 1
         ann ln-s self/x /tmp/self = ok
         ann read /tmp/self = ELOOP
         ann ln-s . /tmp/dot = ok
         ann realpath /tmp/dot/dot/dot = /tmp
         ann unlink /tmp/a = ok",
    );
    let mut world = check("ann write /tmp/0 x = ok");
    for number in 1..=41 {
        let line = format!("ann ln-s {} /tmp/{number}", number - 1);
        assert_eq!(world.run(&line), "ok");
    }
    world.check("ann read /tmp/40 = x\nann read /tmp/41 = ELOOP");
}

/// Each link goes twice through the one before: without a limit on all of them together, a path of one name takes a
/// million million steps.
#[test]
fn links_that_multiply_end() {
    let mut world = check("ann mkdir /tmp/0 = ok");
    for number in 1..=40 {
        let before = number - 1;
        let line = format!("ann ln-s {before}/../{before} /tmp/{number}");
        assert_eq!(world.run(&line), "ok");
    }
    world.check("ann stat /tmp/40 = ELOOP\nann realpath /tmp/5 = /tmp/0");
}

/// A path of few bytes leads through links to long ones: it costs no more than the longest path twice.
#[test]
fn links_to_long_paths_end() {
    let mut world = check("ann mkdir /tmp/a = ok");
    let long = "a/../".repeat(800);
    for number in 0..40 {
        let line = format!("ann ln-s {long}{} /tmp/{number}", number + 1);
        assert_eq!(world.run(&line), "ok");
    }
    world.check("ann mkdir /tmp/40 = ok\nann stat /tmp/38 = directory rwxr-xr-x 1000:1000 4096\nann stat /tmp/0 = ELOOP");
}

/// In a directory that everybody writes, links are traps.
#[test]
fn nobody_follows_a_link_that_somebody_laid_in_a_shared_directory() {
    check(
        "root write /etc/secret x = ok
         root chmod 600 /etc/secret = ok
         eve ln-s /etc/secret /tmp/trap = ok
         root read /tmp/trap = EACCES
         root write /tmp/trap x = EACCES
         root readlink /tmp/trap = /etc/secret
         eve ln-s /home/ann /tmp/dir = ok
         ann ls /tmp/dir = EACCES
         ann ls /tmp/dir/. = -               # only the end of a path is a trap
         root unlink /tmp/trap = ok
         root ln-s /etc/secret /tmp/roots = ok
         root read /tmp/roots = x
         ann read /tmp/roots = EACCES        # by what it points to",
    );
}

#[test]
fn a_hard_link_shares_until_one_is_written() {
    check(
        "ann write /tmp/a x = ok
         ann ln /tmp/a /tmp/b = ok
         ann read /tmp/b = x
         ann write /tmp/a y = ok
         ann read /tmp/b = x
         ann ln /tmp /home/ann/t = EPERM
         ann ln /tmp/no /tmp/c = ENOENT
         ann ln /tmp/a /tmp/b = EEXIST
         ann ln /dev/null /tmp/null = EXDEV
         ann chmod 600 /tmp/a = ok
         bob ln /tmp/a /home/bob/a = EPERM
         ann chmod 644 /tmp/a = ok
         bob ln /tmp/a /home/bob/a = EPERM   # he may not write it
         ann chmod 666 /tmp/a = ok
         bob ln /tmp/a /home/bob/a = ok
         ann chmod 4777 /tmp/a = ok
         bob ln /tmp/a /home/bob/b = EPERM   # an old version would stay behind
         root ln /tmp/a /tmp/c = ok
         ann ln-s a /tmp/l = ok
         ann ln /tmp/l /tmp/m = ok
         ann readlink /tmp/m = a
         bob ln /tmp/l /tmp/n = EPERM",
    );
}
