//! What was damaged on the disk.

use std::fs;
use std::path::{Path, PathBuf};

use ironloom_node::KeepError;
use ironloom_node::prelude::*;

use super::{office, said};

/// The files of a store, the largest first.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<(u64, PathBuf)> = fs::read_dir(directory)
        .unwrap()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|entry| (entry.metadata().unwrap().len(), entry.path()))
        .collect();
    files.sort();
    files.into_iter().rev().map(|(_, path)| path).collect()
}

/// Changes a byte of a text where it lies on the disk; whether it was found.
fn damage(directory: &Path, text: &[u8]) -> bool {
    files(directory).iter().any(|path| {
        let mut bytes = fs::read(path).unwrap();
        let Some(at) = bytes.windows(text.len()).position(|found| found == text) else { return false };
        bytes[at + text.len() / 2] ^= 0x20;
        fs::write(path, bytes).unwrap();
        true
    })
}

/// A world with two commits, and a text that only the second has in a file.
fn two_commits(path: &Path, text: &str) -> [BatchId; 2] {
    let world = World::create(path, &office(7)).unwrap();
    said(&world, "desk", "echo first > /root/which");
    let first = world.commit().wait().unwrap();
    world.write_file("desk", "/root/long", text).wait().unwrap();
    said(&world, "desk", "echo second > /root/which");
    world.create("late", MachineTable::default().at("office")).wait().unwrap();
    [first, world.commit().wait().unwrap()]
}

#[test]
fn a_damaged_newest_commit_is_passed_and_told() {
    let directory = tempfile::tempdir().unwrap();
    let text: String = (0..2_000).map(|number| format!("{number:x}-")).collect();
    let [first, second] = two_commits(directory.path(), &text);
    assert!(damage(&directory.path().join("blobs"), &text.as_bytes()[..40]), "it lies there as it is");

    let world = World::open(directory.path()).unwrap();
    let opened = world.opened().unwrap();
    assert_eq!(opened.commit, first);
    assert_eq!(opened.passed.len(), 1);
    assert_eq!(opened.passed[0].commit, second);
    assert!(opened.passed[0].reason.contains("desk"), "{:?}", opened.passed);
    assert_eq!(said(&world, "desk", "cat /root/which"), "first\n");
    assert!(world.machine_id("late").is_none());
    // It goes on from there: what only the damaged commit had is in no later one.
    said(&world, "desk", "echo third > /root/which");
    world.commit().wait().unwrap();
    drop(world);
    let world = World::open(directory.path()).unwrap();
    assert!(world.opened().unwrap().passed.is_empty());
    assert_eq!(said(&world, "desk", "cat /root/which"), "third\n");
    assert!(world.machine_id("late").is_none());
}

#[test]
fn a_world_of_which_nothing_can_be_read_is_not_opened() {
    let directory = tempfile::tempdir().unwrap();
    two_commits(directory.path(), "short");
    for path in files(&directory.path().join("blobs")) {
        if fs::metadata(&path).unwrap().len() > 0 {
            let bytes: Vec<u8> = fs::read(&path).unwrap().into_iter().map(|byte| byte ^ 0x55).collect();
            fs::write(&path, bytes).unwrap();
        }
    }
    let error = World::open(directory.path()).unwrap_err();
    assert!(matches!(error, KeepError::AllDamaged { .. } | KeepError::Blobs(_)), "{error}");
}

#[test]
fn a_torn_end_of_a_journal_is_as_if_it_had_not_been_written() {
    let directory = tempfile::tempdir().unwrap();
    two_commits(directory.path(), "short");
    let mut torn = 0;
    for entry in fs::read_dir(directory.path().join("state")).unwrap().map(Result::unwrap) {
        if entry.path().extension().is_some_and(|extension| extension == "jnl") {
            let length = entry.metadata().unwrap().len();
            fs::OpenOptions::new()
                .write(true)
                .open(entry.path())
                .unwrap()
                .set_len(length - length.min(3))
                .unwrap();
            torn += 1;
        }
    }
    // Whatever the engine names its journals: with none found, the world is whole.
    let world = World::open(directory.path()).unwrap();
    let said = said(&world, "desk", "cat /root/which");
    assert!(said == "second\n" || torn > 0 && said == "first\n", "{said}");
}
