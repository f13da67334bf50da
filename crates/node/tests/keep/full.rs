//! A disk that is full in the middle of a commit.

use std::path::Path;
use std::process::Command as Program;

use ironloom_node::prelude::*;

use super::{office, said};

/// A small file system of its own, until it is dropped.
struct SmallDisk {
    directory: tempfile::TempDir,
}

impl SmallDisk {
    fn new(mebibytes: u32) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let size = format!("size={mebibytes}m");
        let mounted =
            Program::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(directory.path()).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self { directory }),
            refused => {
                println!("skipped: no file system of a given size can be mounted here: {refused:?}");
                None
            }
        }
    }

    fn grow(&self, mebibytes: u32) {
        let size = format!("remount,size={mebibytes}m");
        let grown = Program::new("mount").args(["-o", &size]).arg(self.path()).status().unwrap();
        assert!(grown.success());
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Program::new("umount").arg("-l").arg(self.directory.path()).status();
    }
}

#[test]
fn a_full_disk_fails_a_commit_and_loses_nothing() {
    let Some(disk) = SmallDisk::new(160) else { return };
    let path = disk.path().join("world");
    let world = World::create(&path, &office(7)).unwrap();
    let events = world.subscribe(1_000);
    said(&world, "desk", "echo before > /root/which");
    world.commit().wait().unwrap();

    let ballast = disk.path().join("ballast");
    let mut filled = std::fs::File::create(&ballast).unwrap();
    while std::io::Write::write_all(&mut filled, &[7; 64 << 10]).is_ok() {}
    drop(filled);
    said(&world, "desk", "echo during > /root/which; head -c 3000000 /dev/urandom > /root/ballast");
    let error = world.commit().wait().unwrap_err();
    assert!(error.to_string().to_lowercase().contains("space"), "{error}");
    let told = std::iter::from_fn(|| events.poll()).any(|event| {
        matches!(event, Event::Resource { shortage: ironloom_node::Shortage::Storage { .. }, .. })
    });
    assert!(told, "who listens hears of it");
    // The world goes on, and knows what it has to store.
    assert_eq!(said(&world, "desk", "cat /root/which"), "during\n");
    std::fs::remove_file(&ballast).unwrap();
    let after = world.commit().wait();
    drop(world);
    let world = World::open(&path).unwrap();
    match after {
        Ok(_) => {
            assert_eq!(said(&world, "desk", "cat /root/which; wc -c < /root/ballast"), "during\n3000000\n");
        }
        Err(error) => panic!("there is room again: {error}"),
    }
}

#[test]
fn a_world_on_a_disk_that_fills_up_opens_at_its_last_commit() {
    let Some(disk) = SmallDisk::new(160) else { return };
    let path = disk.path().join("world");
    let world = World::create(&path, &office(7)).unwrap();
    let mut kept = 0;
    for number in 1..100 {
        said(
            &world,
            "desk",
            &format!("echo {number} > /root/number; head -c 4000000 /dev/urandom > /root/ballast"),
        );
        match world.commit().wait() {
            Ok(_) => kept = number,
            Err(_) => break,
        }
    }
    assert!((1..99).contains(&kept), "{kept}");
    drop(world);
    let world = World::open(&path).unwrap_or_else(|error| {
        // Opening may take room, too; who is told so makes some.
        assert!(error.to_string().contains("full"), "{error}");
        disk.grow(200);
        World::open(&path).unwrap()
    });
    assert_eq!(said(&world, "desk", "cat /root/number").trim(), kept.to_string());
}
