//! What a region need not store again, because somebody else has.

use super::super::bits::Bits;
use super::{Context, Frame, Region};

impl Region {
    /// Whether what `before` was stored as may count for this region too: both stand on the same, and nothing that was
    /// written then is to be read from there.
    pub(in crate::memory) fn goes_on_from(&self, before: &Self) -> bool {
        self.origin.name() == before.origin.name() && before.written.iter().all(|page| !self.is_absent(page))
    }

    /// Stands on what `before` was stored as, which became `after` by that. What was not written then is the same in
    /// both; what was is settled if the page still has the frame that it had, and else counts as written.
    ///
    /// `before` shares its frames, so nobody has written to them in place.
    pub(in crate::memory) fn settle(&mut self, before: &Self, after: &Self, ctx: Context<'_>) {
        let mut zeroes = Bits::default();
        for page in before.written.iter() {
            let frame = before.frame(page).map(Frame::host);
            if self.frame(page).map(Frame::host) != frame {
                self.written.insert(page);
                continue;
            }
            self.written.remove(page);
            if frame.is_some() && after.frame(page).is_none() {
                zeroes.insert(page);
            }
        }
        if self.origin.name() != after.origin.name() {
            self.origin = after.origin.clone();
        }
        self.drop_frames(zeroes, ctx);
    }
}
