//! [`DateCache`]: what time it is, as answers tell it, written once a second.

use std::time::{SystemTime, UNIX_EPOCH};

use ironloom_net::http::Date;

/// The date of the second that it was last asked in.
#[derive(Debug)]
pub(super) struct DateCache {
    second: u64,
    date: Date,
}

impl DateCache {
    pub(super) fn new() -> Self {
        let second = seconds();
        Self { second, date: Date::at(second) }
    }

    pub(super) fn now(&mut self) -> Date {
        let second = seconds();
        if second != self.second {
            *self = Self { second, date: Date::at(second) };
        }
        self.date
    }
}

/// Seconds since 1970 began.
#[expect(clippy::disallowed_methods, reason = "an answer of HTTP tells the host's time")]
fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
