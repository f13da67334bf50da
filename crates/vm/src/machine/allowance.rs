//! [`Allowance`]: how much a machine may do in a window.

/// How much a machine may do in a window.
///
/// One call of a script may take longer than a window allows. What it took too much is taken from the windows after it, so
/// that in the long run nobody does more than it may.
#[derive(Debug)]
pub(crate) struct Allowance {
    /// The window in which it ran last; `u64::MAX` before the first one.
    window: u64,
    left: u64,
    debt: u64,
    /// How much it did in that window.
    spent: u64,
}

impl Allowance {
    /// That of a machine that has not run.
    pub(crate) const fn new() -> Self {
        Self { window: u64::MAX, left: 0, debt: 0, spent: 0 }
    }

    /// Begins a window in which the machine may do so much, unless that was done.
    pub(crate) fn begin(&mut self, window: u64, safepoints: u64) {
        if self.window == window {
            return;
        }
        let passed = window.wrapping_sub(self.window);
        self.window = window;
        self.spent = 0;
        let earned = safepoints.saturating_mul(passed);
        let paid = earned.min(self.debt);
        self.debt -= paid;
        // What was not done in earlier windows is not done later.
        self.left = (earned - paid).min(safepoints);
    }

    /// How much it may still do.
    pub(crate) const fn left(&self) -> u64 {
        self.left
    }

    /// How much it did in the window in which it ran last.
    pub(crate) const fn spent(&self) -> u64 {
        self.spent
    }

    /// It did so much.
    pub(crate) const fn spend(&mut self, safepoints: u64) {
        self.spent = self.spent.saturating_add(safepoints);
        self.debt = self.debt.saturating_add(safepoints.saturating_sub(self.left));
        self.left = self.left.saturating_sub(safepoints);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_too_much_is_paid_back() {
        let mut allowance = Allowance::new();
        allowance.begin(0, 100);
        assert_eq!(allowance.left(), 100);
        allowance.spend(30);
        allowance.begin(0, 100);
        assert_eq!((allowance.left(), allowance.spent()), (70, 30));
        allowance.spend(70 + 250);
        for (window, left) in [(1, 0), (2, 0), (3, 50)] {
            allowance.begin(window, 100);
            assert_eq!(allowance.left(), left);
        }
        allowance.spend(50 + 250);
        allowance.begin(6, 100);
        assert_eq!(allowance.left(), 50, "windows in which it slept pay as well");
        allowance.begin(100, 100);
        assert_eq!(allowance.left(), 100, "and what it did not do is not done later");
    }
}
