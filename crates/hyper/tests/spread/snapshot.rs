//! What several hosts store together goes on as if nothing had been: there, on one host, and on those that remain.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ironloom_blob::{BlobId, BlobStore, MemoryStore};
use ironloom_core::{Duration, Instant};
use ironloom_hyper::Computer;
use ironloom_hyper::board::{Ending, Output};
use ironloom_hyper::cluster::{Epoch, HostSet};
use ironloom_hyper::computer::{ComputerError, Host, HostEvent, Pause, Share};

use crate::guest::Guest;
use crate::hosts::Hosts;
use crate::linux::{JOB, TIME_MAX, check, members, sleep};

/// How many harts the guest has.
const HARTS: u16 = 4;

/// When the guest is stored, by its own time: some of its job is done then, and some is not.
const STORED_AT: Duration = Duration::from_millis(2_300);

/// Stores a computer while it runs; how the snapshot is called.
fn store(host: &Host, hosts: &[Arc<Host>], over: &dyn Fn() -> bool) -> BlobId {
    // One that has nothing to do is far ahead.
    let reached = || hosts.iter().map(|host| host.reached()).min();
    while !over() && reached() < Some(Instant::ZERO.saturating_add(STORED_AT)) {
        sleep(Duration::from_millis(1));
    }
    host.snapshot().unwrap();
    while !over() {
        match host.poll() {
            Some(HostEvent::Stored { snapshot, paused }) => {
                println!("stored as {snapshot}; harts stood still for {paused}");
                return snapshot;
            }
            Some(HostEvent::Unstored { host, reason }) => panic!("{host}: {reason}"),
            Some(event) => println!("{event:?}"),
            None => sleep(Duration::from_millis(1)),
        }
    }
    panic!("it was over before it was stored");
}

fn restore(store: &Arc<dyn BlobStore>, snapshot: BlobId) -> Computer {
    Computer::restore(store.clone(), snapshot, &mut |_| panic!("there is no disk")).unwrap()
}

/// What a computer has said since it was asked last.
fn said(computer: &mut Computer) -> String {
    let mut said = String::new();
    while let Some(output) = computer.poll() {
        if let Output::Serial(bytes) = output {
            said.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
    said
}

#[test]
fn a_snapshot_of_two_hosts_goes_on_there_and_on_one() {
    let Some(guest) = Guest::get() else { return };
    let blobs: Arc<dyn BlobStore> = Arc::new(MemoryStore::new());
    let computers = (0..2).map(|_| guest.computer(HARTS, JOB)).collect();
    let mut hosts = Hosts::join(computers, |share| {
        members(share);
        (share.store, share.has_common_store) = (Some(blobs.clone()), true);
    });
    let parts = hosts.hosts.clone();
    let over = AtomicBool::new(false);
    let (pauses, snapshot) = std::thread::scope(|scope| {
        let snapshot = scope.spawn(|| store(&parts[1], &parts, &|| over.load(Ordering::SeqCst)));
        let pauses = hosts.run_until(Instant::ZERO.saturating_add(TIME_MAX));
        over.store(true, Ordering::SeqCst);
        (pauses, snapshot.join().unwrap())
    });
    let end = Pause::Ended(Ending::PowerOff { code: 0 });
    assert_eq!(pauses, [end, end]);
    check(&said(&mut hosts.computers[0]), HARTS);

    let mut alone = restore(&blobs, snapshot);
    println!("restored at {}, it ended there at {}", alone.now(), hosts.computers[0].now());
    assert!(alone.now() >= Instant::ZERO.saturating_add(STORED_AT), "it was stored too early");
    assert_eq!(alone.run_freely_until(Instant::ZERO.saturating_add(TIME_MAX)).unwrap(), end);
    check(&said(&mut alone), HARTS);
}

#[test]
fn hosts_that_remain_go_on_from_a_snapshot() {
    let Some(guest) = Guest::get() else { return };
    let blobs: Arc<dyn BlobStore> = Arc::new(MemoryStore::new());
    let computers = (0..3).map(|_| guest.computer(HARTS, JOB)).collect();
    let change = |share: &mut Share| {
        members(share);
        (share.store, share.has_common_store) = (Some(blobs.clone()), true);
    };
    let mut hosts = Hosts::join(computers, change);
    let (parts, silent) = (hosts.hosts.clone(), hosts.silence(2));
    let snapshot = std::thread::scope(|scope| {
        let run = scope.spawn(|| hosts.try_run_until(Instant::ZERO.saturating_add(TIME_MAX)));
        let snapshot = store(&parts[0], &parts, &|| run.is_finished());
        silent.store(true, Ordering::SeqCst);
        for result in run.join().unwrap() {
            assert!(matches!(result, Err(ComputerError::HostLost { .. })), "{result:?}");
        }
        snapshot
    });
    let remaining: HostSet = parts[..2].iter().map(|host| host.id()).collect();
    assert!(parts[0].restarts_at(remaining).is_some(), "two of three may");
    let alone = HostSet::EMPTY.with(parts[2].id());
    assert_eq!(parts[2].restarts_at(alone), None, "one of three may not");
    drop(hosts);

    let mut hosts = Hosts::join((0..2).map(|_| restore(&blobs, snapshot)).collect(), |share| {
        change(share);
        share.epoch = Epoch::new(parts[0].share().epoch.get() + 2);
    });
    let end = Pause::Ended(Ending::PowerOff { code: 0 });
    assert_eq!(hosts.run_until(Instant::ZERO.saturating_add(TIME_MAX)), [end, end]);
    check(&said(&mut hosts.computers[0]), HARTS);
}
