//! [`Trunks`]: the links between switches, of which so many carry frames that all switches are joined and none twice.
//!
//! Real switches find a spanning tree by talking to each other; here the description of the network is known, so the
//! tree is computed: links in the order of their numbers, each blocked if its ends are joined already. When one is
//! taken away or goes down, the tree is computed anew and a blocked one may take its place.

use std::collections::BTreeSet;

use ironloom_core::Map;

use super::{Fabric, LinkId, StationId};

/// The links between switches.
#[derive(Debug, Default)]
pub(super) struct Trunks {
    links: BTreeSet<LinkId>,
    /// For each switch another one that it is joined to, on the way to one that stands for all of them.
    joined: Map<StationId, StationId>,
}

impl Trunks {
    /// Joins two switches; `false` if they were.
    fn join(&mut self, first: StationId, second: StationId) -> bool {
        let (first, second) = (self.representative(first), self.representative(second));
        if first == second {
            return false;
        }
        let (low, high) = (first.min(second), first.max(second));
        self.joined.insert(high, low);
        true
    }

    fn representative(&mut self, of: StationId) -> StationId {
        let mut at = of;
        while let Some(&next) = self.joined.get(&at) {
            // Halving the way keeps it short.
            let after = self.joined.get(&next).copied().unwrap_or(next);
            self.joined.insert(at, after);
            at = after;
            if after == next {
                break;
            }
        }
        at
    }
}

impl Fabric {
    /// A link was made: if it joins switches, it is blocked where it would close a loop.
    pub(super) fn enter_trunk(&mut self, link: LinkId) {
        let Some(ends) = self.layout.link(link).map(|link| link.ends) else { return };
        if ends.iter().all(|end| self.switch_mut(end.station).is_some()) {
            self.trunks.links.insert(link);
            self.place_trunk(link);
        }
    }

    /// A link is gone: another may have to take its place.
    pub(super) fn leave_trunk(&mut self, link: LinkId) {
        if self.trunks.links.remove(&link) {
            self.span();
        }
    }

    /// A link went down or up.
    pub(super) fn change_trunk(&mut self, link: LinkId) {
        if self.trunks.links.contains(&link) {
            self.span();
        }
    }

    /// Computes the tree anew.
    fn span(&mut self) {
        self.trunks.joined.clear();
        let links: Vec<LinkId> = self.trunks.links.iter().copied().collect();
        links.into_iter().for_each(|link| self.place_trunk(link));
    }

    fn place_trunk(&mut self, id: LinkId) {
        let Some(link) = self.layout.link(id).copied() else { return };
        let [first, second] = link.ends;
        // A link that carries nothing, or only one way, joins nothing.
        let is_down = link.is_down.contains(&true);
        let is_blocked = is_down || !self.trunks.join(first.station, second.station);
        for end in link.ends {
            if let Some(switch) = self.switch_mut(end.station)
                && switch.is_blocked(end.port) != is_blocked
            {
                switch.block(end.port, is_blocked);
            }
        }
    }
}
