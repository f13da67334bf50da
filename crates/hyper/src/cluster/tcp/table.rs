//! [`Table`]: which links stand, which are being made, and which of two stays.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::ThreadId;

use super::outgoing::Outgoing;
use crate::cluster::link::{Incarnation, LinkError, Refusal};
use crate::cluster::{HOSTS_MAX, HostId, HostSet};

/// What is known of the links of a host, under one lock.
#[derive(Debug)]
pub(super) struct Table {
    here: HostId,
    entries: Vec<Entry>,
    /// How many that have connected have not said yet who they are.
    pub(super) handshakes: usize,
    /// How many threads there are.
    pub(super) threads: usize,
    /// Which of them have begun.
    pub(super) running: Vec<ThreadId>,
    /// Which of them wait for the others to end.
    pub(super) joining: Vec<ThreadId>,
    pub(super) is_closing: bool,
}

/// What is known of the link to one host.
#[derive(Debug, Default)]
struct Entry {
    /// The last run of the host that had a link.
    newest: Incarnation,
    state: State,
    /// Whether this side is dialling it right now.
    is_dialling: bool,
    /// Where it is to be dialled whenever there is no link.
    wanted: Option<SocketAddr>,
    /// Whether there is a thread that dials it then.
    is_kept: bool,
    /// How often somebody has asked for it, since who asks again does not want to wait for the next turn.
    asked: u64,
    /// Why it could not be dialled last.
    failure: Option<LinkError>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Vacant,
    /// A thread has it to itself, from before the link stands until everybody knows that it ended.
    Taken { claim: Claim, link: Option<Arc<Outgoing>> },
}

/// A link that is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    pub(super) peer: HostId,
    pub(super) run: Incarnation,
    /// Whether this side dialled.
    pub(super) is_dialled: bool,
}

/// What becomes of a claim.
#[derive(Debug)]
pub(super) enum Verdict {
    Granted,
    Refused(Refusal),
    /// Once the link that is there has ended.
    Later,
}

impl Table {
    pub(super) fn new(here: HostId) -> Self {
        let entries = (0..HOSTS_MAX).map(|_| Entry::default()).collect();
        Self {
            here,
            entries,
            handshakes: 0,
            threads: 0,
            running: Vec::new(),
            joining: Vec::new(),
            is_closing: false,
        }
    }

    fn entry(&mut self, peer: HostId) -> &mut Entry {
        &mut self.entries[usize::from(peer.number())]
    }

    /// Decides on a link that is asked for; ends the one that it takes the place of.
    ///
    /// A later run of the host takes the place of an earlier one. Of two links to the same run the later stays if the
    /// same side dialled both, since that side has only one; otherwise that which the lower host dialled, as both
    /// sides see it alike.
    pub(super) fn claim(&mut self, claim: Claim) -> Verdict {
        let is_ours_better = self.here < claim.peer;
        let entry = self.entry(claim.peer);
        if claim.run < entry.newest {
            return Verdict::Refused(Refusal::Stale);
        }
        match &entry.state {
            State::Vacant if !claim.is_dialled && entry.is_dialling && is_ours_better => {
                Verdict::Refused(Refusal::Crossed)
            }
            State::Vacant => {
                entry.newest = claim.run;
                entry.state = State::Taken { claim, link: None };
                Verdict::Granted
            }
            State::Taken { claim: old, link } => {
                let is_same_side = old.is_dialled == claim.is_dialled;
                let is_better = claim.is_dialled == is_ours_better;
                if old.run == claim.run && !is_same_side && !is_better {
                    return Verdict::Refused(Refusal::Crossed);
                }
                if let Some(link) = link {
                    link.end(LinkError::Replaced);
                }
                Verdict::Later
            }
        }
    }

    /// The link that was granted stands.
    pub(super) fn stand(&mut self, peer: HostId, outgoing: Arc<Outgoing>) {
        let State::Taken { link, .. } = &mut self.entry(peer).state else {
            panic!("a link stands where it was granted");
        };
        *link = Some(outgoing);
    }

    /// The link that was granted is no more, and everybody knows.
    pub(super) fn vacate(&mut self, peer: HostId) {
        let entry = self.entry(peer);
        assert!(matches!(entry.state, State::Taken { .. }), "only what was taken is given back");
        entry.state = State::Vacant;
    }

    pub(super) fn link(&mut self, peer: HostId) -> Option<Arc<Outgoing>> {
        match &self.entry(peer).state {
            State::Taken { link: Some(link), .. } if !link.has_ended() => Some(Arc::clone(link)),
            _ => None,
        }
    }

    pub(super) fn is_vacant(&mut self, peer: HostId) -> bool {
        matches!(self.entry(peer).state, State::Vacant)
    }

    /// The hosts to which there are links.
    pub(super) fn linked(&mut self) -> HostSet {
        HostSet::from_bits(u64::MAX).iter().filter(|host| self.link(*host).is_some()).collect()
    }

    /// The last run of a host that had a link.
    pub(super) fn newest(&mut self, peer: HostId) -> Incarnation {
        self.entry(peer).newest
    }

    pub(super) fn set_dialling(&mut self, peer: HostId, is_dialling: bool) {
        self.entry(peer).is_dialling = is_dialling;
    }

    /// Wants a link to a host; whether that needs a thread.
    pub(super) fn want(&mut self, peer: HostId, address: SocketAddr) -> bool {
        let entry = self.entry(peer);
        entry.failure = None;
        entry.asked += 1;
        entry.wanted = Some(address);
        !std::mem::replace(&mut entry.is_kept, true)
    }

    pub(super) fn unwant(&mut self, peer: HostId) {
        self.entry(peer).wanted = None;
    }

    /// Where a host is to be dialled; if nowhere, the thread that asks must end.
    pub(super) fn wanted(&mut self, peer: HostId) -> Option<SocketAddr> {
        let entry = self.entry(peer);
        entry.is_kept = entry.wanted.is_some();
        entry.wanted
    }

    pub(super) fn asked(&mut self, peer: HostId) -> u64 {
        self.entry(peer).asked
    }

    pub(super) fn is_wanted(&mut self, peer: HostId) -> bool {
        self.entry(peer).wanted.is_some()
    }

    /// Whether there is no reason to dial a host before its next turn, if it was asked for so often by then.
    pub(super) fn is_waiting(&mut self, peer: HostId, asked: u64) -> bool {
        let entry = self.entry(peer);
        entry.wanted.is_some() && entry.asked == asked && matches!(entry.state, State::Vacant)
    }

    /// There will be no thread that dials a host.
    pub(super) fn abandon(&mut self, peer: HostId) {
        let entry = self.entry(peer);
        (entry.wanted, entry.is_kept) = (None, false);
    }

    pub(super) fn fail(&mut self, peer: HostId, error: LinkError) {
        self.entry(peer).failure = Some(error);
    }

    pub(super) fn failure(&mut self, peer: HostId) -> Option<LinkError> {
        self.entry(peer).failure
    }

    /// Ends every link, and wants none.
    pub(super) fn close(&mut self) {
        self.is_closing = true;
        for entry in &mut self.entries {
            entry.wanted = None;
            if let State::Taken { link: Some(link), .. } = &entry.state {
                link.end(LinkError::ClosedHere);
            }
        }
    }
}
