//! Memories do what a map from pages to bytes does, whatever is done to them in whatever order.

use std::collections::BTreeMap;
use std::sync::Arc;

use ironloom_blob::{BlobId, BlobStore, MemoryStore};
use proptest::prelude::*;

use super::*;

/// Pages in three regions, the last of them cut.
const PAGES: u64 = 1100;

/// The content of the pages that are not all zeroes.
type Model = BTreeMap<u64, Box<[u8; 4096]>>;

#[derive(Debug, Clone, Copy)]
enum Step {
    Write { page: u64, offset: u64, byte: u8, length: usize },
    Clear { page: u64 },
    GiveUp { page: u64 },
    Read { page: u64, offset: u64, length: usize },
    Grant { page: u64, access: Access },
    WriteByGrant { page: u64, offset: usize, byte: u8 },
    CatchUp,
    Park,
    Fork { keep: bool },
    Point,
    RollBack,
    Snapshot { other: bool },
    Restore,
    RollBackTo,
    StorePoint { other: bool },
    Settle,
    Check,
}

/// A few pages, so that steps meet.
fn page_number() -> impl Strategy<Value = u64> {
    prop_oneof![0..4u64, 510..514u64, 1098..PAGES]
}

fn access() -> impl Strategy<Value = Access> {
    prop_oneof![Just(Access::Read), Just(Access::Write), Just(Access::Fetch)]
}

fn step() -> impl Strategy<Value = Step> {
    let range = || (page_number(), 0..4096u64, 1..6000usize);
    prop_oneof![
        6 => (range(), any::<u8>())
            .prop_map(|((page, offset, length), byte)| Step::Write { page, offset, byte, length }),
        2 => page_number().prop_map(|page| Step::Clear { page }),
        2 => page_number().prop_map(|page| Step::GiveUp { page }),
        3 => range().prop_map(|(page, offset, length)| Step::Read { page, offset, length }),
        6 => (page_number(), access()).prop_map(|(page, access)| Step::Grant { page, access }),
        6 => (page_number(), 0..4096usize, any::<u8>())
            .prop_map(|(page, offset, byte)| Step::WriteByGrant { page, offset, byte }),
        3 => Just(Step::CatchUp),
        1 => Just(Step::Park),
        2 => any::<bool>().prop_map(|keep| Step::Fork { keep }),
        1 => Just(Step::Point),
        1 => Just(Step::RollBack),
        2 => any::<bool>().prop_map(|other| Step::Snapshot { other }),
        1 => Just(Step::Restore),
        1 => Just(Step::RollBackTo),
        2 => any::<bool>().prop_map(|other| Step::StorePoint { other }),
        3 => Just(Step::Settle),
        2 => Just(Step::Check),
    ]
}

/// What a hart keeps: where each page is, and what was decoded from it under which version.
#[derive(Debug, Default)]
struct Cache {
    grants: BTreeMap<u64, Grant>,
    decoded: BTreeMap<(u64, u32), Box<[u8; 4096]>>,
}

impl Cache {
    fn forget(&mut self, revocation: Revocation) {
        match revocation {
            Revocation::Page(host) | Revocation::Gone(host) => {
                self.grants.retain(|_, grant| grant.host != host);
            }
            Revocation::Writes(host) => {
                self.grants
                    .values_mut()
                    .filter(|grant| grant.host == host)
                    .for_each(|grant| grant.writable = false);
            }
            Revocation::Everything => self.grants.clear(),
        }
    }
}

struct Machine {
    memory: Memory,
    model: Model,
    reader: ReaderId,
    cache: Cache,
}

struct World {
    machine: Machine,
    /// A fork that nobody writes to.
    other: Option<(Memory, Model)>,
    point: Option<(MemoryPoint, Model)>,
    image: Option<(usize, BlobId, Model)>,
    stored: Option<StoredPoint>,
    stores: [Arc<dyn BlobStore>; 2],
    /// The name of every content that there was.
    names: BTreeMap<BlobId, Model>,
}

impl Machine {
    fn new(memory: Memory, model: Model) -> Self {
        let reader = memory.register().unwrap();
        Self { memory, model, reader, cache: Cache::default() }
    }

    fn catch_up(&mut self) {
        self.memory.catch_up(self.reader, &mut |revocation| self.cache.forget(revocation));
    }

    fn read(&self, from: u64, length: usize) -> Vec<u8> {
        let at = |place: u64| self.model.get(&(place / 4096)).map_or(0, |page| page[place as usize % 4096]);
        (from..from + length as u64).map(at).collect()
    }

    fn write(&mut self, from: u64, bytes: &[u8]) {
        for (place, byte) in (from..).zip(bytes) {
            let page = self.model.entry(place / 4096).or_insert_with(|| Box::new([0; 4096]));
            page[place as usize % 4096] = *byte;
        }
        self.model.retain(|_, page| **page != [0; 4096]);
    }

    fn grant(&mut self, number: u64, access: Access) -> Grant {
        let grant = match self.memory.grant(page(number), access) {
            Err(Denied::Absent { page }) => {
                self.memory.bring_in(page, Access::Read).unwrap();
                self.memory.grant(page, access).unwrap()
            }
            granted => granted.unwrap(),
        };
        self.catch_up();
        assert!(grant.revoked.is_none_or(|revision| self.memory.is_settled(revision)));
        // What was revoked to grant this may have taken the page itself, so it is asked for again, as a hart does.
        let again = self.memory.grant(page(number), access).unwrap();
        assert_eq!((again.host, again.version, again.revoked), (grant.host, grant.version, None));
        assert!(again.writable || access != Access::Write);
        self.cache.grants.insert(number, again);
        if access == Access::Fetch {
            let now = self.content(number);
            let then = self.cache.decoded.entry((number, again.version)).or_insert_with(|| now.clone());
            assert_eq!(*then, now, "page {number} has other bytes under version {}", again.version);
        }
        again
    }

    fn content(&self, number: u64) -> Box<[u8; 4096]> {
        self.model.get(&number).cloned().unwrap_or_else(|| Box::new([0; 4096]))
    }
}

impl World {
    fn new() -> Self {
        let config = MemoryConfig::new(GuestAddress::new(BASE), PAGES * PAGE_BYTES);
        let store = || -> Arc<dyn BlobStore> { Arc::new(MemoryStore::new()) };
        Self {
            machine: Machine::new(Memory::new(config).unwrap(), Model::new()),
            other: None,
            point: None,
            image: None,
            stored: None,
            stores: [store(), store()],
            names: BTreeMap::new(),
        }
    }

    fn take(&mut self, step: Step) {
        let machine = &mut self.machine;
        match step {
            Step::Write { page, offset, byte, length } => {
                let from = page * PAGE_BYTES + offset;
                let length = length.min((PAGES * PAGE_BYTES - from) as usize);
                let bytes: Vec<u8> = (0..length).map(|index| byte.wrapping_add(index as u8)).collect();
                machine.memory.write_bytes(at(0, from), &bytes).unwrap();
                machine.write(from, &bytes);
            }
            Step::Clear { page } => {
                machine.memory.write_bytes(at(page, 0), &[0; 4096]).unwrap();
                machine.write(page * PAGE_BYTES, &[0; 4096]);
            }
            Step::GiveUp { page: number } => {
                machine.memory.give_up(page(number)).unwrap();
                assert!(machine.memory.is_dormant(page(number)));
                machine.write(number * PAGE_BYTES, &[0; 4096]);
            }
            Step::Read { page, offset, length } => {
                let from = page * PAGE_BYTES + offset;
                let mut found = vec![0; length.min((PAGES * PAGE_BYTES - from) as usize)];
                machine.memory.read_bytes(at(0, from), &mut found).unwrap();
                assert_eq!(found, machine.read(from, found.len()));
            }
            Step::Grant { page, access } => {
                machine.grant(page, access);
            }
            Step::WriteByGrant { page, offset, byte } => machine.write_by_grant(page, offset, byte),
            Step::CatchUp => machine.check_cache(),
            Step::Park => {
                machine.memory.park(machine.reader);
                assert!(machine.memory.is_settled(machine.memory.revision()));
                let cache = &mut machine.cache;
                machine.memory.unpark(machine.reader, &mut |revocation| cache.forget(revocation));
            }
            step => self.turn(step),
        }
    }

    /// Steps after which it may be another memory.
    fn turn(&mut self, step: Step) {
        let Machine { memory, model, .. } = &self.machine;
        match step {
            Step::Fork { keep: true } => self.other = Some((memory.fork(), model.clone())),
            Step::Fork { keep: false } => {
                let fork = Machine::new(memory.fork(), model.clone());
                let Machine { memory, model, .. } = std::mem::replace(&mut self.machine, fork);
                self.other = Some((memory, model));
            }
            Step::Point => self.point = Some((memory.point(), model.clone())),
            Step::RollBack => {
                let Some((point, then)) = &self.point else { return };
                match memory.roll_back(point) {
                    Ok(()) => self.machine.model.clone_from(then),
                    Err(error) => assert!(matches!(error, MemoryError::Foreign), "{error}"),
                }
            }
            Step::Snapshot { other } => {
                let digest = memory.digest().unwrap();
                let image = memory.snapshot(&self.stores[usize::from(other)]).unwrap();
                assert_eq!(digest, image, "a digest is the name of the image that is not stored");
                self.image = Some((usize::from(other), image, model.clone()));
            }
            Step::Restore => {
                let Some((store, image, then)) = &self.image else { return };
                let config = MemoryConfig::new(memory.base(), memory.bytes());
                let restored = Memory::restore(Arc::clone(&self.stores[*store]), *image, config).unwrap();
                self.machine = Machine::new(restored, then.clone());
            }
            Step::RollBackTo => {
                let Some((store, image, then)) = &self.image else { return };
                memory.roll_back_to(Arc::clone(&self.stores[*store]), *image).unwrap();
                self.machine.model.clone_from(then);
            }
            Step::StorePoint { other } => {
                let Some((point, then)) = &self.point else { return };
                let stored = point.clone().store(&self.stores[usize::from(other)]).unwrap();
                self.image = Some((usize::from(other), stored.image(), then.clone()));
                self.stored = Some(stored);
            }
            Step::Settle => {
                let Some(stored) = &self.stored else { return };
                let digest = memory.digest().unwrap();
                memory.settle(stored);
                assert_eq!(memory.digest().unwrap(), digest, "it is what it was");
            }
            _ => self.check(),
        }
    }

    /// Whether everything is what it should be.
    fn check(&mut self) {
        self.machine.check_cache();
        let digest = self.machine.memory.digest().unwrap();
        let named = self.names.entry(digest).or_insert_with(|| self.machine.model.clone());
        assert_eq!(*named, self.machine.model, "one name, one content");
        let forks = self.other.iter().map(|(memory, model)| (memory, model));
        for (memory, model) in forks.chain([(&self.machine.memory, &self.machine.model)]) {
            for number in (0..5).chain(508..516).chain(1095..PAGES) {
                let mut found = [0; 4096];
                memory.read_bytes(at(number, 0), &mut found).unwrap();
                assert_eq!(found, model.get(&number).map_or([0; 4096], |page| **page), "page {number}");
            }
        }
    }
}

impl Machine {
    /// A store of a hart: by the pointer that it has, or by one that it asks for.
    fn write_by_grant(&mut self, number: u64, offset: usize, byte: u8) {
        self.catch_up();
        let grant = match self.cache.grants.get(&number) {
            Some(grant) if grant.writable => *grant,
            _ => self.grant(number, Access::Write),
        };
        words::write(grant.host.peek(), offset, &[byte]);
        self.write(number * PAGE_BYTES + offset as u64, &[byte]);
    }

    /// Once a hart has caught up, what its pointers lead to is the content.
    fn check_cache(&mut self) {
        self.catch_up();
        for (number, grant) in &self.cache.grants {
            let mut found = [0; 4096];
            words::read(grant.host.peek(), 0, &mut found);
            assert_eq!(found, *self.content(*number), "page {number} is seen as it was");
        }
    }
}

proptest! {
    #[test]
    fn a_memory_is_a_map_from_pages(steps in prop::collection::vec(step(), 0..60)) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
        }
        world.check();
    }
}
