//! [`LateReport`]: how well a node keeps up.

use crate::LateWindow;

/// How well a node keeps up with its clock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LateReport {
    /// How many windows were run: those in which something happened.
    pub windows: u64,
    /// How many of them were over later than they should have been.
    pub late: u64,
    /// How many windows' time was left out, as the node was too far behind.
    pub skipped: u64,
    /// The one that took longest of those that were late.
    pub worst: Option<LateWindow>,
}

impl LateReport {
    pub(super) fn note(&mut self, window: &LateWindow) {
        self.late += 1;
        if self.worst.as_ref().is_none_or(|worst| window.took > worst.took) {
            self.worst = Some(window.clone());
        }
    }
}
