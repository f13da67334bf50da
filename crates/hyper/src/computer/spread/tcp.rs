//! A [`Host`] whose messages go by TCP: [`Peers`] are its [`Post`], and an [`Inbox`] is where theirs arrive.

use std::sync::{Arc, OnceLock, Weak};

use super::{Host, Post};
use crate::cluster::HostId;
use crate::cluster::tcp::{Event, Peers};

impl Post for Peers {
    fn send(&self, to: HostId, message: &[u8]) {
        // Without a link it is lost, as it would be had the link been lost just after.
        let _ = Self::send(self, to, message);
    }

    fn send_all(&self, to: HostId, messages: &[&[u8]]) {
        let _ = Self::send_all(self, to, messages);
    }
}

/// Where messages arrive for a host that is not there yet: links stand before the computer is joined through them.
///
/// Whoever brings one waits until [`Inbox::open`] says for whom it is. An inbox that is dropped unopened throws all away.
///
/// ```
/// use ironloom_core::{MachineId, Rng, Seed, WallClock};
/// use ironloom_hyper::cluster::link::{Identity, Incarnation, Secret};
/// use ironloom_hyper::cluster::tcp::{Links, LinksConfig};
/// use ironloom_hyper::cluster::{HostId, HostSet};
/// use ironloom_hyper::computer::{Inbox, Share};
/// use ironloom_hyper::{Computer, ComputerConfig};
/// use std::sync::Arc;
///
/// let here = HostId::new(0).unwrap();
/// let machine = MachineId::random(&mut Rng::new(Seed::new(1)));
/// let identity = Identity { machine, here, run: Incarnation::new(1), secret: Secret::new(b"told to all hosts") };
/// let inbox = Inbox::default();
/// let links = Links::listen(LinksConfig::new(identity), "127.0.0.1:0", inbox.handler())?;
/// // Here links to other hosts are made.
/// let mut computer = Computer::new(ComputerConfig::new(16 << 20))?;
/// let share = Share::new(here, HostSet::EMPTY.with(here), &computer);
/// let host = computer.join(share, Arc::new(links.peers().clone()), Arc::new(WallClock::start()))?;
/// inbox.open(&host);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Inbox(Arc<OnceLock<Option<Weak<Host>>>>);

impl Inbox {
    /// What [`Links`](crate::cluster::tcp::Links) are to do with what happens on them.
    ///
    /// It does not keep the host, which keeps what it sends by.
    pub fn handler(&self) -> impl Fn(&Peers, HostId, Event<'_>) + Send + Sync + 'static {
        let place = self.0.clone();
        move |_, from, event| {
            // Only messages must not be missed by a host that is not there yet.
            let place = if matches!(event, Event::Message(_)) { Some(place.wait()) } else { place.get() };
            let Some(host) = place.and_then(|place| place.as_ref()?.upgrade()) else { return };
            match event {
                Event::Up { .. } => host.linked(from),
                Event::Message(message) => host.receive(from, message),
                Event::Down(why) => host.unlinked(from, why),
            }
        }
    }

    /// Gives a host what has arrived and what will.
    pub fn open(self, host: &Arc<Host>) {
        // It is consumed, so nobody has opened it before.
        let _ = self.0.set(Some(Arc::downgrade(host)));
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        // If it was opened, that stays.
        let _ = self.0.set(None);
    }
}
