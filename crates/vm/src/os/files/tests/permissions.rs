//! Who may do what.

use super::check;
use crate::os::files::access::Facts;
use crate::os::{Access, Credentials, FileKind};

/// Every mode, for the owner, somebody of the group and somebody else, against the definition bit by bit.
#[test]
fn the_first_class_that_fits_decides() {
    let people = [
        (Credentials::of(1, 9, [].into()), 6),
        (Credentials::of(2, 5, [].into()), 3),
        (Credentials::of(2, 9, [4, 5].into()), 3),
        (Credentials::of(2, 9, [4].into()), 0),
    ];
    for mode in 0..0o1000 {
        let facts = Facts { kind: FileKind::File, mode, uid: 1, gid: 5 };
        for (who, shift) in &people {
            let bits = [(Access::READ, 4), (Access::WRITE, 2), (Access::EXECUTE, 1)];
            for (access, bit) in bits {
                assert_eq!(
                    facts.allows(who, access),
                    mode >> shift & bit != 0,
                    "{mode:o} {who:?} {access:?}"
                );
            }
        }
        let root = Credentials::root();
        assert!(facts.allows(&root, Access::READ | Access::WRITE));
        assert_eq!(facts.allows(&root, Access::EXECUTE), mode & 0o111 != 0, "{mode:o}");
        let directory = Facts { kind: FileKind::Directory, ..facts };
        assert!(directory.allows(&root, Access::SEARCH));
    }
}

/// The classes of an engine that asked nobody: reading the passwords, changing programs, removing what is root's.
#[test]
fn files_of_others_are_out_of_reach() {
    check(
        "root write /etc/shadow secret = ok
         root chmod 600 /etc/shadow = ok
         ann read /etc/shadow = EACCES
         ann open r /etc/shadow = EACCES
         ann open r+ /etc/shadow = EACCES
         ann open a /etc/shadow = EACCES
         ann write /etc/shadow x = EACCES
         ann append /etc/shadow x = EACCES
         ann truncate /etc/shadow 0 = EACCES
         ann unlink /etc/shadow = EACCES
         ann rm /etc = EACCES
         ann mv /etc/shadow /tmp/shadow = EACCES
         ann mv /etc /tmp/etc = EACCES
         ann ln /etc/shadow /tmp/shadow = EPERM
         ann cp /etc/shadow /tmp/shadow = EACCES
         ann chmod 666 /etc/shadow = EPERM
         ann chown 1000: /etc/shadow = EPERM
         ann touch /etc/shadow = EACCES
         ann touch-at /etc/shadow 5 = EPERM
         ann write /etc/new x = EACCES
         ann touch /etc/new = EACCES
         ann mkdir /etc/new = EACCES
         ann ln-s /etc/shadow /etc/new = EACCES
         ann access r /etc/shadow = EACCES
         ann stat /etc/shadow = file rw------- 0:0 6
         ann ln-s /etc/shadow /tmp/link = ok
         ann read /tmp/link = EACCES
         root read /etc/shadow = secret",
    );
}

#[test]
fn a_directory_is_searched_read_and_changed_apart() {
    check(
        "ann mkdir /home/ann/d = ok
         ann write /home/ann/d/f x = ok
         ann chmod 711 /home/ann/d = ok      # others look up what they know
         bob ls /home/ann/d = EACCES
         bob read /home/ann/d/f = x
         bob write /home/ann/d/g x = EACCES
         bob unlink /home/ann/d/f = EACCES
         ann chmod 744 /home/ann/d = ok      # others see names and cannot use them
         bob ls /home/ann/d = f
         bob read /home/ann/d/f = EACCES
         bob stat /home/ann/d/f = EACCES
         bob stat /home/ann/d/. = EACCES
         bob stat /home/ann/d/.. = EACCES
         bob cd /home/ann/d = EACCES
         bob stat /home/ann/d = directory rwxr--r-- 1000:1000 4096
         ann chmod 777 /home/ann/d = ok      # others may remove what is not theirs
         bob unlink /home/ann/d/f = ok
         ann chmod 0 /home/ann/d = ok        # the owner shuts itself out
         ann ls /home/ann/d = EACCES
         ann write /home/ann/d/f x = EACCES
         root write /home/ann/d/f x = ok
         ann chmod 700 /home/ann/d = ok
         ann ls /home/ann/d = f",
    );
}

#[test]
fn the_working_directory_holds_when_the_way_to_it_is_shut() {
    check(
        "ann mkdir-p /home/ann/a/b = ok
         ann cd /home/ann/a/b = ok
         root chmod 700 /home/ann = ok
         root chown 0: /home/ann = ok
         ann write f x = ok
         ann read f = x
         ann read ./f = x
         ann read /home/ann/a/b/f = EACCES
         ann read ../b/f = x
         ann stat ../../a = EACCES
         root chmod 600 /home/ann/a/b = ok
         ann read f = EACCES
         root rm /home/ann/a/b = ok
         ann read f = ENOENT
         ann stat . = ENOENT
         ann cd / = ok",
    );
}

#[test]
fn who_writes_makes_and_the_umask_takes() {
    let mut world = check(
        "ann write /tmp/f x = ok
         ann stat /tmp/f = file rw-r--r-- 1000:1000 1
         ann mkdir /tmp/d 777 = ok
         ann stat /tmp/d = directory rwxr-xr-x 1000:1000 4096
         ann mkdir /tmp/e 4777 = ok
         ann stat /tmp/e = directory rwxr-xr-x 1000:1000 4096
         ann mkdir /tmp/s 1777 = ok
         ann stat /tmp/s = directory rwxr-xr-t 1000:1000 4096
         ann chmod 600 /tmp/f = ok
         root write /tmp/f other = ok        # an existing file keeps what it was
         ann stat /tmp/f = file rw------- 1000:1000 5",
    );
    let made = world.by("ann", |files, caller| {
        let caller = crate::os::Caller { umask: 0o177, ..*caller };
        files.write_all(&caller, b"/tmp/private", b"", None)?;
        files.stat(&caller, b"/tmp/private").map(|stat| stat.mode)
    });
    assert_eq!(made, Ok(0o600));
}

#[test]
fn in_a_sticky_directory_everybody_removes_their_own() {
    check(
        "ann write /tmp/a x = ok
         ann mkdir /tmp/d = ok
         bob unlink /tmp/a = EPERM
         bob rm /tmp/a = EPERM
         bob rmdir /tmp/d = EPERM
         bob mv /tmp/a /tmp/b = EPERM
         bob write /tmp/b y = ok
         bob mv /tmp/b /tmp/a = EPERM        # what is replaced is removed
         ann mv /tmp/a /tmp/c = ok
         root unlink /tmp/b = ok
         ann mkdir /home/ann/s = ok
         ann chmod 1777 /home/ann/s = ok
         bob write /home/ann/s/b x = ok
         ann unlink /home/ann/s/b = ok       # the directory is hers
         ann unlink /tmp/c = ok",
    );
}

#[test]
fn only_root_gives_files_away() {
    check(
        "ann write /tmp/f x = ok
         ann chown 1001: /tmp/f = EPERM
         ann chown :1001 /tmp/f = EPERM
         ann chown :50 /tmp/f = ok           # a group that she is in
         ann chown 1000:1000 /tmp/f = ok
         ann chown : /tmp/f = ok
         bob chown 1001: /tmp/f = EPERM
         bob chown :50 /tmp/f = EPERM
         bob chmod 777 /tmp/f = EPERM
         root chown 1001:7 /tmp/f = ok
         ann stat /tmp/f = file rw-r--r-- 1001:7 1
         ann chmod 777 /tmp/f = EPERM
         bob chmod 640 /tmp/f = ok
         ann read /tmp/f = EACCES
         bob chmod 10000 /tmp/f = EINVAL",
    );
}

/// What runs as somebody else stops to when it is written or changes hands.
#[test]
fn set_id_bits_go_as_in_linux() {
    check(
        "root write /tmp/p x = ok
         root chmod 6777 /tmp/p = ok
         ann exec /tmp/p = /tmp/p 0 0
         root append /tmp/p y = ok
         ann stat /tmp/p = file rwsrwsrwx 0:0 2
         ann append /tmp/p z = ok
         ann stat /tmp/p = file rwxrwxrwx 0:0 3
         ann exec /tmp/p = /tmp/p - -
         root chmod 6777 /tmp/p = ok
         ann write /tmp/p z = ok
         ann stat /tmp/p = file rwxrwxrwx 0:0 1
         root chmod 4777 /tmp/p = ok
         ann truncate /tmp/p 0 = ok
         ann stat /tmp/p = file rwxrwxrwx 0:0 0
         root chmod 4777 /tmp/p = ok
         ann open w /tmp/p = ok
         ann stat /tmp/p = file rwxrwxrwx 0:0 1
         root chmod 4777 /tmp/p = ok
         ann open r+ /tmp/p = +
         ann stat /tmp/p = file rwxrwxrwx 0:0 1
         root chmod 6755 /tmp/p = ok
         root chown 1000: /tmp/p = ok
         ann stat /tmp/p = file rwxr-xr-x 1000:0 1
         ann chmod 2755 /tmp/p = ok          # a group that she is not in
         ann stat /tmp/p = file rwxr-xr-x 1000:0 1
         ann chmod 4755 /tmp/p = ok
         ann exec /tmp/p = /tmp/p 1000 -
         root chmod 2745 /tmp/p = ok         # without execution for the group it means nothing
         ann stat /tmp/p = file rwxr-Sr-x 1000:0 1
         ann exec /tmp/p = /tmp/p - -
         root chmod 6755 /tmp/p = ok
         bob cp /tmp/p /tmp/q = ok
         bob stat /tmp/q = file rwxr-xr-x 1001:1001 1
         bob cp-p /tmp/p /tmp/r = ok
         bob stat /tmp/r = file rwxr-xr-x 1001:1001 1
         root cp-p /tmp/p /tmp/s = ok
         root stat /tmp/s = file rwsr-sr-x 1000:0 1",
    );
}

#[test]
fn a_directory_may_give_its_group_on() {
    check(
        "root mkdir /shared = ok
         root chown :50 /shared = ok
         root chmod 2775 /shared = ok
         ann write /shared/f x = ok
         ann stat /shared/f = file rw-r--r-- 1000:50 1
         ann mkdir /shared/d = ok
         ann stat /shared/d = directory rwxr-sr-x 1000:50 4096
         ann write /shared/d/f x = ok
         ann stat /shared/d/f = file rw-r--r-- 1000:50 1
         eve write /shared/g x = EACCES",
    );
}

#[test]
fn programs_are_run_by_whom_their_mode_names() {
    check(
        "root write /tmp/p x = ok
         ann exec /tmp/p = EACCES
         root exec /tmp/p = EACCES
         root chmod 711 /tmp/p = ok
         ann exec /tmp/p = /tmp/p - -
         ann read /tmp/p = EACCES
         ann exec /tmp = EACCES
         ann exec /dev/null = EACCES
         ann exec /tmp/q = ENOENT
         ann ln-s p /tmp/l = ok
         ann exec /tmp/l = /tmp/p - -
         ann exec /tmp/p/q = ENOTDIR",
    );
    let mut world = check("root write /tmp/p hello = ok\nroot chmod 711 /tmp/p = ok");
    let bytes = world.by("ann", |files, caller| {
        let program = files.program(caller, b"/tmp/p")?;
        files.program_bytes(&program, 100)
    });
    assert_eq!(bytes.as_deref(), Ok(&b"hello"[..]));
}

#[test]
fn renaming_needs_both_directories_and_a_directory_of_its_own() {
    check(
        "ann mkdir /home/ann/d = ok
         ann write /home/ann/f x = ok
         ann mv /home/ann/f /home/bob/f = EACCES
         bob mv /home/ann/f /home/bob/f = EACCES
         ann mkdir /tmp/d = ok
         ann chmod 500 /home/ann/d = ok
         ann mv /home/ann/d /home/ann/e = ok
         ann mv /home/ann/e /tmp/d/e = EACCES  # its .. would change
         ann chmod 700 /home/ann/e = ok
         ann mv /home/ann/e /tmp/d/e = ok
         ann mv /tmp/d /tmp/d/e/d = EINVAL
         ann mv /tmp/d /tmp/d = ok
         ann mv /tmp/nothing /tmp/d = ENOENT
         ann write /tmp/f x = ok
         ann mv /tmp/f /tmp/d = EISDIR
         ann mv /tmp/d /tmp/f = ENOTDIR
         ann mv /tmp/f /tmp/g/ = ENOTDIR
         ann mkdir /tmp/g = ok
         ann mv /tmp/g /tmp/d = ENOTEMPTY
         ann mv /tmp/d /tmp/g = ok
         ann ls /tmp = f g",
    );
}

#[test]
fn removing_everything_takes_what_it_may() {
    check(
        "ann mkdir-p /tmp/a/b/c = ok
         ann write /tmp/a/b/f x = ok
         ann write /tmp/a/g x = ok
         ann mkdir /tmp/a/open = ok
         ann chmod 777 /tmp/a/open = ok
         bob write /tmp/a/open/bobs x = ok
         bob mkdir /tmp/a/open/sub = ok
         bob write /tmp/a/open/sub/f x = ok
         bob rm /tmp/a = EPERM
         ann rm /tmp/a = EACCES              # the directory of bob has something in it
         root ls /tmp/a = open
         root ls /tmp/a/open = sub
         bob rm /tmp/a/open/sub = ok
         ann rm /tmp/a = ok
         ann ls /tmp = -
         ann rm /tmp/a = ENOENT
         ann mkdir /tmp/d = ok
         ann chmod 0 /tmp/d = ok
         ann rm /tmp/d = ok                  # empty, so nobody has to look into it
         root mkdir-p /tmp/r/s/t = ok
         root rm /tmp/r = ok
         root rm / = EBUSY
         root rm /proc = EBUSY
         root rm /dev/null = EROFS
         ann write /tmp/x y = ok
         ann rm /tmp/x = ok
         ann ln-s / /tmp/l = ok
         ann rm /tmp/l/ = ENOTDIR
         ann rm /tmp/l = ok
         ann ls / = dev etc home proc tmp",
    );
}

#[test]
fn a_copy_is_the_copiers() {
    check(
        "ann mkdir /home/ann/d = ok
         ann write /home/ann/d/f text = ok
         ann chmod 640 /home/ann/d/f = ok
         ann chown :50 /home/ann/d/f = ok
         ann ln-s f /home/ann/d/l = ok
         ann mkdir-p /home/ann/d/sub/deep = ok
         ann write /home/ann/d/sub/deep/g more = ok
         bob cp /home/ann/d /tmp/d = EISDIR
         bob cp-r /home/ann/d /tmp/d = ok
         bob ls /tmp/d = f l sub
         bob stat /tmp/d/f = file rw-r----- 1001:1001 4
         bob read /tmp/d/l = text
         bob readlink /tmp/d/l = f
         bob read /tmp/d/sub/deep/g = more
         bob write /tmp/d/f other = ok
         ann read /home/ann/d/f = text
         bob cp-r /home/ann/d /tmp/d = EEXIST   # the link is there; the rest goes over what is there
         bob read /tmp/d/f = text
         eve cp-r /home/ann/d /tmp/e = EACCES   # all but what she may not read
         eve ls /tmp/e = l sub
         ann cp-r /home/ann/d /home/ann/d/sub/x = EINVAL
         ann cp-r /home/ann/d /home/ann/d = EINVAL
         ann cp-r / /tmp/all = EINVAL
         ann cp /home/ann/d/f /home/ann/d/f = EINVAL
         ann cp /home/ann/d/f /home/ann/d = EISDIR
         ann cp /home/ann/d/f /home/bob/f = EACCES
         ann cp /home/ann/d/f /dev/null = ok
         ann cp /dev/null /tmp/n = ENOTSUP
         root cp-rp /home/ann/d /tmp/p = ok
         root stat /tmp/p/f = file rw-r----- 1000:50 4
         root cp-r /home/ann/d /tmp/q = ok
         root stat /tmp/q/f = file rw-r----- 0:0 4
         ann chmod 500 /home/ann/d/sub = ok     # what is copied must still be let in
         ann cp-r /home/ann/d /tmp/r = ok
         ann stat /tmp/r/sub = directory r-x------ 1000:1000 4096
         ann stat /tmp/r/sub/deep = directory rwxr-xr-x 1000:1000 4096
         ann mkdir /tmp/s = ok
         ann ln-s /home/ann /tmp/s/sub = ok
         ann cp-r /home/ann/d /tmp/s = ENOTDIR  # a link is not a directory to copy into
         ann ls /tmp/s = f l sub
         ann ls /home/ann = d
         ann ln-s s /tmp/ls = ok
         ann unlink /tmp/s/sub = ok
         ann unlink /tmp/s/l = ok
         ann cp-r /home/ann/d /tmp/ls = ok      # but for the one that is named
         ann ls /tmp/s = f l sub",
    );
}

#[test]
fn a_copy_that_preserves_keeps_times_for_who_owns_the_copy() {
    check(
        "ann write /tmp/a x = ok
         ann touch-at /tmp/a 7 = ok
         ann chmod 604 /tmp/a = ok
         bob cp-p /tmp/a /tmp/b = ok
         bob mtime /tmp/b = 7
         bob stat /tmp/b = file rw----r-- 1001:1001 1
         ann write /tmp/c y = ok
         ann chmod 666 /tmp/c = ok
         bob cp-p /tmp/a /tmp/c = ok         # not his: the content alone
         bob stat /tmp/c = file rw-rw-rw- 1000:1000 1
         bob read /tmp/c = x
         ann mkdir /tmp/d = ok
         ann write /tmp/d/f x = ok
         ann touch-at /tmp/d 9 = ok
         bob cp-rp /tmp/d /tmp/e = ok
         bob mtime /tmp/e = 9
         root cp-rp /tmp/d /tmp/r = ok
         root mtime /tmp/r = 9
         root stat /tmp/r = directory rwxr-xr-x 1000:1000 4096",
    );
}
