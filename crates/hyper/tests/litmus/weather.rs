//! [`Weather`]: what becomes of messages between hosts on a bad day.
//!
//! What hosts say about pages, and letters if so wished, may come late, in any order, twice, in bursts or not at all: both
//! are numbered and said again. Everything else comes late only, in the order in which it was sent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;

use ironloom_core::{Clock, Duration, Instant, Rng, Seed, WallClock};
use ironloom_hyper::cluster::HostId;
use ironloom_hyper::computer::Post;
use parking_lot::Mutex;

/// The first byte of messages about pages, and of letters to harts.
const ABOUT_PAGES: u8 = 0;
const LETTERS: u8 = 1;

/// What becomes of messages on their way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    pub(crate) seed: u64,
    /// The longest that a message takes; each takes a time of its own.
    pub(crate) delay: Duration,
    /// How many of a thousand are lost.
    pub(crate) lost: u64,
    /// How many of a thousand come twice.
    pub(crate) doubled: u64,
    /// Whether letters to harts are lost and doubled as well.
    pub(crate) letters: bool,
    /// For how long messages gather, which then come all at once.
    pub(crate) burst: Duration,
    /// Two hosts between which everything takes so much longer.
    pub(crate) slow: Option<([u8; 2], Duration)>,
}

impl Weather {
    /// Everything comes at once.
    pub(crate) const FAIR: Self = Self {
        seed: 0,
        delay: Duration::ZERO,
        lost: 0,
        doubled: 0,
        letters: false,
        burst: Duration::ZERO,
        slow: None,
    };

    /// Whether messages come when they are sent.
    pub(crate) const fn is_fair(&self) -> bool {
        self.delay.is_zero()
            && self.burst.is_zero()
            && self.slow.is_none()
            && !self.loses()
            && self.doubled == 0
    }

    pub(crate) const fn loses(&self) -> bool {
        self.lost > 0
    }

    /// What a host sends goes through this weather.
    pub(crate) fn over(self, from: HostId, wires: Arc<dyn Post>) -> Arc<dyn Post> {
        Arc::new(Sky::new(self, from, wires))
    }
}

/// A message on its way, and when it arrives.
type Flight = (Instant, HostId, Vec<u8>);

/// Carries what one host sends through the weather, by a thread of its own.
#[derive(Debug)]
struct Sky {
    weather: Weather,
    from: HostId,
    clock: WallClock,
    state: Mutex<State>,
    carrier: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct State {
    rng: Rng,
    /// To the carrier, until that is to end.
    flights: Option<Sender<Flight>>,
    /// When the last message arrives that has to come in order, of each host.
    last: BTreeMap<HostId, Instant>,
}

impl Sky {
    fn new(weather: Weather, from: HostId, wires: Arc<dyn Post>) -> Self {
        let (flights, end) = channel();
        let clock = WallClock::start();
        let rng = Rng::new(Seed::new(weather.seed)).split("host", from.number().into());
        Self {
            weather,
            from,
            clock,
            state: Mutex::new(State { rng, flights: Some(flights), last: BTreeMap::new() }),
            carrier: Some(carry(end, wires, clock)),
        }
    }

    /// When a message arrives that is sent now.
    fn arrival(&self, rng: &mut Rng, to: HostId) -> Instant {
        let Weather { delay, burst, slow, .. } = self.weather;
        let mut at = self.clock.now().saturating_add(Duration::from_nanos(rng.below(delay.as_nanos() + 1)));
        if let Some((pair, longer)) = slow
            && [self.from, to].iter().all(|host| pair.contains(&host.number()))
        {
            at = at.saturating_add(longer);
        }
        if burst.is_zero() {
            at
        } else {
            Instant::from_nanos(at.as_nanos().next_multiple_of(burst.as_nanos()))
        }
    }
}

impl Post for Sky {
    fn send(&self, to: HostId, message: &[u8]) {
        let mut state = self.state.lock();
        let State { rng, flights, last } = &mut *state;
        let flights = flights.as_ref().expect("it is taken only when nobody sends any more");
        let mut at = self.arrival(rng, to);
        let kind = message.first().copied();
        if kind == Some(ABOUT_PAGES) || self.weather.letters && kind == Some(LETTERS) {
            if rng.chance(self.weather.lost, 1_000) {
                return;
            }
            if rng.chance(self.weather.doubled, 1_000) {
                let again = self.arrival(rng, to);
                let _ = flights.send((again, to, message.to_vec()));
            }
        } else {
            let last = last.entry(to).or_insert(at);
            at = at.max(*last);
            *last = at;
        }
        let _ = flights.send((at, to, message.to_vec()));
    }
}

impl Drop for Sky {
    fn drop(&mut self) {
        self.state.get_mut().flights = None;
        if let Some(carrier) = self.carrier.take() {
            let _ = carrier.join();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "it is joined when the sky is dropped")]
fn carry(end: Receiver<Flight>, wires: Arc<dyn Post>, clock: WallClock) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut flying: BTreeMap<(Instant, u64), (HostId, Vec<u8>)> = BTreeMap::new();
        for number in 0_u64.. {
            let now = clock.now();
            while let Some(((at, _), _)) = flying.first_key_value()
                && *at <= now
            {
                let (_, (to, message)) = flying.pop_first().expect("there is a first");
                wires.send(to, &message);
            }
            let patience = flying.first_key_value().map(|((at, _), _)| at.saturating_since(now));
            let next = match patience {
                Some(patience) => end.recv_timeout(patience.into()),
                None => end.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match next {
                Ok((at, to, message)) => _ = flying.insert((at, number), (to, message)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    })
}
