//! [`Marks`]: what is either so or not.

/// A set of facts about a connection.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Marks(u32);

impl Marks {
    /// The segment that begins the connection is to be sent.
    pub(super) const SYN_DUE: Self = Self(1 << 0);
    /// An acknowledgement is to be sent now.
    pub(super) const ACK_DUE: Self = Self(1 << 1);
    /// Something is to be sent again whatever the congestion window says.
    pub(super) const RESEND_DUE: Self = Self(1 << 2);
    /// The last segment, or a new one, is to be sent to hear of a loss.
    pub(super) const TAIL_DUE: Self = Self(1 << 3);
    /// The tail was probed since something was last acknowledged.
    pub(super) const TAIL_PROBED: Self = Self(1 << 4);
    /// A question is to be asked that carries nothing: is the window still closed, are you still there?
    pub(super) const QUESTION_DUE: Self = Self(1 << 5);
    /// What fits into the window is to be sent even if it is small.
    pub(super) const SMALL_DUE: Self = Self(1 << 6);
    /// Nothing more will be given to send.
    pub(super) const FINISHED: Self = Self(1 << 7);
    /// The other side was told so.
    pub(super) const FINISH_SENT: Self = Self(1 << 8);
    /// The other side has finished.
    pub(super) const PEER_FINISHED: Self = Self(1 << 9);
    /// Nobody will receive any more.
    pub(super) const CLOSED: Self = Self(1 << 10);
    /// Something was not taken because there was no room.
    pub(super) const CROWDED: Self = Self(1 << 11);
    /// Selective acknowledgements are used.
    pub(super) const SELECTIVE: Self = Self(1 << 12);
    /// Timestamps are used.
    pub(super) const STAMPS: Self = Self(1 << 13);
    /// Small segments wait while another one is on its way.
    pub(super) const NAGLE: Self = Self(1 << 14);
    /// Acknowledgements wait for a second segment.
    pub(super) const ACK_WAITS: Self = Self(1 << 15);
    /// Somebody who says nothing is asked whether he is still there.
    pub(super) const KEEPALIVE: Self = Self(1 << 16);
    /// Packets have the larger header.
    pub(super) const IPV6: Self = Self(1 << 17);
    /// A round trip is being timed.
    pub(super) const TIMED: Self = Self(1 << 18);

    /// We have finished and do not receive; the other side's finish is waited for, but not for ever.
    pub(super) const HALF_OPEN: Self = Self(1 << 19);

    pub(super) const fn has(self, mark: Self) -> bool {
        self.0 & mark.0 != 0
    }

    pub(super) const fn set(&mut self, mark: Self) {
        self.0 |= mark.0;
    }

    pub(super) const fn clear(&mut self, mark: Self) {
        self.0 &= !mark.0;
    }

    pub(super) const fn put(&mut self, mark: Self, is_set: bool) {
        if is_set {
            self.set(mark);
        } else {
            self.clear(mark);
        }
    }

    /// Clears it; whether it was set.
    pub(super) const fn take(&mut self, mark: Self) -> bool {
        let was_set = self.has(mark);
        self.clear(mark);
        was_set
    }
}

impl std::ops::BitOr for Marks {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl std::fmt::Debug for Marks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}
