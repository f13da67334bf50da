//! Doors that reach more than the fabric, and how doors come to their end.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;

use ironloom_core::{Duration, VirtualClock};
use mio::event::Event;

use super::Town;
use crate::Fabric;
use crate::door::{DoorTo, Driver, Inside, Wait};

/// A door that looks at the fabric so many times, and is over then.
struct Visitor {
    turns_max: u32,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    turns: AtomicU32,
    closed: AtomicU32,
}

impl DoorTo<Fabric> for Visitor {
    fn open(&mut self, _: &Wait<'_>) -> io::Result<()> {
        Ok(())
    }

    fn ready(&mut self, _: &Event, _: u32) {}

    fn turn(&mut self, inside: &mut Inside<'_, Fabric>, _: &Wait<'_>) -> bool {
        assert_eq!(inside.driven.now(), inside.world().now());
        self.counts.turns.fetch_add(1, SeqCst);
        false
    }

    fn is_due(&self, fabric: &mut Fabric) -> bool {
        fabric.next_event().is_none()
    }

    fn is_over(&self) -> bool {
        self.counts.turns.load(SeqCst) >= self.turns_max
    }

    fn close(&mut self, _: &mut Inside<'_, Fabric>, _: &Wait<'_>) {
        self.counts.closed.fetch_add(1, SeqCst);
    }
}

#[test]
fn a_door_has_its_turns_until_it_is_over_and_is_forgotten() {
    let mut driver = Driver::new(Town::new(1).fabric, VirtualClock::default()).unwrap();
    let visitors: Vec<_> = [2, u32::MAX].map(|turns_max| (turns_max, Arc::<Counts>::default())).into();
    for (turns_max, counts) in &visitors {
        driver.open(Visitor { turns_max: *turns_max, counts: Arc::clone(counts) }).unwrap();
    }
    let (brief, lasting) = (&visitors[0].1, &visitors[1].1);
    for _ in 0..5 {
        driver.turn(Duration::ZERO).unwrap();
    }
    assert_eq!((brief.turns.load(SeqCst), lasting.turns.load(SeqCst)), (2, 5));
    assert_eq!((Arc::strong_count(brief), Arc::strong_count(lasting)), (1, 2));
    // Another takes its place.
    driver.open(Visitor { turns_max: 1, counts: Arc::clone(brief) }).unwrap();
    driver.turn(Duration::ZERO).unwrap();
    assert_eq!((brief.turns.load(SeqCst), Arc::strong_count(brief)), (3, 1));
    driver.close_doors();
    assert_eq!((brief.closed.load(SeqCst), lasting.closed.load(SeqCst)), (0, 1));
    assert_eq!(Arc::strong_count(lasting), 1);
}
