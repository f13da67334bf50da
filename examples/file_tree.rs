//! File trees: an image, machines forked from it, what they changed, and going back.
//!
//! `cargo run --release --example file_tree`

use std::error::Error;
use std::sync::Arc;

use ironloom_node::blob::tree::{Attributes, Config, Glob, Needle, Quota, Tree, TreeError};
use ironloom_node::blob::{BlobStore, Durability, MemoryStore};
use ironloom_node::core::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let store: Arc<dyn BlobStore> = Arc::new(MemoryStore::new());

    // An image: a tree that is written once and committed. Its name is the hash of everything in it.
    let mut image = Tree::new(Arc::clone(&store), Config::default());
    fill(&mut image)?;
    let snapshot = image.commit(Durability::Synced)?;
    let usage = image.usage();
    println!("image {snapshot}: {} entries, {} bytes", usage.entries, usage.bytes);

    // A thousand machines from one image: each is a few pointers until it writes.
    let mut machines: Vec<Tree> = (0..1_000).map(|_| image.fork()).collect();
    for (number, machine) in machines.iter_mut().enumerate() {
        let hostname = format!("loom-{number}\n");
        machine.put("/etc/hostname", hostname.as_bytes(), file(1))?;
    }
    let names = [0, 999].map(|number| machines[number].read_all("/etc/hostname"));
    for name in names {
        print!("a machine is called {}", String::from_utf8(name?)?);
    }

    // One of them works: it writes in the middle of a large file, logs, renames and removes.
    let machine = &mut machines[7];
    machine.write("/var/disk", 5_000_000, b"4 KiB or 4 bytes: it costs a piece of 64 KiB", at(2))?;
    let log = machine.handle("/var/log")?;
    machine.put((log, "messages"), b"started\n", file(2))?;
    machine.rename("/var/log", "/var/journal", at(3))?;
    machine.append((log, "messages"), b"the handle follows the directory\n", at(3))?;
    machine.remove("/usr/share/doc/7.txt", at(4))?;
    println!("in memory, not yet stored: {} bytes", machine.usage().dirty_bytes);
    let changed = machine.commit(Durability::Synced)?;

    // What differs is found without looking at what does not.
    println!("from {snapshot} to {changed}:");
    for difference in image.diff(machine) {
        let difference = difference?;
        let what = match (difference.before, difference.after) {
            (None, _) => "new",
            (_, None) => "gone",
            _ if difference.is_content_changed => "changed",
            _ => "touched",
        };
        println!("  {what:>8} {}", difference.path);
    }

    search(machine)?;
    limits(&image)?;

    // Going back is opening an older snapshot. Doing the same thing again leads to the same name.
    let mut again = Tree::open(store, snapshot, Config::default())?;
    assert_eq!(again.read_all("/etc/hostname")?, b"loom\n");
    again.put("/etc/hostname", b"other\n", file(1))?;
    again.put("/etc/hostname", b"loom\n", file(0))?;
    again.set_attributes("/etc", |etc| etc.modified = at(0))?;
    assert_eq!(again.commit(Durability::Synced)?, snapshot);
    println!("undone, the tree is {snapshot} again");
    Ok(())
}

fn fill(image: &mut Tree) -> Result<(), TreeError> {
    for path in ["/bin", "/etc", "/usr", "/usr/share", "/usr/share/doc", "/var", "/var/log"] {
        image.mkdir(path, Attributes::new(0o755, at(0)))?;
    }
    image.put("/etc/hostname", b"loom\n", file(0))?;
    image.symlink(b"/etc/hostname", "/etc/name", file(0))?;
    image.create("/var/disk", file(0))?;
    for piece in 0..100u8 {
        image.append("/var/disk", &[piece; 100_000], at(0))?;
    }
    for number in 0..5_000 {
        let text = format!("Page {number} of the manual.\nSee also page {}.\n", number + 1);
        image.put(&*format!("/usr/share/doc/{number}.txt"), text.as_bytes(), file(0))?;
    }
    image.copy("/usr/share/doc", "/usr/share/copy", at(0))
}

fn search(machine: &Tree) -> Result<(), Box<dyn Error>> {
    let pages = Glob::new(b"usr/**/499?.txt")?;
    println!("{} pages match a pattern", machine.glob("/", &pages)?.count());
    for line in machine.search("/usr", &Needle::regex("page 50[0-9]{2}")?)? {
        let line = line?;
        let text = String::from_utf8_lossy(&line.text);
        println!("{}:{}: {text}", line.path, line.line);
    }
    Ok(())
}

/// What a guest writes is limited, and links lead nowhere but into the tree.
fn limits(image: &Tree) -> Result<(), Box<dyn Error>> {
    let mut guest = image.fork();
    guest.set_quota(Quota { bytes_max: image.usage().bytes + 100, ..image.quota() });
    let refused = guest.append("/var/disk", &[0; 101], at(5)).unwrap_err();
    println!("refused: {refused}");
    guest.symlink(b"../../../../etc/hostname", "/out", file(5))?;
    assert_eq!(guest.read_all("/out")?, b"loom\n");
    Ok(())
}

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

fn file(modified: u64) -> Attributes {
    Attributes::new(0o644, at(modified))
}
