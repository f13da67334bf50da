//! TCP sockets. Only their names are here yet.

use std::net::{IpAddr, SocketAddr};

use ironloom_core::Instant;

use crate::frame::Segment;
use crate::{Outbox, Payload, SocketId};

use super::Stack;
use super::error::{BindError, ConnectError, SocketError};
use super::told::Told;

#[derive(Debug)]
pub(super) struct Listener;
#[derive(Debug)]
pub(super) struct HalfOpen;
#[derive(Debug)]
pub(super) struct Ended;
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) is_held: bool,
}

/// What there was to receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// So many bytes.
    Bytes(usize),
    /// Nothing yet.
    Nothing,
    /// Nothing, and nothing will come: the other side has finished.
    Finished,
}

impl Stack {
    pub fn listen(&mut self, _: u64, local: SocketAddr, _: u32) -> Result<SocketId, BindError> {
        Err(BindError::InUse { address: local })
    }
    pub fn accept(
        &mut self,
        _: Instant,
        _: u64,
        s: SocketId,
        _: &mut Outbox,
    ) -> Result<Option<(SocketId, SocketAddr)>, SocketError> {
        Err(SocketError::WrongKind { socket: s })
    }
    pub fn connect(
        &mut self,
        _: Instant,
        _: u64,
        _: Option<SocketAddr>,
        remote: SocketAddr,
        _: &mut Outbox,
    ) -> Result<SocketId, ConnectError> {
        Err(ConnectError::NotSingle { address: remote })
    }
    pub fn send(
        &mut self,
        _: Instant,
        socket: SocketId,
        _: &[u8],
        _: &mut Outbox,
    ) -> Result<usize, SocketError> {
        Err(SocketError::WrongKind { socket })
    }
    pub fn send_payload(
        &mut self,
        _: Instant,
        socket: SocketId,
        _: Payload,
        _: &mut Outbox,
    ) -> Result<usize, SocketError> {
        Err(SocketError::WrongKind { socket })
    }
    pub fn receive(
        &mut self,
        _: Instant,
        socket: SocketId,
        _: &mut [u8],
        _: &mut Outbox,
    ) -> Result<Received, SocketError> {
        Err(SocketError::WrongKind { socket })
    }
    pub fn receive_payload(
        &mut self,
        _: Instant,
        socket: SocketId,
        _: usize,
        _: &mut Outbox,
    ) -> Result<Option<Payload>, SocketError> {
        Err(SocketError::WrongKind { socket })
    }
    pub fn finish(&mut self, _: Instant, _: SocketId, _: &mut Outbox) {}
    pub fn abort(&mut self, _: Instant, _: SocketId, _: &mut Outbox) {}
    pub(super) fn close_stream(&mut self, _: Instant, _: u32, _: &mut Outbox) {}
    pub(super) fn close_listener(&mut self, _: Instant, _: u32, _: &mut Outbox) {}
    pub(super) fn expire_stream(&mut self, _: Instant, _: u32, _: &mut Outbox) {}
    pub(super) fn expire_ended(&mut self, _: Instant) {}
    pub(super) fn take_segment(&mut self, _: Instant, _: IpAddr, _: IpAddr, _: Segment, _: &mut Outbox) {}
    pub(super) fn tell_stream(
        &mut self,
        _: Instant,
        _: SocketAddr,
        _: SocketAddr,
        _: Told,
        _: u32,
        _: &mut Outbox,
    ) -> bool {
        false
    }
}
