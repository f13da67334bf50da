//! [`Pool`]: where a server's addresses come from.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// Where a server's addresses come from.
pub trait Pool: Send {
    /// Takes an address that is free; `None` if none is.
    fn allocate(&mut self) -> Option<Ipv4Addr>;

    /// Takes this address; whether it was free.
    fn take(&mut self, address: Ipv4Addr) -> bool;

    /// Gives back an address that was allocated or taken.
    fn free(&mut self, address: Ipv4Addr);
}

/// The addresses of a range. It remembers those that are taken, so a large range costs nothing.
///
/// ```
/// use ironloom_net::dhcp::{Pool, RangePool};
///
/// let mut pool = RangePool::new([10, 0, 0, 100].into(), [10, 0, 0, 101].into());
/// assert_eq!(pool.allocate(), Some([10, 0, 0, 100].into()));
/// assert!(pool.take([10, 0, 0, 101].into()));
/// assert_eq!(pool.allocate(), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangePool {
    first: u32,
    last: u32,
    taken: BTreeSet<u32>,
    /// Where the next search begins: who gave an address back may want it again, so it is the last to be reused.
    next: u32,
}

impl RangePool {
    /// The addresses from the first to the last, both included.
    #[must_use]
    pub fn new(first: Ipv4Addr, last: Ipv4Addr) -> Self {
        let (first, last) = (u32::from(first), u32::from(last));
        Self { first, last, taken: BTreeSet::new(), next: first }
    }

    /// How many addresses are taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken.len()
    }

    /// The first address of a range that is free.
    fn gap(&self, from: u32, to: u32) -> Option<u32> {
        let mut candidate = from;
        for taken in self.taken.range(from..=to) {
            if *taken > candidate {
                break;
            }
            candidate = taken.checked_add(1)?;
        }
        (candidate <= to).then_some(candidate)
    }
}

impl Pool for RangePool {
    fn allocate(&mut self) -> Option<Ipv4Addr> {
        if self.first > self.last {
            return None;
        }
        let behind = if self.next <= self.last { self.gap(self.next, self.last) } else { None };
        let found = behind.or_else(|| self.gap(self.first, self.last))?;
        self.taken.insert(found);
        self.next = if found < self.last { found + 1 } else { self.first };
        Some(found.into())
    }

    fn take(&mut self, address: Ipv4Addr) -> bool {
        let address = u32::from(address);
        (self.first..=self.last).contains(&address) && self.taken.insert(address)
    }

    fn free(&mut self, address: Ipv4Addr) {
        self.taken.remove(&address.into());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::{Pool as _, RangePool};

    #[test]
    fn the_ends_of_the_world_are_addresses_too() {
        let mut pool = RangePool::new([255, 255, 255, 254].into(), [255, 255, 255, 255].into());
        assert_eq!(pool.allocate(), Some([255, 255, 255, 254].into()));
        assert_eq!(pool.allocate(), Some([255, 255, 255, 255].into()));
        assert_eq!(pool.allocate(), None);
        assert_eq!(RangePool::new([1, 1, 1, 2].into(), [1, 1, 1, 1].into()).allocate(), None);
    }

    proptest! {
        #[test]
        fn gives_each_address_once(steps in proptest::collection::vec((0..3u8, 0..12u8), 0..60)) {
            let mut pool = RangePool::new([10, 0, 0, 2].into(), [10, 0, 0, 9].into());
            let mut taken: BTreeSet<u8> = BTreeSet::new();
            for (step, last) in steps {
                let address = [10, 0, 0, last].into();
                match step {
                    0 => match pool.allocate() {
                        Some(given) => prop_assert!(taken.insert(given.octets()[3])),
                        None => prop_assert_eq!(taken.len(), 8),
                    },
                    1 => {
                        let is_free = (2..=9).contains(&last) && !taken.contains(&last);
                        prop_assert_eq!(pool.take(address), is_free);
                        if is_free {
                            taken.insert(last);
                        }
                    }
                    _ => {
                        pool.free(address);
                        taken.remove(&last);
                    }
                }
                prop_assert!(taken.iter().all(|last| (2..=9).contains(last)));
                prop_assert_eq!(pool.taken(), taken.len());
            }
        }
    }
}
