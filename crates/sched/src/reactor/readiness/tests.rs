//! The protocol, every order of it: as a model under a search, and with loom's threads under `--cfg loom`.

use super::*;

#[cfg(loom)]
mod interleavings {
    use std::sync::Arc as StdArc;
    use std::task::Wake;

    use loom::sync::Arc;
    use loom::thread::{Thread, current, park, spawn};

    use super::*;

    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: StdArc<Self>) {
            self.0.unpark();
        }
    }

    /// A socket of which only the count of bytes is left.
    #[derive(Default)]
    struct Kernel {
        readable: AtomicUsize,
    }

    fn raise(readiness: &Readiness, signal: Signal) {
        let mut woken = Vec::new();
        readiness.raise(signal, &mut woken);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Takes bytes until there were so many; loom reports a deadlock if it sleeps for ever.
    fn take(readiness: &Readiness, side: Side, kernel: &Kernel, mut left: usize) {
        let waker = Waker::from(StdArc::new(Unpark(current())));
        while left > 0 {
            let seen = readiness.glance();
            if !seen.is_ready(side) {
                if !readiness.wait(side, &waker) {
                    park();
                }
                continue;
            }
            let taken = kernel.readable.swap(0, Ordering::Relaxed);
            left -= taken;
            readiness.spend(side, seen, if taken > 0 { Spent::Short } else { Spent::Refused });
        }
    }

    /// Two changes, each told of once, come at any time of the owner's life.
    #[test]
    fn no_change_is_lost() {
        loom::model(|| {
            let shared = Arc::new((Readiness::new(), Kernel::default()));
            let owner = spawn({
                let shared = shared.clone();
                move || take(&shared.0, Side::Read, &shared.1, 2)
            });
            for _ in 0..2 {
                shared.1.readable.fetch_add(1, Ordering::Relaxed);
                raise(&shared.0, Signal::READ);
            }
            owner.join().unwrap();
        });
    }

    /// Two owners, one for each side, spend in the same word.
    #[test]
    fn the_sides_do_not_disturb_each_other() {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(3);
        model.check(|| {
            let shared = Arc::new((Readiness::new(), Kernel::default(), Kernel::default()));
            let reader = spawn({
                let shared = shared.clone();
                move || take(&shared.0, Side::Read, &shared.1, 1)
            });
            let writer = spawn({
                let shared = shared.clone();
                move || take(&shared.0, Side::Write, &shared.2, 1)
            });
            shared.1.readable.fetch_add(1, Ordering::Relaxed);
            raise(&shared.0, Signal::READ);
            shared.2.readable.fetch_add(1, Ordering::Relaxed);
            raise(&shared.0, Signal::WRITE);
            reader.join().unwrap();
            writer.join().unwrap();
        });
    }
}

/// A search through every order in which a peer, the kernel, the reactor and the owner can take their steps.
#[cfg(not(loom))]
mod orders {
    use ironloom_core::Set;

    use super::*;

    /// How much the owner asks for at a time.
    const ASKED: u8 = 2;

    /// How the owner spends.
    type Spend = fn(Glance, Glance, Spent) -> Option<Glance>;

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    enum Peer {
        Send(u8),
        Finish,
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    enum Owner {
        /// About to glance.
        Awake,
        /// About to read.
        Glanced(Glance),
        /// About to spend.
        ReadShort(Glance),
        ReadNothing(Glance),
        /// About to leave its waker.
        Unready,
        /// About to glance again, and to register.
        Waiting,
        Asleep,
        /// Read the end.
        Done,
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    enum Turn {
        Idle,
        /// Fetched, and not raised yet.
        Fetched(Signal),
        /// In the word, and the wakers not taken yet.
        Raised(Signal),
    }

    #[derive(Debug, Clone, PartialEq, Eq, Hash)]
    struct World {
        /// What the peer did of its script.
        told: usize,
        readable: u8,
        finished: bool,
        registered: bool,
        /// The kernel has something to tell.
        edge: bool,
        turn: Turn,
        word: Glance,
        waker: bool,
        woken: bool,
        owner: Owner,
        received: u8,
    }

    impl World {
        fn new() -> Self {
            Self {
                told: 0,
                readable: 0,
                finished: false,
                registered: false,
                edge: false,
                turn: Turn::Idle,
                word: Glance::NEW,
                waker: false,
                woken: false,
                owner: Owner::Awake,
                received: 0,
            }
        }

        /// The worlds after one more step of somebody.
        fn next(&self, script: &[Peer], spend: Spend) -> Vec<Self> {
            let steps = [self.after_peer(script), self.after_reactor(), self.after_owner(spend)];
            steps.into_iter().flatten().collect()
        }

        fn after_peer(&self, script: &[Peer]) -> Option<Self> {
            let mut world = self.clone();
            match *script.get(self.told)? {
                Peer::Send(bytes) => world.readable += bytes,
                Peer::Finish => world.finished = true,
            }
            world.told += 1;
            world.edge |= world.registered;
            Some(world)
        }

        fn after_reactor(&self) -> Option<Self> {
            let mut world = self.clone();
            world.turn = match self.turn {
                Turn::Idle if self.edge => {
                    world.edge = false;
                    let signal = Signal::READ.when(self.readable > 0 || self.finished);
                    Turn::Fetched(signal.and(Signal::READ_CLOSED.when(self.finished)).and(Signal::WRITE))
                }
                Turn::Idle => return None,
                Turn::Fetched(signal) => {
                    world.word = self.word.raised(signal);
                    Turn::Raised(signal)
                }
                Turn::Raised(signal) => {
                    if signal.concerns(Side::Read) {
                        world.woken |= mem::take(&mut world.waker);
                    }
                    Turn::Idle
                }
            };
            Some(world)
        }

        fn after_owner(&self, spend: Spend) -> Option<Self> {
            let mut world = self.clone();
            world.owner = match self.owner {
                Owner::Awake if self.word.is_ready(Side::Read) => Owner::Glanced(self.word),
                Owner::Awake => Owner::Unready,
                Owner::Glanced(seen) => {
                    let taken = self.readable.min(ASKED);
                    world.readable -= taken;
                    world.received += taken;
                    match taken {
                        0 if self.finished => Owner::Done,
                        0 => Owner::ReadNothing(seen),
                        ASKED => Owner::Awake,
                        _ => Owner::ReadShort(seen),
                    }
                }
                Owner::ReadShort(seen) => {
                    world.word = spend(self.word, seen, Spent::Short).unwrap_or(self.word);
                    Owner::Awake
                }
                Owner::ReadNothing(seen) => {
                    world.word = spend(self.word, seen, Spent::Refused).unwrap_or(self.word);
                    Owner::Awake
                }
                Owner::Unready => {
                    world.waker = true;
                    Owner::Waiting
                }
                Owner::Waiting if self.word.is_ready(Side::Read) => Owner::Awake,
                Owner::Waiting => {
                    world.edge |= !self.registered;
                    world.registered = true;
                    Owner::Asleep
                }
                Owner::Asleep if self.woken => {
                    world.woken = false;
                    Owner::Awake
                }
                Owner::Asleep | Owner::Done => return None,
            };
            Some(world)
        }
    }

    /// How many worlds there are, and one in which the owner waits for ever, if there is such.
    fn search(script: &[Peer], spend: Spend) -> (usize, Option<World>) {
        let sent: u8 = script.iter().map(|step| if let Peer::Send(bytes) = step { *bytes } else { 0 }).sum();
        let (mut seen, mut open) = (Set::default(), vec![World::new()]);
        while let Some(world) = open.pop() {
            let next = world.next(script, spend);
            if next.is_empty() && (world.owner != Owner::Done || world.received != sent) {
                return (seen.len(), Some(world));
            }
            open.extend(next.into_iter().filter(|world| seen.insert(world.clone())));
        }
        (seen.len(), None)
    }

    /// Every script of up to four sends and the end.
    fn scripts() -> Vec<Vec<Peer>> {
        let mut scripts = vec![Vec::new()];
        for length in 0..4 {
            let longer: Vec<Vec<Peer>> = scripts
                .iter()
                .filter(|script| script.len() == length)
                .flat_map(|script| (1..=3).map(|bytes| [&script[..], &[Peer::Send(bytes)]].concat()))
                .collect();
            scripts.extend(longer);
        }
        scripts.iter_mut().for_each(|script| script.push(Peer::Finish));
        scripts
    }

    fn correct(word: Glance, seen: Glance, spent: Spent) -> Option<Glance> {
        word.spent(Side::Read, seen, spent)
    }

    #[test]
    fn in_every_order_everything_is_read() {
        let mut worlds = 0;
        for script in scripts() {
            let (count, stuck) = search(&script, correct);
            assert_eq!(stuck, None, "{script:?}");
            worlds += count;
        }
        assert!(worlds > 10_000, "the search went through {worlds} worlds only");
    }

    /// The search would notice: without the tick an edge between the call and the spending is lost.
    #[test]
    fn spending_what_was_not_seen_loses_an_edge() {
        fn blind(word: Glance, _: Glance, spent: Spent) -> Option<Glance> {
            word.spent(Side::Read, word, spent)
        }
        assert!(scripts().iter().any(|script| search(script, blind).1.is_some()));
    }

    /// The search would notice: the end may be told of together with the data before it.
    #[test]
    fn a_short_read_that_spends_the_end_loses_it() {
        fn greedy(word: Glance, seen: Glance, _: Spent) -> Option<Glance> {
            word.spent(Side::Read, seen, Spent::Refused)
        }
        assert!(scripts().iter().any(|script| search(script, greedy).1.is_some()));
    }
}

#[cfg(not(loom))]
mod alone {
    use super::*;

    #[test]
    fn each_side_has_its_own_bits() {
        let word = Glance::NEW.spent(Side::Read, Glance::NEW, Spent::Refused).unwrap();
        assert!(!word.is_ready(Side::Read) && word.is_ready(Side::Write));
        let word = word.raised(Signal::READ_CLOSED);
        assert!(word.is_ready(Side::Read));
        let word = word.spent(Side::Write, word, Spent::Short).unwrap();
        assert!(word.is_ready(Side::Read) && !word.is_ready(Side::Write));
    }

    #[test]
    fn the_tick_goes_around() {
        let last = Glance(usize::MAX).raised(Signal::READ);
        assert_eq!(last.0 / TICK, 0);
        assert!(last.is_ready(Side::Read));
    }

    #[test]
    fn the_last_waker_of_a_side_is_woken_once() {
        use std::sync::Arc;
        struct Silent;
        impl std::task::Wake for Silent {
            fn wake(self: Arc<Self>) {}
        }
        let readiness = Readiness::new();
        readiness.spend(Side::Read, readiness.glance(), Spent::Refused);
        let (first, second) = (Waker::from(Arc::new(Silent)), Waker::from(Arc::new(Silent)));
        assert!(!readiness.wait(Side::Read, &first) && !readiness.wait(Side::Read, &second));
        let mut woken = Vec::new();
        readiness.raise(Signal::WRITE, &mut woken);
        assert!(woken.is_empty());
        readiness.raise(Signal::READ, &mut woken);
        readiness.raise(Signal::READ, &mut woken);
        assert!(matches!(&woken[..], [only] if only.will_wake(&second)));
        assert!(readiness.wait(Side::Read, &first), "it is ready after all");
    }
}
