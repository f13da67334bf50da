//! [`Card`]: between a computer's network card and the network.

use ironloom_hyper::board::Slot;
use ironloom_net::fabric::StationId;
use ironloom_net::frame::Body;
use ironloom_net::{Frame, Mac};

/// Between a computer's network card and the network.
///
/// What runs on a fork, or on a computer that was rolled back to a snapshot of another, goes on with the card's address
/// that it found when it began. So that the network takes it for the machine that it is, the one is put in the place of the
/// other on the way.
#[derive(Debug, Clone, Copy)]
pub(in crate::world) struct Card {
    /// Where its frames leave the network.
    pub(in crate::world) station: StationId,
    /// The address that the network knows.
    pub(in crate::world) own: Mac,
    /// The largest packet that its link carries.
    pub(in crate::world) mtu: u16,
    /// Where the card is, and the address that the guest believes to have; nothing if it has none.
    pub(in crate::world) guest: Option<(Slot, Mac)>,
}

impl Card {
    pub(in crate::world) const fn new(station: StationId, own: Mac, mtu: u16) -> Self {
        Self { station, own, mtu, guest: None }
    }

    /// A frame of the guest, as it leaves for the network.
    pub(in crate::world) fn outward(&self, mut frame: Frame) -> Frame {
        let Some((_, guest)) = self.guest.filter(|(_, guest)| *guest != self.own) else { return frame };
        replace(&mut frame.source, guest, self.own);
        if let Body::Arp(arp) = &mut frame.body {
            replace(&mut arp.source_mac, guest, self.own);
        }
        frame
    }

    /// A frame of the network, as the guest is given it.
    pub(in crate::world) fn inward(&self, mut frame: Frame) -> Frame {
        let Some((_, guest)) = self.guest.filter(|(_, guest)| *guest != self.own) else { return frame };
        replace(&mut frame.target, self.own, guest);
        if let Body::Arp(arp) = &mut frame.body {
            replace(&mut arp.target_mac, self.own, guest);
        }
        frame
    }
}

fn replace(place: &mut Mac, from: Mac, to: Mac) {
    if *place == from {
        *place = to;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    use ironloom_hyper::board::{Attachment, Board, BoardConfig};
    use ironloom_net::frame::{Arp, ArpOperation};

    #[test]
    fn a_guest_with_another_address_is_taken_for_its_machine() {
        let [own, guest, other] = [1, 2, 3].map(Mac::local);
        let mut board = Board::new(BoardConfig::new(1 << 20)).unwrap();
        let slot = board.attach(Attachment::Net { mac: guest, mtu: 1_500 }).unwrap();
        let card = Card { guest: Some((slot, guest)), ..Card::new(StationId::new(0), own, 1_500) };
        let frame = |source: Mac, target: Mac| {
            let (operation, address) = (ArpOperation::Reply, Ipv4Addr::LOCALHOST);
            let (source_mac, target_mac) = (source, target);
            let arp = Arp { operation, source_mac, source: address, target_mac, target: address };
            Frame { source, target, body: Body::Arp(arp) }
        };
        assert_eq!(card.outward(frame(guest, other)), frame(own, other));
        assert_eq!(card.inward(frame(other, own)), frame(other, guest));
        assert_eq!(card.outward(frame(other, guest)), frame(other, guest), "who lies goes on lying");
        assert_eq!(card.inward(frame(other, Mac::BROADCAST)), frame(other, Mac::BROADCAST));
    }
}
