//! Tests of users and passwords.

use std::sync::Arc;

use ironloom_blob::tree::Config;
use ironloom_blob::{MemoryStore, Tree};
use ironloom_core::{Duration, Instant, Rng, Seed};
use proptest::prelude::*;

use super::{PasswordConfig, Users};
use crate::os::{Caller, Credentials, Errno, Files};

const PASSWD: &[u8] = b"root:x:0:0:root:/root:/bin/sh
ann:x:1000:1000:Ann:/home/ann:/bin/sh
bob:x:1001:1001::/home/bob:
";

const GROUP: &[u8] = b"root:x:0:\nann:x:1000:\nbob:x:1001:\nstaff:x:50:ann,bob\nwheel:x:10:ann\n";

struct World {
    files: Files,
    users: Users,
    rng: Rng,
    config: PasswordConfig,
    root: Credentials,
}

impl World {
    fn new() -> Self {
        let files = Files::new(Tree::new(Arc::new(MemoryStore::new()), Config::default()));
        let mut world = Self {
            files,
            users: Users::default(),
            rng: Rng::new(Seed::new(7)),
            config: PasswordConfig { memory_kib: 8, ..PasswordConfig::default() },
            root: Credentials::root(),
        };
        let system = Caller::system(&world.root, Instant::ZERO);
        world.files.mkdir(&system, b"/etc", 0o755).unwrap();
        world.write("/etc/passwd", PASSWD);
        world.write("/etc/group", GROUP);
        world
    }

    fn write(&mut self, path: &str, text: &[u8]) {
        let system = Caller::system(&self.root, Instant::ZERO);
        self.files.write_all(&system, path.as_bytes(), text, None).unwrap();
    }

    fn read(&self, path: &str) -> String {
        let system = Caller::system(&self.root, Instant::ZERO);
        String::from_utf8(self.files.read_all(&system, path.as_bytes(), 1 << 20).unwrap()).unwrap()
    }

    fn set(&mut self, who: &Credentials, name: &str, password: &str) -> Result<(), Errno> {
        let now = Instant::ZERO.saturating_add(Duration::from_secs(3 * 86_400));
        let caller = Caller::system(who, now);
        let Self { files, users, rng, config, .. } = self;
        users.set_password(files, &caller, name.as_bytes(), password.as_bytes(), config, rng)
    }

    fn verify(&mut self, name: &str, password: &str) -> bool {
        self.users.verify(&self.files, name.as_bytes(), password.as_bytes(), &self.config)
    }
}

#[test]
fn users_are_found_by_name_and_number() {
    let mut world = World::new();
    let accounts = world.users.accounts(&world.files);
    let ann = accounts.user(b"ann").unwrap();
    assert_eq!((ann.uid, ann.gid, &ann.home[..]), (1000, 1000, &b"/home/ann"[..]));
    assert_eq!(accounts.user_of(1001).unwrap().shell, b"/bin/sh");
    assert_eq!(accounts.user_name(0), b"root");
    assert_eq!(accounts.user_name(4_242), b"4242");
    assert_eq!(accounts.group_name(50), b"staff");
    let credentials = world.users.credentials(&world.files, b"ann").unwrap();
    assert_eq!(&credentials.groups[..], [10, 50]);
    assert_eq!(world.users.credentials(&world.files, b"eve"), Err(Errno::NotFound));
}

#[test]
fn what_is_edited_by_hand_counts_at_once_even_with_the_same_length_and_time() {
    let mut world = World::new();
    assert_eq!(world.users.accounts(&world.files).user_name(1000), b"ann");
    world.write("/etc/passwd", b"eve:x:1000:1000:Ann:/home/ann:/bin/sh\n");
    assert_eq!(world.users.accounts(&world.files).user_name(1000), b"eve");
    world.write("/etc/passwd", b"ivy:x:1000:1000:Ann:/home/ann:/bin/sh\n");
    assert_eq!(world.users.accounts(&world.files).user_name(1000), b"ivy");
    let before = world.users.accounts(&world.files);
    let after = world.users.accounts(&world.files);
    assert!(Arc::ptr_eq(&before, &after), "what did not change is not read again");
}

#[test]
fn broken_lines_are_nobodys() {
    let mut world = World::new();
    let text = b"\n:\n::::::\n#ann:x:1:1::/:/bin/sh\nann\nann:x\nann:x:-1:0::/:\nann:x:0x0:0::/:\nann:x:4294967295:0::/:\n\
        ann:x:99999999999:0::/:\n\xff\xfe:x:5:5::/:\nbad name:x:0:0::/:\nann:x:1000:1000::/home/ann:/bin/sh\n\
        ann:x:0:0::/root:/bin/sh\nlast:x:7:7:::";
    world.write("/etc/passwd", text);
    world.write("/etc/group", b"x\n:::\nstaff:x:50:,,ann,,\nstaff:x:\n\xff");
    let accounts = world.users.accounts(&world.files);
    let names: Vec<&[u8]> = accounts.users().iter().map(|user| &user.name[..]).collect();
    assert_eq!(names, [&b"\xff\xfe"[..], b"ann", b"last"]);
    assert_eq!(accounts.user(b"ann").unwrap().uid, 1000);
    assert_eq!(accounts.groups_of(accounts.user(b"ann").unwrap()), [50]);
}

#[test]
fn a_password_is_checked_against_the_shadow_file() {
    let mut world = World::new();
    let root = Credentials::root();
    assert!(!world.verify("ann", ""), "nobody has set one");
    world.set(&root, "ann", "hunter2").unwrap();
    world.set(&root, "bob", "hunter2").unwrap();
    assert!(world.verify("ann", "hunter2"));
    assert!(!world.verify("ann", "hunter"));
    assert!(!world.verify("ann", ""));
    assert!(!world.verify("eve", "hunter2"));
    let shadow = world.read("/etc/shadow");
    let lines: Vec<&str> = shadow.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("ann:$argon2id$v=19$m=8,t=1,p=1$"), "{shadow}");
    assert!(lines[0].ends_with(":3:0:99999:7:::"), "{shadow}");
    assert_ne!(lines[0].split(':').nth(1), lines[1].split(':').nth(1), "each has a salt of its own");
    let system = Caller::system(&root, Instant::ZERO);
    let stat = world.files.stat(&system, b"/etc/shadow").unwrap();
    assert_eq!((stat.mode, stat.uid, stat.gid), (0o600, 0, 0));

    world.set(&root, "ann", "other").unwrap();
    assert!(world.verify("ann", "other"));
    assert!(!world.verify("ann", "hunter2"));
    assert_eq!(world.read("/etc/shadow").lines().count(), 2);
}

#[test]
fn people_change_their_own_password_alone() {
    let mut world = World::new();
    let ann = Credentials::of(1000, 1000, Arc::new([]));
    assert_eq!(world.set(&ann, "ann", "mine"), Ok(()));
    assert!(world.verify("ann", "mine"));
    assert_eq!(world.set(&ann, "root", "mine"), Err(Errno::NotPermitted));
    assert_eq!(world.set(&ann, "bob", "mine"), Err(Errno::NotPermitted));
    assert_eq!(world.set(&ann, "eve", "mine"), Err(Errno::NotFound));
    assert!(!world.verify("root", "mine"));
    let long = "x".repeat(2_000);
    assert_eq!(world.set(&ann, "ann", &long), Err(Errno::Invalid));
    assert!(!world.verify("ann", &long));
}

#[test]
fn locked_accounts_have_no_password() {
    for field in ["", "!", "*", "!!", "x", "$argon2id$", "plain"] {
        let mut world = World::new();
        world.write("/etc/shadow", format!("ann:{field}:0:0:99999:7:::\n").as_bytes());
        for password in ["", "!", "*", "x", field] {
            assert!(!world.verify("ann", password), "{field:?} let {password:?} in");
        }
    }
    let mut world = World::new();
    world.set(&Credentials::root(), "ann", "hunter2").unwrap();
    let locked = world.read("/etc/shadow").replace("ann:$", "ann:!$");
    world.write("/etc/shadow", locked.as_bytes());
    assert!(!world.verify("ann", "hunter2"));
}

/// Root of a machine writes what it likes into the shadow file; checking it must not keep the host busy.
#[test]
fn a_hash_that_costs_too_much_is_nobodys() {
    let mut world = World::new();
    world.set(&Credentials::root(), "ann", "hunter2").unwrap();
    let fair = world.read("/etc/shadow");
    for cost in ["m=4194304,t=1,p=1", "m=8,t=4294967295,p=1", "m=64,t=1,p=255", "m=0,t=0,p=0"] {
        let hostile = fair.replace("m=8,t=1,p=1", cost);
        assert_ne!(hostile, fair);
        world.write("/etc/shadow", hostile.as_bytes());
        assert!(!world.verify("ann", "hunter2"), "{cost}");
    }
}

#[test]
fn setting_a_password_keeps_the_other_lines() {
    let mut world = World::new();
    world.write("/etc/shadow", b"# by hand\nroot:*:1:2:3:4:5:6:7\nann:!:0::\nbroken");
    world.set(&Credentials::root(), "ann", "hunter2").unwrap();
    world.set(&Credentials::root(), "bob", "hunter3").unwrap();
    let shadow = world.read("/etc/shadow");
    let lines: Vec<&str> = shadow.lines().collect();
    assert_eq!(lines[0], "# by hand");
    assert_eq!(lines[1], "root:*:1:2:3:4:5:6:7");
    assert!(lines[2].starts_with("ann:$argon2id$") && lines[2].ends_with(":3::"), "{shadow}");
    assert_eq!(lines[3], "broken");
    assert!(lines[4].starts_with("bob:$argon2id$"), "{shadow}");
    assert!(world.verify("ann", "hunter2"));
    assert!(world.verify("bob", "hunter3"));
}

#[test]
fn a_hash_in_the_passwd_file_moves_to_the_shadow_file() {
    let mut world = World::new();
    world.set(&Credentials::root(), "ann", "hunter2").unwrap();
    let shadow = world.read("/etc/shadow");
    let hash = shadow.split(':').nth(1).unwrap();
    let passwd = String::from_utf8(PASSWD.to_vec()).unwrap().replace("ann:x", &format!("ann:{hash}"));
    world.write("/etc/passwd", passwd.as_bytes());
    world.write("/etc/shadow", b"");
    assert!(world.verify("ann", "hunter2"));
    world.set(&Credentials::root(), "ann", "hunter3").unwrap();
    assert_eq!(world.read("/etc/passwd").as_bytes(), PASSWD);
    assert!(world.verify("ann", "hunter3"));
}

#[test]
fn files_have_a_length_and_a_number_of_lines_that_count() {
    let mut world = World::new();
    let lines =
        |count: usize| (0..count).map(|number| format!("u{number}:x:{number}:0::/:\n")).collect::<String>();
    world.write("/etc/passwd", lines(5_000).as_bytes());
    let accounts = world.users.accounts(&world.files);
    assert_eq!(accounts.users().len(), 4_096);
    assert_eq!(accounts.user_name(4_095), b"u4095");
    world.write("/etc/passwd", lines(20_000).as_bytes());
    assert_eq!(
        world.users.accounts(&world.files).users().len(),
        0,
        "it is too long to be one of these files"
    );
    world.write("/etc/passwd", PASSWD);
    assert_eq!(world.users.accounts(&world.files).users().len(), 3);
}

proptest! {
    /// Whatever root of a machine writes into these files, reading them does not fail, and setting a password works or
    /// says why.
    #[test]
    fn any_bytes_are_read(
        passwd in "(ann|bob|[a-z:#\\n0-9$,=+/]{0,6}|:x:[0-9]{1,11}:7::/:|\\n|\u{fffd}){0,30}",
        shadow in "(ann:|\\$argon2id|\\$argon2i|\\$v=19|\\$m=[0-9]{1,10},t=[0-9]{1,10},p=[0-9]{1,10}|\\$[A-Za-z0-9+/]{0,90}|:|\\n|!){0,12}",
    ) {
        let mut world = World::new();
        world.write("/etc/passwd", passwd.as_bytes());
        world.write("/etc/group", passwd.as_bytes());
        world.write("/etc/shadow", shadow.as_bytes());
        let names: Vec<_> = world.users.accounts(&world.files).users().iter().map(|user| user.name.clone()).collect();
        for name in names.iter().take(3) {
            let name = String::from_utf8_lossy(name).into_owned();
            prop_assert!(!world.verify(&name, "hunter2"));
            if world.set(&Credentials::root(), &name, "hunter2").is_ok() {
                prop_assert!(world.verify(&name, "hunter2"), "{}", name);
            }
        }
        world.write("/etc/passwd", PASSWD);
        world.write("/etc/shadow", format!("ann:{shadow}").as_bytes());
        prop_assert!(!world.verify("ann", "hunter2"));
    }
}
