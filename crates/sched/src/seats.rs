//! [`Seats`]: who waits for something that all of them hear of.

use std::task::Waker;

/// Wakers, each with the number of its seat, which whoever waits no longer gives up.
///
/// Otherwise each thread that ever waited would be remembered until something happens.
#[derive(Default)]
pub(crate) struct Seats {
    taken: Vec<(u64, Waker)>,
    seats: u64,
}

impl Seats {
    /// Has `waker` woken, in the seat of before if it is still there; the waker that was in it is in `waker` afterwards.
    pub(crate) fn sit(&mut self, seat: &mut Option<u64>, waker: &mut Option<Waker>) {
        let Some(mine) = waker.take() else { return };
        if let Some((_, place)) = self.taken.iter_mut().find(|(number, _)| Some(*number) == *seat) {
            *waker = Some(std::mem::replace(place, mine));
            return;
        }
        self.seats += 1;
        *seat = Some(self.seats);
        self.taken.push((self.seats, mine));
    }

    /// Gives a seat up; who sat there is to be dropped without any lock.
    pub(crate) fn leave(&mut self, seat: u64) -> Option<Waker> {
        let index = self.taken.iter().position(|(number, _)| *number == seat)?;
        Some(self.taken.remove(index).1)
    }

    /// Empties all seats, to wake who sat there.
    pub(crate) fn clear(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.taken).into_iter().map(|(_, waker)| waker).collect()
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.taken.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_leaves_is_forgotten() {
        let mut seats = Seats::default();
        for _ in 0..1_000 {
            let mut seat = None;
            let mut waker = Some(Waker::noop().clone());
            seats.sit(&mut seat, &mut waker);
            assert!(waker.is_none());
            waker = Some(Waker::noop().clone());
            seats.sit(&mut seat, &mut waker); // keeps its seat
            assert!(waker.is_some());
            assert_eq!(seats.len(), 1);
            assert!(seats.leave(seat.unwrap()).is_some());
        }
        assert_eq!(seats.len(), 0);
    }

    #[test]
    fn a_seat_that_was_cleared_is_nobody_elses() {
        let mut seats = Seats::default();
        let (mut one, mut other) = (None, None);
        seats.sit(&mut one, &mut Some(Waker::noop().clone()));
        assert_eq!(seats.clear().len(), 1);
        seats.sit(&mut other, &mut Some(Waker::noop().clone()));
        assert!(seats.leave(one.unwrap()).is_none());
        assert_eq!(seats.len(), 1);
    }
}
