//! Which stations have to be in one group, because links between them are too fast for two.

use std::collections::BTreeMap;

use ironloom_core::Duration;

/// Names that are joined by links faster than a minimum, each with the first name of its group.
#[derive(Debug, Default)]
pub(super) struct Groups {
    joined: BTreeMap<String, String>,
}

impl Groups {
    /// Notes a link.
    pub(super) fn link(&mut self, first: &str, second: &str, latency: Duration, min: Duration) {
        if latency >= min {
            return;
        }
        let heads = [self.head(first), self.head(second)];
        let [low, high] = if heads[0] < heads[1] { heads } else { [heads[1].clone(), heads[0].clone()] };
        // Whoever was asked about leads straight to the head from now on, so that no way there becomes long.
        for name in [first, second, &high] {
            if name != low {
                self.joined.insert(name.to_owned(), low.clone());
            }
        }
    }

    /// The name that stands for a group: the first in the order of letters.
    pub(super) fn head(&self, name: &str) -> String {
        let mut at = name;
        while let Some(next) = self.joined.get(at) {
            at = next;
        }
        at.to_owned()
    }
}
