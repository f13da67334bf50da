//! Who hears of changes.

use super::{World, check};
use crate::os::{Errno, OpenOptions, Opened, WatchId};

impl World {
    fn watch(&mut self, path: &str) -> WatchId {
        self.by("ann", |files, ann| files.watch(ann, path.as_bytes())).unwrap()
    }

    /// What a watcher hears, as `kind name`.
    fn heard(&mut self, id: WatchId) -> String {
        let mut heard = Vec::new();
        while let Ok(event) = self.files.next_event(id) {
            heard.push(format!("{} {}", event.kind.name(), event.name.escape_ascii()).trim().to_owned());
        }
        heard.join(", ")
    }
}

#[test]
fn a_directory_and_what_is_in_it_is_watched() {
    let mut world = check("ann mkdir /tmp/d = ok");
    let directory = world.watch("/tmp/d");
    let above = world.watch("/tmp");
    assert_eq!(world.files.next_event(directory), Err(Errno::Again));
    assert_eq!(world.files.next_woken(), None);
    world.check(
        "ann write /tmp/d/f x = ok
         ann write /tmp/d/f y = ok
         ann append /tmp/d/f y = ok
         ann chmod 600 /tmp/d/f = ok
         ann mkdir /tmp/d/sub = ok
         ann write /tmp/d/sub/deep x = ok
         ann mv /tmp/d/f /tmp/d/g = ok
         ann unlink /tmp/d/g = ok
         bob write /tmp/d/h x = EACCES",
    );
    assert_eq!(world.files.next_woken(), Some(directory));
    assert_eq!(world.files.next_woken(), None);
    assert_eq!(world.heard(directory), "created f, changed f, created sub, removed f, created g, removed g");
    world.check("ann rm /tmp/d = ok\nann mkdir /tmp/d = ok\nann touch /tmp/d/f = ok");
    assert_eq!(world.heard(directory), "removed sub, removed, created, created f");
    assert_eq!(world.heard(above), "removed d, created d");
}

#[test]
fn a_file_is_watched_through_links_and_handles() {
    let mut world = check("ann write /tmp/f x = ok\nann ln-s f /tmp/l = ok");
    let id = world.watch("/tmp/l");
    let mut file = world.by("ann", |files, ann| {
        match files.open(ann, b"/tmp/f", OpenOptions::parse("a").unwrap()).unwrap() {
            Opened::File(file) => file,
            Opened::Device(..) => panic!("a file"),
        }
    });
    world.by("ann", |files, ann| files.write(ann, &mut file, b"more")).unwrap();
    assert_eq!(world.heard(id), "changed");
    world.check("ann mv /tmp /tmp2 = EACCES\nroot mv /tmp /old = ok");
    assert_eq!(world.heard(id), "removed");
    world.by("ann", |files, ann| files.write(ann, &mut file, b"more")).unwrap();
    assert_eq!(world.heard(id), "", "it is elsewhere by now");
    world.files.close(file);
    world.files.unwatch(id);
    world.files.unwatch(id);
    assert_eq!(world.files.next_event(id), Err(Errno::BadHandle));
}

#[test]
fn a_watcher_that_does_not_listen_loses_what_does_not_fit() {
    let mut world = World::new();
    let id = world.watch("/tmp");
    for number in 0..1_000 {
        let line = format!("ann write /tmp/{number} x");
        assert_eq!(world.run(&line), "ok");
    }
    let heard = world.heard(id);
    let events: Vec<&str> = heard.split(", ").collect();
    assert_eq!((events.len(), events[0], events[255]), (256, "created 0", "lost"));
    world.check("ann write /tmp/0 y = ok");
    assert_eq!(world.heard(id), "changed 0");
}

#[test]
fn watching_needs_reading_and_has_a_limit() {
    let mut world = check("ann mkdir /tmp/d = ok\nann chmod 711 /tmp/d = ok");
    let watched = |world: &mut World, path: &[u8]| world.by("bob", |files, bob| files.watch(bob, path));
    assert_eq!(watched(&mut world, b"/tmp/d"), Err(Errno::Access));
    assert_eq!(watched(&mut world, b"/tmp/no"), Err(Errno::NotFound));
    assert_eq!(watched(&mut world, b"/proc"), Err(Errno::NotSupported));
    let ids: Vec<WatchId> = (0..256).map(|_| watched(&mut world, b"/tmp").unwrap()).collect();
    assert_eq!(watched(&mut world, b"/tmp"), Err(Errno::NoSpace));
    for id in ids {
        world.files.unwatch(id);
    }
    assert!(watched(&mut world, b"/tmp").is_ok());
}
