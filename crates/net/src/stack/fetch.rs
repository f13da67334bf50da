//! Having in the cache what a stack will touch soon.

use std::net::SocketAddr;

use super::Stack;
use super::key::{Key, Kind};
use crate::Frame;
use crate::frame::{Body, Transport};
use crate::raw::prefetch;

impl Stack {
    /// Has fetched what almost every packet touches.
    #[inline]
    pub(crate) fn fetch(&self) {
        if let Some(card) = self.egress.cards.first() {
            prefetch(card);
        }
        if let Some(rare) = &self.egress.rare {
            prefetch(&**rare);
        }
        self.sockets.fetch();
    }

    /// Has fetched what a segment of a connection touches.
    #[inline]
    pub(crate) fn fetch_socket(&self, frame: &Frame) {
        let Body::Ip(packet) = &frame.body else { return };
        let Transport::Tcp(segment) = &packet.transport else { return };
        let local = SocketAddr::new(packet.target, segment.target);
        let key = Key::new(Kind::Tcp, local, SocketAddr::new(packet.source, segment.source));
        self.sockets.fetch_socket(&key);
        if let Some(card) = self.egress.cards.first() {
            if let Some(own) = card.addresses.first() {
                prefetch(own);
            }
            if let Some(neighbours) = &card.neighbours {
                prefetch(&**neighbours);
            }
        }
    }
}
