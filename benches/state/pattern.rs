//! [`Pattern`]: which resources the transactions of the benches touch.

use std::ops::Range;

use ironloom_core::{Rng, Seed, Zipf};
use ironloom_state::{Access, Batch, ResourceId};

/// Resources among which the conflicting transactions choose.
const CONTESTED: u64 = 1_000;

/// The resources of one transaction.
pub(crate) type Accesses = [Option<ResourceId>; 2];

/// Which resources transactions touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// Each one of its own.
    Independent,
    /// All the same one.
    One,
    /// Two of a thousand each, popular ones more often: Zipf with an exponent of one.
    Zipf,
}

impl Pattern {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Independent => "independent",
            Self::One => "one",
            Self::Zipf => "zipf",
        }
    }

    /// The batches of so many transactions, whose numbers begin at the start of the range. The resources do not depend
    /// on where that is: later batches find the same ones.
    pub(crate) fn batches(self, numbers: Range<u64>, size: usize) -> Vec<Batch<u64>> {
        let accesses = self.accesses(numbers.end - numbers.start);
        let batch = |(first, accesses): (u64, &[Accesses])| {
            let mut batch = Batch::new("bench");
            for (number, own) in (first..).zip(accesses) {
                let own: Vec<Access> = own.iter().flatten().map(|id| Access::write(*id)).collect();
                batch.push(&own, number).expect("the resources differ");
            }
            batch
        };
        numbers.step_by(size).zip(accesses.chunks(size)).map(batch).collect()
    }

    /// The resources of so many transactions.
    pub(crate) fn accesses(self, count: u64) -> Vec<Accesses> {
        let (zipf, mut rng) = (Zipf::new(CONTESTED, 1.0), Rng::new(Seed::new(1)));
        let accesses = |number| match self {
            Self::Independent => [Some(resource(number)), None],
            Self::One => [Some(resource(0)), None],
            Self::Zipf => {
                let (first, second) = (zipf.sample(&mut rng), zipf.sample(&mut rng));
                let second = if first == second { (first + 1) % CONTESTED } else { second };
                [first, second].map(|rank| Some(resource(rank)))
            }
        };
        (0..count).map(accesses).collect()
    }
}

/// A resource whose id looks as random as a hash.
pub(crate) fn resource(number: u64) -> ResourceId {
    let mut id = [0; ResourceId::BYTES];
    for (index, part) in (0_u64..).zip(id.chunks_exact_mut(8)) {
        let mixed = (number * 4 + index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        part.copy_from_slice(&(mixed ^ (mixed >> 32)).to_be_bytes());
    }
    ResourceId::from_bytes(id)
}
