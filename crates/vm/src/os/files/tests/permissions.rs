//! Who may do what.

use super::World;
use crate::os::{Errno, OpenOptions};

#[test]
fn only_the_owner_reads_a_private_file() {
    let mut world = World::new();
    world
        .by("root", |files, root| {
            files.write_all(root, b"/etc/shadow", b"secret", None)?;
            files.chmod(root, b"/etc/shadow", 0o600)
        })
        .unwrap();
    for who in ["ann", "bob"] {
        let read = world.by(who, |files, caller| files.read_all(caller, b"/etc/shadow", 100));
        assert_eq!(read, Err(Errno::Access));
        let opened = world.by(who, |files, caller| {
            files.open(caller, b"/etc/shadow", OpenOptions::parse("r+").unwrap()).map(drop)
        });
        assert_eq!(opened, Err(Errno::Access));
        let written = world.by(who, |files, caller| files.write_all(caller, b"/etc/shadow", b"", None));
        assert_eq!(written, Err(Errno::Access));
        let removed = world.by(who, |files, caller| files.unlink(caller, b"/etc/shadow"));
        assert_eq!(removed, Err(Errno::Access));
    }
    let read = world.by("root", |files, root| files.read_all(root, b"/etc/shadow", 100));
    assert_eq!(read.as_deref(), Ok(&b"secret"[..]));
}
