//! [`Limit`], [`Quota`] and [`Budget`]: how much there may be, how much there is, how much may still be done.

use std::fmt;

use thiserror::Error;

/// The most of something that there may be.
///
/// Every queue, table, loop and recursion of the workspace has one, named in its `Config` with the unit last.
///
/// ```
/// use ironloom_core::Limit;
///
/// const MAILBOX_MESSAGES: Limit = Limit::new("mailbox_messages_max", 1_024);
///
/// assert!(MAILBOX_MESSAGES.check(1_024).is_ok());
/// let refused = MAILBOX_MESSAGES.check(1_025).unwrap_err();
/// assert_eq!(refused.to_string(), "1025 would exceed mailbox_messages_max, which is 1024");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limit {
    name: &'static str,
    max: u64,
}

impl Limit {
    /// The limit `name`, which is the field that a user would change to raise it.
    #[must_use]
    pub const fn new(name: &'static str, max: u64) -> Self {
        Self { name, max }
    }

    /// What the limit is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// The most that is allowed.
    #[must_use]
    pub const fn max(self) -> u64 {
        self.max
    }

    /// Whether there may be so much.
    ///
    /// # Errors
    ///
    /// If `amount` is above the limit.
    pub const fn check(self, amount: u64) -> Result<(), LimitExceeded> {
        if amount <= self.max { Ok(()) } else { Err(LimitExceeded { limit: self, amount }) }
    }
}

/// More was asked for than a [`Limit`] allows. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{amount} would exceed {}, which is {}", limit.name, limit.max)]
pub struct LimitExceeded {
    /// The limit that stands in the way.
    pub limit: Limit,
    /// How much there would have been.
    pub amount: u64,
}

/// How much of a [`Limit`] is in use.
///
/// ```
/// use ironloom_core::{Limit, Quota};
///
/// let mut heap = Quota::new(Limit::new("heap_bytes_max", 4_096));
/// heap.charge(4_000)?;
/// assert!(heap.charge(97).is_err()); // and nothing is charged
/// heap.release(1_000);
/// assert_eq!((heap.used(), heap.free()), (3_000, 1_096));
/// # Ok::<(), ironloom_core::LimitExceeded>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    limit: Limit,
    used: u64,
}

impl Quota {
    /// A quota of which nothing is used.
    #[must_use]
    pub const fn new(limit: Limit) -> Self {
        Self { limit, used: 0 }
    }

    /// The limit that holds.
    #[must_use]
    pub const fn limit(&self) -> Limit {
        self.limit
    }

    /// How much is in use.
    #[must_use]
    pub const fn used(&self) -> u64 {
        self.used
    }

    /// How much may still be charged: nothing, if the limit was lowered below what is in use.
    #[must_use]
    pub const fn free(&self) -> u64 {
        self.limit.max.saturating_sub(self.used)
    }

    /// Takes `amount` into use.
    ///
    /// # Errors
    ///
    /// If that would exceed the limit; nothing is charged then.
    pub const fn charge(&mut self, amount: u64) -> Result<(), LimitExceeded> {
        let Some(total) = self.used.checked_add(amount) else {
            return Err(LimitExceeded { limit: self.limit, amount: u64::MAX });
        };
        if let Err(exceeded) = self.limit.check(total) {
            return Err(exceeded);
        }
        self.used = total;
        Ok(())
    }

    /// Gives `amount` back.
    ///
    /// # Panics
    ///
    /// If less than that is in use: somebody gives back what is not theirs.
    pub const fn release(&mut self, amount: u64) {
        assert!(amount <= self.used, "more released than was charged");
        self.used -= amount;
    }

    /// Changes the limit. What is in use stays in use, also where it is now too much.
    pub const fn set_max(&mut self, max: u64) {
        self.limit.max = max;
    }
}

/// Work that may still be done before somebody else's turn, in counted units rather than in time.
///
/// Counting makes preemption repeatable: the same program stops at the same place in every run.
///
/// ```
/// use ironloom_core::Budget;
///
/// let mut budget = Budget::new(100);
/// assert!(budget.spend(60).is_ok());
/// assert!(budget.spend(60).is_err()); // what was done is done, also beyond the last unit
/// assert_eq!((budget.spent(), budget.remaining()), (120, 0));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    granted: u64,
    spent: u64,
}

impl Budget {
    /// A budget of so many units.
    #[must_use]
    pub const fn new(units: u64) -> Self {
        Self { granted: units, spent: 0 }
    }

    /// How much was done, also beyond what was granted.
    #[must_use]
    pub const fn spent(&self) -> u64 {
        self.spent
    }

    /// How much may still be done.
    #[must_use]
    pub const fn remaining(&self) -> u64 {
        self.granted.saturating_sub(self.spent)
    }

    /// Whether it is somebody else's turn.
    #[must_use]
    pub const fn is_exhausted(&self) -> bool {
        self.spent >= self.granted
    }

    /// Accounts for work that was done.
    ///
    /// The work counts even where it is more than was left: it has happened.
    ///
    /// # Errors
    ///
    /// If the budget is now exhausted.
    #[inline]
    pub const fn spend(&mut self, units: u64) -> Result<(), Exhausted> {
        self.spent = self.spent.saturating_add(units);
        if self.is_exhausted() { Err(Exhausted { spent: self.spent }) } else { Ok(()) }
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} units spent", self.spent, self.granted)
    }
}

/// A [`Budget`] is spent: it is somebody else's turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the budget is exhausted after {spent} units")]
pub struct Exhausted {
    /// How much was done.
    pub spent: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = Limit::new("things_max", 10);

    #[test]
    fn a_refused_charge_changes_nothing() {
        let mut quota = Quota::new(LIMIT);
        quota.charge(10).unwrap();
        assert_eq!(quota.charge(1), Err(LimitExceeded { limit: LIMIT, amount: 11 }));
        assert_eq!(quota.charge(u64::MAX), Err(LimitExceeded { limit: LIMIT, amount: u64::MAX }));
        assert_eq!(quota.used(), 10);
    }

    #[test]
    fn a_lowered_limit_keeps_what_is_in_use() {
        let mut quota = Quota::new(LIMIT);
        quota.charge(8).unwrap();
        quota.set_max(5);
        assert_eq!((quota.used(), quota.free()), (8, 0));
        assert!(quota.charge(1).is_err());
        quota.release(8);
        assert_eq!(quota.free(), 5);
    }

    #[test]
    fn no_charge_is_lost_at_the_end_of_numbers() {
        let mut quota = Quota::new(Limit::new("things_max", u64::MAX));
        quota.charge(u64::MAX).unwrap();
        assert!(quota.charge(1).is_err());
        quota.release(u64::MAX);
        assert_eq!(quota.used(), 0);
    }

    #[test]
    #[should_panic(expected = "more released than was charged")]
    fn nobody_gives_back_what_was_not_charged() {
        Quota::new(LIMIT).release(1);
    }

    #[test]
    fn an_empty_budget_is_exhausted_from_the_start() {
        assert!(Budget::new(0).is_exhausted());
        assert!(!Budget::new(1).is_exhausted());
    }
}
