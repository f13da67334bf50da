//! [`NetState`]: a card as it is stored, with the frames that wait in it.

use borsh::{BorshDeserialize, BorshSerialize};
use ironloom_net::frame::{Body, Transport};
use ironloom_net::{Frame, Mac};

use super::outgoing::weight;
use super::{HEADER_BYTES, Net, NetCounters, Waiting};

/// A card as it is stored.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub(in crate::board) struct NetState {
    mac: [u8; 6],
    mtu: u16,
    features: u64,
    is_up: bool,
    input: Vec<Vec<u8>>,
    /// The frames that the guest has sent, and at which size they are to be cut.
    output: Vec<(Vec<u8>, u16)>,
    is_full: bool,
    counters: NetCounters,
}

impl Net {
    pub(in crate::board) fn state(&self) -> NetState {
        let whole = |waiting: &Waiting| [&waiting.head[..], &waiting.payload.to_bytes()].concat();
        NetState {
            mac: self.mac.bytes(),
            mtu: self.mtu,
            features: self.features,
            is_up: self.is_up,
            input: self.input.iter().map(whole).collect(),
            output: self.output.iter().map(|frame| (frame.to_bytes().into(), cut(frame))).collect(),
            is_full: self.is_full,
            counters: self.counters,
        }
    }

    /// The card that was in this state, if one can be.
    pub(in crate::board) fn restore(state: NetState, frames_max: u32, frame_bytes_max: u64) -> Option<Self> {
        let mut net = Self::new(Mac::new(state.mac), state.mtu, frames_max, frame_bytes_max);
        net.features = state.features;
        net.is_up = state.is_up;
        net.is_full = state.is_full;
        net.counters = state.counters;
        for head in state.input {
            if head.len() < HEADER_BYTES {
                return None;
            }
            net.enqueue(Waiting { head, payload: super::Payload::EMPTY });
        }
        for (bytes, cut) in state.output {
            let mut frame = Frame::parse(bytes.into()).ok()?;
            if let Some(segment) = segment(&mut frame) {
                segment.cut = cut;
            }
            net.output_bytes += weight(&frame);
            net.output.push_back(frame);
        }
        Some(net)
    }
}

fn segment(frame: &mut Frame) -> Option<&mut ironloom_net::frame::Segment> {
    match &mut frame.body {
        Body::Ip(packet) => match &mut packet.transport {
            Transport::Tcp(segment) => Some(segment),
            _ => None,
        },
        _ => None,
    }
}

fn cut(frame: &Frame) -> u16 {
    match frame.packet().map(|packet| &packet.transport) {
        Some(Transport::Tcp(segment)) => segment.cut,
        _ => 0,
    }
}
