//! Where paths lead, and that they lead nowhere else.

use std::sync::Arc;

use super::{NOW, attributes, empty, paths, reopened, tree_of};
use crate::MemoryStore;
use crate::tree::{At, Attributes, Config, Kind, LINKS_MAX, Name, PATH_BYTES_MAX, Tree, TreeError};

/// What is read through a path.
fn read(tree: &Tree, path: &str) -> String {
    match tree.read_all(path) {
        Ok(bytes) => String::from_utf8(bytes).unwrap(),
        Err(TreeError::NotFound { .. }) => "not found".into(),
        Err(TreeError::NotADirectory { .. }) => "not a directory".into(),
        Err(TreeError::IsADirectory { .. }) => "is a directory".into(),
        Err(TreeError::Loop { .. }) => "loop".into(),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn paths_lead_where_they_should() {
    let mut tree = tree_of(&[
        "/etc/",
        "/etc/passwd",
        "/home/",
        "/home/ada/",
        "/home/ada/up -> ..",
        "/home/ada/far -> ../../../../../../etc/passwd",
        "/home/ada/absolute -> /etc",
        "/home/ada/slash -> /etc/passwd/",
        "/root -> /",
        "/here -> .",
        "/loop -> loop",
        "/ping -> pong",
        "/pong -> ping",
        "/dangling -> nowhere",
    ]);
    for tree in [&reopened(&mut tree), &tree] {
        for (path, expected) in [
            ("/etc/passwd", "/etc/passwd"),
            ("etc/passwd", "/etc/passwd"),
            ("//etc///passwd", "/etc/passwd"),
            ("/../../etc/./passwd", "/etc/passwd"),
            ("/etc/../etc/passwd", "/etc/passwd"),
            ("/home/ada/up/ada/up/../etc/passwd", "/etc/passwd"),
            ("/home/ada/far", "/etc/passwd"),
            ("/home/ada/absolute/passwd", "/etc/passwd"),
            ("/home/ada/absolute/../etc/passwd", "/etc/passwd"),
            ("/root/root/root/etc/passwd", "/etc/passwd"),
            ("/here/here/etc/passwd", "/etc/passwd"),
            ("/home/ada/slash", "not a directory"),
            ("/etc/passwd/", "not a directory"),
            ("/etc/passwd/.", "not a directory"),
            ("/etc/passwd/..", "not a directory"),
            ("/etc/passwd/x", "not a directory"),
            ("/etc", "is a directory"),
            ("/..", "is a directory"),
            ("/nowhere/../etc/passwd", "not found"),
            ("/dangling", "not found"),
            ("", "not found"),
            ("/loop", "loop"),
            ("/ping/x", "loop"),
        ] {
            assert_eq!(read(tree, path), expected, "{path}");
        }
    }
}

#[test]
fn as_many_links_are_followed_as_in_linux() {
    let mut tree = tree_of(&["/0"]);
    for number in 1..=LINKS_MAX + 1 {
        let target = format!("{}", number - 1);
        tree.symlink(target.as_bytes(), &*format!("/{number}"), attributes()).unwrap();
    }
    assert_eq!(read(&tree, &format!("/{LINKS_MAX}")), "/0");
    assert_eq!(read(&tree, &format!("/{}", LINKS_MAX + 1)), "loop");
}

#[test]
fn a_link_at_the_end_is_followed_or_not() {
    let mut tree = tree_of(&["/file", "/link -> file", "/new -> made"]);
    assert_eq!(tree.stat("/link").unwrap().kind, Kind::File);
    assert_eq!(tree.lstat("/link").unwrap().kind, Kind::Symlink);
    tree.set_attributes(At::from("/link").no_follow(), |link| link.uid = 5).unwrap();
    assert_eq!(tree.lstat("/link").unwrap().attributes.uid, 5);
    assert_eq!(tree.stat("/link").unwrap().attributes.uid, 0);
    tree.put("/new", b"", attributes()).unwrap();
    assert_eq!(tree.stat("/made").unwrap().size, 0);
    tree.remove("/link", NOW).unwrap();
    assert_eq!(read(&tree, "/file"), "/file");
}

#[test]
fn names_have_the_limits_of_posix() {
    let mut tree = empty();
    let longest = "n".repeat(Name::BYTES_MAX);
    tree.create(&*longest, attributes()).unwrap();
    assert!(matches!(
        tree.create(&*format!("{longest}n"), attributes()),
        Err(TreeError::Name { length: 256 })
    ));
    assert!(matches!(tree.create("nul\0", attributes()), Err(TreeError::Name { .. })));
    tree.create(&b"\xff\xfe"[..], attributes()).unwrap();
    assert_eq!(tree.list("/", None, 9).unwrap().len(), 2);

    let long = "./".repeat(PATH_BYTES_MAX / 2);
    assert!(tree.stat(&*long).is_ok());
    assert!(matches!(tree.stat(&*format!("{long}.")), Err(TreeError::PathLength { .. })));
    for target in [&b""[..], &[b'x'; PATH_BYTES_MAX], b"nul\0"] {
        assert!(matches!(tree.symlink(target, "/l", attributes()), Err(TreeError::PathLength { .. })));
    }
}

#[test]
fn directories_are_nested_as_deeply_as_allowed() {
    let config = Config { depth_max: 4, ..Config::default() };
    let mut tree = Tree::new(Arc::new(MemoryStore::new()), config);
    for path in ["/1", "/1/2", "/1/2/3", "/1/2/3/4", "/a", "/a/b"] {
        tree.mkdir(path, attributes()).unwrap();
    }
    let refused = [
        tree.mkdir("/1/2/3/4/5", attributes()),
        tree.copy("/a", "/1/2/3/a", NOW),
        tree.rename("/a", "/1/2/3/4/a", NOW),
        tree.copy("/1", "/a/1", NOW),
    ];
    for refused in refused {
        assert!(matches!(refused, Err(TreeError::TooDeep { .. })), "{refused:?}");
    }
    tree.copy("/a", "/1/2/a", NOW).unwrap();
    let id = tree.commit(crate::Durability::Buffered).unwrap();
    let shallow = Config { depth_max: 3, ..Config::default() };
    assert!(matches!(Tree::open(super::store(&tree), id, shallow), Err(TreeError::Corrupt { .. })));
}

/// Changing and committing go down on the stack, which a thread of the usual size must stand.
#[test]
fn the_deepest_tree_there_can_be_is_changed_committed_and_dropped() {
    let config = Config { depth_max: Config::DEPTH_MAX, ..Config::default() };
    let mut tree = Tree::new(Arc::new(MemoryStore::new()), config);
    let mut path = String::new();
    for _ in 0..Config::DEPTH_MAX {
        path.push_str("/d");
        tree.mkdir(&*path, attributes()).unwrap();
    }
    assert!(matches!(tree.mkdir(&*format!("{path}/d"), attributes()), Err(TreeError::TooDeep { .. })));
    let mut tree = reopened(&mut tree);
    tree.put(&*path.replace("/d/d/d", "/d/d/e"), b"", attributes()).unwrap_err();
    tree.set_attributes(&*path, |deepest| deepest.uid = 1).unwrap();
    let tree = reopened(&mut tree);
    assert_eq!(tree.walk("/").unwrap().count(), Config::DEPTH_MAX);
    assert_eq!(tree.stat(&*path).unwrap().attributes.uid, 1);
}

#[test]
fn directories_know_when_they_were_changed() {
    let at = |nanos| ironloom_core::Instant::from_nanos(nanos);
    let mut tree = tree_of(&["/d/", "/e/"]);
    tree.create("/d/f", Attributes::new(0o600, at(10))).unwrap();
    tree.write("/d/f", 0, b"x", at(11)).unwrap();
    assert_eq!(tree.stat("/d").unwrap().attributes.modified, at(10));
    assert_eq!(tree.stat("/d/f").unwrap().attributes.modified, at(11));
    tree.rename("/d/f", "/e/f", at(12)).unwrap();
    tree.remove("/e/f", at(13)).unwrap();
    assert_eq!(tree.stat("/d").unwrap().attributes.modified, at(12));
    assert_eq!(tree.stat("/e").unwrap().attributes.modified, at(13));
}

/// Whoever creates a file where anybody may put links must not be led to make it elsewhere.
#[test]
fn create_does_not_follow_a_dangling_link() {
    let mut tree = tree_of(&["/secret/", "/tmp -> /secret/new"]);
    for path in ["/tmp", "/tmp/"] {
        assert!(matches!(tree.create(path, attributes()), Err(TreeError::Exists { .. })), "{path}");
        assert!(matches!(tree.mkdir(path, attributes()), Err(TreeError::Exists { .. })), "{path}");
        assert!(matches!(tree.copy("/secret", path, NOW), Err(TreeError::Exists { .. })), "{path}");
    }
    assert_eq!(paths(&tree), ["/secret", "/tmp"]);
}

/// `remove_all("/l/")` removed the directory that the link points to, and left the link.
#[test]
fn a_slash_behind_a_link_does_not_remove_or_move_its_target() {
    let mut tree = tree_of(&["/real/", "/real/x", "/l -> real", "/empty/", "/e -> empty", "/d/"]);
    let refused = |result: Result<(), TreeError>| {
        assert!(matches!(result, Err(TreeError::NotADirectory { .. })), "{result:?}");
    };
    refused(tree.remove_all("/l/", NOW));
    refused(tree.remove("/e/", NOW));
    refused(tree.rename("/l/", "/elsewhere", NOW));
    refused(tree.rename("/d", "/e/", NOW));
    assert_eq!(paths(&tree), ["/d", "/e", "/empty", "/l", "/real", "/real/x"]);
    tree.remove("/real//x", NOW).unwrap();
    tree.remove_all("/real/", NOW).unwrap();
    tree.remove("/l", NOW).unwrap();
}
