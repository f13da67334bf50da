//! [`Neighbours`]: which card has an address, asked once and remembered.
//!
//! A stack or a router that sends to an address on its own network looks it up here. If the card is known, the packet
//! goes; if not, the packet waits here while the owner asks, and comes back with the answer, or as unreachable when
//! nobody answers. The owner speaks ARP; this is only the memory, the patience and the limits.
//!
//! What others say is believed sparingly: an unknown address is learned only from who asks for one of ours, or from
//! who answers our question. What is known already follows what its owner announces. So nobody fills the table by
//! telling stories, and a machine that moved is found again.
//!
//! A few entries rest in a vector that is searched from front to back; with more of them an index is kept beside it.
//! Deadlines of questions are all equally far away, so a queue of them is always in order.

mod table;

use std::collections::VecDeque;
use std::net::IpAddr;

use ironloom_core::{Duration, Instant};

use crate::frame::{Icmp, Transport};
use crate::{Mac, Packet};

use table::{Entry, Table};

/// What a table of neighbours may hold, and how patient it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How many addresses are remembered; the oldest make room.
    pub entries_max: u32,
    /// How many packets wait for one answer.
    pub waiting_each_packets_max: u32,
    /// How many packets wait in all.
    pub waiting_packets_max: u32,
    /// How many bytes of payload wait in all.
    pub waiting_bytes_max: usize,
    /// How often an address is asked for before it counts as unreachable.
    pub tries_max: u8,
    /// How long an answer is waited for before asking again.
    pub patience: Duration,
    /// For how long an answer is used without asking whether it still holds.
    pub fresh_for: Duration,
    /// For how long an answer is used at all, unless it was confirmed.
    pub usable_for: Duration,
    /// From what the index is hashed, where others choose the addresses.
    pub hash_seed: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            entries_max: 1_024,
            waiting_each_packets_max: 256,
            waiting_packets_max: 1_024,
            waiting_bytes_max: 256 * 1_024,
            tries_max: 3,
            patience: Duration::from_secs(1),
            fresh_for: Duration::from_secs(60),
            usable_for: Duration::from_secs(600),
            hash_seed: 0,
        }
    }
}

/// What is known about an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// This card has it.
    Known(Mac),
    /// This card had it a while ago: use it, and ask that card whether it still has.
    ///
    /// That is said at most once in the time that an answer is waited for; in between the card is
    /// [`Known`](Self::Known).
    Aging(Mac),
    /// Nobody said yet: [`hold`](Neighbours::hold) the packet.
    Waiting,
}

/// What became of a packet that is to wait for an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Held {
    /// It is the first for its address: ask for it.
    Ask,
    /// It is the first for its address: ask for it. These had waited longest, for others, and made room.
    AskInstead(Vec<Packet>),
    /// The question was asked already.
    Waiting,
    /// Too many packets wait already; here it is again.
    Full(Packet),
}

/// What the owner of the table has to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// Ask everybody who has this address, once more.
    Ask(IpAddr),
    /// Nobody answered for this address, and these packets waited for it.
    Unreachable(IpAddr, Vec<Packet>),
}

/// Which card has which address, and what waits until it is known.
///
/// ```
/// use ironloom_core::Instant;
/// use ironloom_net::Mac;
/// use ironloom_net::neighbours::{Config, Lookup, Neighbours};
///
/// let (now, config) = (Instant::ZERO, Config::default());
/// let mut neighbours = Neighbours::new();
/// let address = "10.0.0.7".parse().unwrap();
/// assert_eq!(neighbours.lookup(now, &config, address), Lookup::Waiting);
///
/// // Somebody asked for our own address, and in doing so told theirs.
/// neighbours.learn(now, &config, address, Mac::local(7), true);
/// assert_eq!(neighbours.lookup(now, &config, address), Lookup::Known(Mac::local(7)));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Neighbours {
    table: Table,
    /// When questions are to be asked again, in order; what was answered meanwhile is recognised when it is met.
    questions: VecDeque<(Instant, u128)>,
    waiting_packets: u32,
    waiting_bytes: usize,
}

impl Neighbours {
    /// A table that knows nobody; it allocates nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What is known about an address.
    #[inline]
    pub fn lookup(&mut self, now: Instant, config: &Config, address: IpAddr) -> Lookup {
        let Some(index) = self.table.find(key(address)) else { return Lookup::Waiting };
        let entry = self.table.entry_mut(index);
        let Some(mac) = entry.mac else { return Lookup::Waiting };
        entry.used = true;
        let age = now.saturating_since(entry.confirmed);
        if age < config.fresh_for {
            return Lookup::Known(mac);
        }
        if now.saturating_since(entry.asked) < config.patience {
            return Lookup::Known(mac);
        }
        if age >= config.usable_for || entry.tries >= config.tries_max {
            self.table.remove(index);
            return Lookup::Waiting;
        }
        entry.asked = now;
        entry.tries += 1;
        Lookup::Aging(mac)
    }

    /// Keeps a packet until somebody answers for the address, of which [`lookup`](Self::lookup) said that it is not
    /// known.
    ///
    /// If there is no room for the first packet to an address, those make room that have waited longest: neighbours who
    /// are there answer soon, so who looks for many that are not keeps nobody from theirs.
    pub fn hold(&mut self, now: Instant, config: &Config, address: IpAddr, packet: Packet) -> Held {
        let (key, bytes) = (key(address), payload_bytes(&packet));
        let (found, mut displaced) = (self.table.find(key), Vec::new());
        if found.is_none() && bytes <= config.waiting_bytes_max {
            while !self.has_room(config, bytes) && self.displace_oldest(config, &mut displaced) {}
        }
        if !self.has_room(config, bytes) {
            return Held::Full(packet);
        }
        let place = found.or_else(|| self.table.insert(config, Entry::asking(key, now)));
        let place = place.or_else(|| {
            self.displace_oldest(config, &mut displaced);
            self.table.insert(config, Entry::asking(key, now))
        });
        let Some(index) = place else { return Held::Full(packet) };
        let waiting = &mut self.table.entry_mut(index).waiting;
        if waiting.len() >= config.waiting_each_packets_max as usize {
            return Held::Full(packet);
        }
        waiting.push(packet);
        self.waiting_packets += 1;
        self.waiting_bytes += bytes;
        if found.is_some() {
            return Held::Waiting;
        }
        self.ask_again_at(now.saturating_add(config.patience), key);
        if displaced.is_empty() { Held::Ask } else { Held::AskInstead(displaced) }
    }

    fn has_room(&self, config: &Config, bytes: usize) -> bool {
        self.waiting_packets < config.waiting_packets_max
            && bytes <= config.waiting_bytes_max.saturating_sub(self.waiting_bytes)
    }

    /// Gives up whoever was asked for longest ago; whether there was somebody.
    fn displace_oldest(&mut self, config: &Config, displaced: &mut Vec<Packet>) -> bool {
        while let Some((deadline, key)) = self.questions.pop_front() {
            if let Some(index) = self.open_question(config, deadline, key) {
                let waiting = self.table.remove(index).waiting;
                self.give_back(&waiting);
                displaced.extend(waiting);
                return true;
            }
        }
        false
    }

    /// Hears that a card has an address, and gives back the packets that waited for it.
    ///
    /// `asked_us` says whether it was heard from a question for one of the owner's addresses. Without that it is
    /// believed only of an address that is known, or that was asked for.
    pub fn learn(
        &mut self,
        now: Instant,
        config: &Config,
        address: IpAddr,
        mac: Mac,
        asked_us: bool,
    ) -> Vec<Packet> {
        if mac.is_multicast() || mac == Mac::UNSPECIFIED || !is_single(address) {
            return Vec::new();
        }
        let key = key(address);
        let Some(index) = self.table.find(key) else {
            if asked_us {
                self.table.insert(config, Entry::known(key, now, mac));
            }
            return Vec::new();
        };
        let waiting = self.table.entry_mut(index).confirm(now, mac);
        self.give_back(&waiting);
        while let Some(&(deadline, key)) = self.questions.front()
            && self.open_question(config, deadline, key).is_none()
        {
            self.questions.pop_front();
        }
        waiting
    }

    /// What is to be done at `now`. Call it until it returns `None`.
    pub fn poll(&mut self, now: Instant, config: &Config) -> Option<Event> {
        while let Some(&(deadline, key)) = self.questions.front().filter(|(deadline, _)| *deadline <= now) {
            self.questions.pop_front();
            let Some(index) = self.open_question(config, deadline, key) else { continue };
            let entry = self.table.entry_mut(index);
            if entry.tries < config.tries_max {
                entry.tries += 1;
                entry.asked = now;
                self.ask_again_at(now.saturating_add(config.patience), key);
                return Some(Event::Ask(address(key)));
            }
            let waiting = self.table.remove(index).waiting;
            self.give_back(&waiting);
            return Some(Event::Unreachable(address(key), waiting));
        }
        None
    }

    /// When [`poll`](Self::poll) is to be called next; perhaps for nothing.
    #[must_use]
    pub fn next_event(&self) -> Option<Instant> {
        self.questions.front().map(|&(deadline, _)| deadline)
    }

    /// Forgets everybody, and gives up what waits: the card went down or was given other addresses.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// How many addresses are known or asked for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether nobody is known or asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many packets wait for an answer.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        self.waiting_packets
    }

    /// Who is known, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (IpAddr, Mac)> {
        self.table.entries().filter_map(|entry| Some((address(entry.key), entry.mac?)))
    }

    /// Queues a deadline. Questions that were answered are swept out when they are most of the queue.
    fn ask_again_at(&mut self, deadline: Instant, key: u128) {
        if self.questions.len() > 16 + 2 * self.waiting_packets as usize {
            let table = &self.table;
            self.questions
                .retain(|&(_, key)| table.find(key).is_some_and(|index| table.entry(index).mac.is_none()));
        }
        self.questions.push_back((deadline, key));
    }

    /// The entry for which the question that is due at this time still waits for its answer.
    fn open_question(&self, config: &Config, deadline: Instant, key: u128) -> Option<usize> {
        let index = self.table.find(key)?;
        let entry = self.table.entry(index);
        let open = entry.mac.is_none() && entry.asked.saturating_add(config.patience) == deadline;
        open.then_some(index)
    }

    fn give_back(&mut self, packets: &[Packet]) {
        self.waiting_packets -= packets.len() as u32;
        self.waiting_bytes -= packets.iter().map(payload_bytes).sum::<usize>();
    }
}

/// Whether an address may belong to a single card.
fn is_single(address: IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    !(address.is_unspecified() || address.is_multicast() || address.is_loopback() || broadcast)
}

/// Addresses of both kinds as one number.
fn key(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn address(key: u128) -> IpAddr {
    IpAddr::from(key.to_be_bytes()).to_canonical()
}

/// How many bytes a packet keeps alive while it waits.
fn payload_bytes(packet: &Packet) -> usize {
    match &packet.transport {
        Transport::Tcp(segment) => segment.payload.len(),
        Transport::Udp(datagram) => datagram.payload.len(),
        Transport::Icmp(Icmp::EchoRequest(echo) | Icmp::EchoReply(echo)) => echo.payload.len(),
        Transport::Icmp(Icmp::Other { bytes, .. }) | Transport::Other { bytes, .. } => bytes.len(),
        Transport::Icmp(_) => 0,
        Transport::Fragment(fragment) => fragment.bytes.len(),
    }
}

#[cfg(test)]
mod tests;
