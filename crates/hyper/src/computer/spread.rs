//! A computer of which this process is one [`Host`] among several.
//!
//! Every host has the whole computer, but runs only the harts that live with it, holds only some pages of its memory,
//! and only one has the devices. What goes on between hosts are messages: about pages
//! ([`coherence`](crate::coherence)), letters to harts and devices, and how far each host is in time. Hosts do not connect
//! themselves: a [`Post`] carries messages, and whoever gets one gives it to [`Host::receive`].
//!
//! **Threads.** A message is dealt with on the thread that brings it, which never waits for a page, a hart or a device. Those
//! that wait are harts, whose reader is parked meanwhile so that nobody waits for them, and devices, whose letters are
//! answered by a thread of their own. So no two hosts wait for each other.
//!
//! **Locks.** The desk of pages comes before regions of memory, both before the yard of letters; nothing is sent while
//! the yard is locked. [Placement](placing) is asked while none of them is.
//!
//! **Time.** Each host goes by its own windows, but no further than [`Share::lead`] beyond any host that has something to do.
//! A host that waits tells when it will do something by itself.

mod alarm;
mod aside;
mod health;
mod letters;
mod mail;
mod membership;
mod message;
mod pages;
mod placing;
mod remote;
mod room;
mod snapshot;
mod streams;
mod tcp;
mod time;
mod view;
mod whole;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use ironloom_blob::{BlobId, BlobStore};
use ironloom_core::metrics::Counter;
use ironloom_core::{Clock, Duration, Instant};
use parking_lot::Mutex;

use self::alarm::Alarm;
use self::health::Health;
use self::letters::{DESKS, Letters};
use self::membership::Membership;
use self::message::HostMessage;
use self::pages::{Desk, Door};
use self::placing::Placing;
use self::remote::Remote;
use self::room::Room;
use self::snapshot::Snapshots;
use self::time::Times;
use super::free::Yard;
use super::{Computer, ComputerError};
use crate::PAGE_BYTES;
use crate::board::Ending;
use crate::cluster::detector::Reason;
use crate::cluster::harts::{HARTS_MAX, MoveFailure};
use crate::cluster::link::LinkError;
use crate::cluster::members::{Denied, MembersConfig, Wish};
use crate::cluster::{Epoch, HostId, HostSet};
use crate::coherence::{CoherenceConfig, Counters};
use crate::memory::Memory;

pub use self::placing::PlacementCounters;
pub use self::remote::{RemoteConfig, RemoteCounters};
pub use self::room::RoomCounters;
pub use self::tcp::Inbox;
pub use self::view::HeldPages;

pub(in crate::computer) use self::message::{Errand, Operation, Ticket};
pub(in crate::computer) use self::whole::{Devices, Part};

/// How a computer is shared among hosts. But for `here`, `cores` and `store` it is the same on all of them.
#[derive(Debug, Clone)]
pub struct Share {
    /// This host.
    pub here: HostId,
    /// All hosts.
    pub hosts: HostSet,
    /// Which membership this is.
    pub epoch: Epoch,
    /// The host whose devices are the computer's.
    pub devices: HostId,
    /// Where each hart lives at first.
    pub harts: Vec<HostId>,
    /// How many harts can run on this host at a time, which is what other hosts go by that [balance](Host::place_by) load.
    pub cores: u16,
    /// How far a host may be ahead of the others in the computer's time.
    pub lead: Duration,
    /// How pages are kept coherent.
    pub coherence: CoherenceConfig,
    /// When a page that hosts write by turns is used where it is, instead of going round; without it none is.
    pub remote: Option<RemoteConfig>,
    /// How hosts watch over each other; without it they are for ever those that they are, and none is missed.
    pub members: Option<MembersConfig>,
    /// How long a hart, a device or a page that has come waits for room in this host's memory. If there is none then, the
    /// computer cannot go on here.
    pub room_patience: Duration,
    /// Where this host stores its part of snapshots, and pages that no host has room for. Nothing may be collected there while
    /// the computer runs.
    pub store: Option<Arc<dyn BlobStore>>,
    /// Whether all hosts have the same store, so that what one of them stores the others find. Then there can be snapshots,
    /// and of pages that are only there other hosts are told the name.
    pub has_common_store: bool,
}

impl Share {
    /// A computer's harts dealt out one after another among hosts, with the devices on the first.
    ///
    /// # Panics
    ///
    /// If `here` is not one of the hosts.
    #[must_use]
    pub fn new(here: HostId, hosts: HostSet, computer: &Computer) -> Self {
        assert!(hosts.contains(here), "a host is one of the hosts");
        let first = hosts.first().expect("there is at least this host");
        let pages =
            u32::try_from(computer.memory.bytes() / PAGE_BYTES).expect("a memory has at most 2²⁸ pages");
        let in_turn: Vec<HostId> = hosts.iter().collect();
        let harts = (0..computer.seats.len()).map(|number| in_turn[number % in_turn.len()]).collect();
        Self {
            here,
            hosts,
            epoch: Epoch::new(1),
            devices: first,
            harts,
            cores: std::thread::available_parallelism().map_or(1, |cores| cores.get().min(HARTS_MAX) as u16),
            lead: Duration::from_millis(5),
            coherence: CoherenceConfig::new(pages),
            remote: None,
            members: None,
            room_patience: Duration::from_secs(10),
            store: None,
            has_common_store: false,
        }
    }
}

/// Carries messages to other hosts, in the order in which they are given to it or not at all.
pub trait Post: fmt::Debug + Send + Sync {
    /// Sends a message. It must not wait for the other host.
    fn send(&self, to: HostId, message: &[u8]);

    /// Sends messages in this order, together if that is cheaper.
    fn send_all(&self, to: HostId, messages: &[&[u8]]) {
        for message in messages {
            self.send(to, message);
        }
    }
}

/// What has happened to a host's part in a computer.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum HostEvent {
    /// A hart of this host runs on another one.
    Moved {
        /// Which.
        hart: u8,
        /// Where.
        to: HostId,
        /// How long it stood still at most.
        downtime: Duration,
    },
    /// A hart of this host was to move and runs on here.
    Stayed {
        /// Which.
        hart: u8,
        /// Where it did not go.
        to: HostId,
        /// Why.
        why: MoveFailure,
    },
    /// The host where a hart was known to live is gone.
    Missing {
        /// Which.
        hart: u8,
        /// Where it was.
        host: HostId,
    },
    /// A host has been silent for longer than is usual for it. Nothing is done about that: see [`Host::lost`].
    Suspected(Reason),
    /// The link to a host was lost. Unless there is another soon, the computer stops.
    Unlinked {
        /// Which.
        host: HostId,
        /// Why.
        why: LinkError,
    },
    /// Other hosts make up the computer than before.
    Membership {
        /// Which.
        hosts: HostSet,
        /// For how long no hart ran.
        paused: Duration,
    },
    /// The snapshot that this host asked for is stored: [`Computer::restore`] makes a computer of it.
    Stored {
        /// Which.
        snapshot: BlobId,
        /// For how long no hart ran.
        paused: Duration,
    },
    /// The snapshot that this host asked for could not be stored.
    Unstored {
        /// Which host could not do its part.
        host: HostId,
        /// Why.
        reason: String,
    },
    /// What this host asked for was done, or why not.
    Ended {
        /// What.
        wish: Wish,
        /// What became of it.
        result: Result<(), Denied>,
    },
}

/// This process's part in a computer that several hosts share.
pub struct Host {
    share: Share,
    memory: Arc<Memory>,
    yard: Arc<Yard>,
    post: Arc<dyn Post>,
    clock: Arc<dyn Clock>,
    desk: Mutex<Desk>,
    /// Why this host cannot go on, if so.
    failed: Mutex<Option<ComputerError>>,
    /// Whether pages are to be given away as soon as readers know.
    releasing: AtomicBool,
    letters: Letters,
    membership: Membership,
    snapshots: Arc<Snapshots>,
    health: Health,
    times: Times,
    room: Room,
    placing: Placing,
    remote: Remote,
    ended: OnceLock<Ending>,
    alarm: Arc<Alarm>,
    refused: Counter,
}

impl Computer {
    /// Shares the computer with other hosts, each of which has one that was made and booted in the same way.
    ///
    /// From now on [`Computer::run_freely_until`] runs the harts that live here. On the host with the devices inputs
    /// and outputs are as they were; the others have none.
    ///
    /// # Errors
    ///
    /// If it was shared before, or has too many harts for so many hosts.
    ///
    /// # Panics
    ///
    /// If the share is that of another computer: with other harts or another memory.
    pub fn join(
        &mut self,
        share: Share,
        post: Arc<dyn Post>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Host>, ComputerError> {
        assert!(share.hosts.contains(share.here), "a host is one of the hosts");
        self.take_part(share, None, post, clock)
    }

    /// Takes part in a computer that runs on other hosts already, as soon as they agree. This one must be made like
    /// theirs, and not booted; `share` is what they began with, but for [`Share::here`].
    ///
    /// One of them, `via`, is asked; [`Host::poll`] tells when this one belongs to them. Then harts may be moved to it,
    /// also such as were never started, and a [balloon](Computer::set_balloon) may be let go.
    ///
    /// # Errors
    ///
    /// As for [`join`](Self::join).
    ///
    /// # Panics
    ///
    /// If the share is that of another computer, has this host among its first ones, or says nothing of members.
    pub fn join_running(
        &mut self,
        share: Share,
        via: HostId,
        post: Arc<dyn Post>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Host>, ComputerError> {
        assert!(!share.hosts.contains(share.here), "who joins is not there yet");
        assert!(share.members.is_some(), "hosts that are for ever those that they are cannot be joined");
        self.take_part(share, Some(via), post, clock)
    }

    fn take_part(
        &mut self,
        share: Share,
        via: Option<HostId>,
        post: Arc<dyn Post>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Host>, ComputerError> {
        assert_eq!(share.harts.len(), self.seats.len(), "each hart lives somewhere");
        assert_eq!(
            u64::from(share.coherence.pages),
            self.memory.bytes() / PAGE_BYTES,
            "every page is shared"
        );
        let (harts, harts_max) = (share.harts.len(), HARTS_MAX - DESKS - 1);
        if harts > harts_max {
            return Err(ComputerError::TooManyHarts { harts, harts_max });
        }
        let (host, hosts_max) = (share.hosts.with(share.here).iter().last(), DESKS);
        if let Some(host) = host.filter(|host| usize::from(host.number()) >= hosts_max) {
            return Err(ComputerError::TooManyHosts { host, hosts_max });
        }
        for (number, seat) in self.seats.iter_mut().enumerate() {
            if share.harts[number] != share.here {
                seat.status = super::HartStatus::Stopped;
            }
        }
        let yard = Arc::new(Yard::new(self.seats.iter()));
        yard.settle_in(|number| share.harts[number] == share.here);
        let host = Arc::new(Host {
            desk: Mutex::new(Desk::new(&share, &self.memory)),
            failed: Mutex::default(),
            releasing: AtomicBool::new(false),
            letters: Letters::new(&share),
            membership: Membership::new(&share, via, clock.now()),
            snapshots: Arc::new(Snapshots::new(&share, &self.config)),
            health: Health::new(clock.now()),
            times: Times::new(&share),
            room: Room::default(),
            placing: Placing::default(),
            remote: Remote::new(share.remote.as_ref()),
            ended: OnceLock::new(),
            alarm: Arc::default(),
            refused: Counter::new(),
            memory: self.memory.clone(),
            yard,
            post,
            clock,
            share,
        });
        self.memory.spread(Arc::new(Door(Arc::downgrade(&host))))?;
        if let Some(store) = &host.share.store {
            self.memory.set_larder(Arc::clone(store), host.share.has_common_store);
        }
        alarm::keep(&host)?;
        self.host = Some(host.clone());
        Ok(host)
    }
}

/// What it waits for, as far as nobody is changing that just now.
impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("here", &self.share.here)
            .field("hosts", &self.hosts())
            .field("times", &self.times)
            .field("membership", &self.membership)
            .field("pages", &self.desk.try_lock().map(|desk| desk.summary()))
            .field("letters", &self.letters)
            .finish_non_exhaustive()
    }
}

impl Host {
    /// Deals with a message from another host. What cannot be understood is counted and forgotten.
    pub fn receive(&self, from: HostId, message: &[u8]) {
        let member = from != self.share.here && self.hosts().contains(from);
        self.health.hear(from);
        match borsh::from_slice(message) {
            Ok(HostMessage::Member(message)) => self.receive_member(from, message),
            Ok(_) if !member => self.refused.add(1),
            Ok(HostMessage::Page(message)) => self.receive_page(from, message),
            Ok(HostMessage::Harts(state, message)) => {
                self.hear_of(from, state);
                self.receive_letters(from, message);
            }
            Ok(HostMessage::State(state)) => self.hear_of(from, state),
            Ok(HostMessage::AskPart { snapshot }) => self.tell_part(from, snapshot),
            Ok(HostMessage::Part { snapshot, stored }) => self.hear_part(from, snapshot, stored),
            Err(_) => self.refused.add(1),
        }
    }

    /// Which host this is.
    #[must_use]
    pub const fn id(&self) -> HostId {
        self.share.here
    }

    /// How the computer is shared.
    #[must_use]
    pub const fn share(&self) -> &Share {
        &self.share
    }

    /// What happened to pages so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.desk.lock().coherence.counters()
    }

    /// How many messages could not be understood.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.value()
    }

    /// How the computer ended, if it did.
    #[must_use]
    pub fn ended(&self) -> Option<Ending> {
        self.ended.get().copied()
    }

    /// Ends the computer on all hosts.
    pub(in crate::computer) fn end(&self, ending: Ending) {
        if self.ended.set(ending).is_ok() {
            self.tell_state();
            self.yard.ring();
        }
    }

    /// Where letters to harts arrive.
    pub(in crate::computer) const fn yard(&self) -> &Arc<Yard> {
        &self.yard
    }

    /// Does what is due by time; when to do so again.
    fn look_after(&self, now: Instant) -> Instant {
        /// Looking up now and then costs less than being woken for each message that may have to be sent again.
        const NAP: Duration = Duration::from_millis(5);
        // Hosts hear of each other even if nothing changes, because messages may be lost.
        if self.alarm.is_time(now, health::INTERVAL) {
            self.tell_state();
            self.look_at_others(now);
        }
        let latest = now.saturating_add(NAP);
        self.alarm.sleeps_until.store(latest.as_nanos(), Ordering::SeqCst);
        self.wake_snapshots(now);
        self.look_after_load(now);
        let events =
            [self.make_room(now), self.wake_pages(now), self.wake_letters(now), self.wake_members(now)];
        let event = events.into_iter().flatten().fold(latest, Instant::min);
        self.alarm.sleeps_until.fetch_min(event.as_nanos(), Ordering::SeqCst);
        event
    }

    /// Sees to it that what is due then is done then.
    fn sleep_no_longer_than(&self, event: Instant, now: Instant) {
        if event.as_nanos() < self.alarm.sleeps_until.load(Ordering::SeqCst) {
            self.alarm.sleeps_until.store(now.as_nanos(), Ordering::SeqCst); // once is enough
            self.alarm.bell.notify_all();
        }
    }

    /// Stops here because of something that cannot be mended.
    fn fail(&self, error: ComputerError) {
        self.failed.lock().get_or_insert(error);
        self.yard.ring();
    }

    fn send(&self, to: HostId, message: &HostMessage) {
        let bytes = borsh::to_vec(message).expect("a vector takes everything");
        self.post.send(to, &bytes);
    }

    fn others(&self) -> HostSet {
        self.hosts().without(self.share.here)
    }
}
