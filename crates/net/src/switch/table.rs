//! [`Table`]: which card is behind which port.

use ironloom_core::{Duration, HashState, Instant, Map};

use crate::{Mac, Port};

/// How long a port's last card is taken for learned without looking again.
const FRESH: Duration = Duration::from_secs(1);

/// Which card is behind which port, and when it was heard.
#[derive(Debug)]
pub(super) struct Table {
    cards: Map<Mac, Place>,
    /// For each port: the card that was heard last, and how many are behind it.
    ports: Vec<Recent>,
    cards_max: usize,
    port_cards_max: u32,
    age: Duration,
    /// Before this, sweeping would find little.
    sweep_at: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    port: Port,
    heard_at: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Recent {
    card: Mac,
    heard_at: Instant,
    cards: u32,
}

const NOBODY: Recent = Recent { card: Mac::UNSPECIFIED, heard_at: Instant::ZERO, cards: 0 };

/// What was learned from a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lesson {
    Known,
    Moved,
    NoRoom,
}

impl Table {
    pub(super) fn new(key: u64, cards_max: usize, port_cards_max: u32, age: Duration) -> Self {
        let cards = Map::with_hasher(HashState::seeded(key));
        Self { cards, ports: Vec::new(), cards_max, port_cards_max, age, sweep_at: Instant::ZERO }
    }

    pub(super) fn len(&self) -> usize {
        self.cards.len()
    }

    /// The port of a card that was heard not too long ago.
    #[inline]
    pub(super) fn port_of(&self, card: Mac, now: Instant) -> Option<Port> {
        let place = self.cards.get(&card)?;
        (now.saturating_since(place.heard_at) <= self.age).then_some(place.port)
    }

    /// Notes that a card was heard at a port.
    #[inline]
    pub(super) fn learn(&mut self, now: Instant, port: Port, card: Mac) -> Lesson {
        let number = usize::from(port.number());
        if number >= self.ports.len() {
            self.ports.resize(number + 1, NOBODY);
        }
        let recent = &mut self.ports[number];
        if recent.card == card && now.saturating_since(recent.heard_at) < FRESH {
            return Lesson::Known;
        }
        self.look_up(now, port, card)
    }

    fn look_up(&mut self, now: Instant, port: Port, card: Mac) -> Lesson {
        let number = usize::from(port.number());
        if let Some(place) = self.cards.get_mut(&card) {
            place.heard_at = now;
            let before = std::mem::replace(&mut place.port, port);
            (self.ports[number].card, self.ports[number].heard_at) = (card, now);
            if before == port {
                return Lesson::Known;
            }
            self.ports[number].cards += 1;
            let left = &mut self.ports[usize::from(before.number())];
            left.cards = left.cards.saturating_sub(1);
            left.card = Mac::UNSPECIFIED;
            return Lesson::Moved;
        }
        if self.is_full(port) {
            self.sweep(now);
            if self.is_full(port) {
                return Lesson::NoRoom;
            }
        }
        self.cards.insert(card, Place { port, heard_at: now });
        let recent = &mut self.ports[number];
        *recent = Recent { card, heard_at: now, cards: recent.cards + 1 };
        Lesson::Known
    }

    fn is_full(&self, port: Port) -> bool {
        let behind = self.ports[usize::from(port.number())].cards;
        self.cards.len() >= self.cards_max || behind >= self.port_cards_max
    }

    /// Forgets cards that were not heard for long; not more than once in a while, for it looks at all.
    fn sweep(&mut self, now: Instant) {
        if now < self.sweep_at {
            return;
        }
        self.sweep_at = now.saturating_add(FRESH);
        let (age, ports) = (self.age, &mut self.ports);
        self.cards.retain(|_, place| {
            let is_heard = now.saturating_since(place.heard_at) <= age;
            if !is_heard {
                let recent = &mut ports[usize::from(place.port.number())];
                recent.cards = recent.cards.saturating_sub(1);
                recent.card = Mac::UNSPECIFIED;
            }
            is_heard
        });
    }

    /// Forgets all cards behind a port.
    pub(super) fn forget(&mut self, port: Port) {
        let number = usize::from(port.number());
        if self.ports.get(number).is_some_and(|recent| recent.cards > 0) {
            self.cards.retain(|_, place| place.port != port);
            self.ports[number] = NOBODY;
        }
    }
}
