//! [`Counters`]: what the protocol did, counted.

/// What happened at one host since it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Pages asked for to be read, of which nothing was held.
    pub read_misses: u64,
    /// Pages asked for to be written, of which nothing was held.
    pub write_misses: u64,
    /// Pages asked for to be written that were held for reading.
    pub upgrades: u64,
    /// Pages among them that were asked for before a hart waited.
    pub asked_ahead: u64,
    /// Requests that were granted without another host.
    pub granted_here: u64,
    /// Grants from other hosts that carried bytes.
    pub with_data: u64,
    /// Grants from other hosts that carried none.
    pub without_data: u64,
    /// Pages among those without data that were of the version kept here.
    pub same: u64,
    /// Pages that were installed as zeroes.
    pub zero_filled: u64,
    /// Grants that carried some lines.
    pub lines: u64,
    /// Grants that carried a whole page.
    pub whole: u64,
    /// Grants that carried the name of what is in the store.
    pub stored: u64,
    /// The bytes of pages that came.
    pub bytes_received: u64,
    /// The bytes of pages that were granted from here to other hosts.
    pub bytes_sent: u64,
    /// Pages that were granted from here to other hosts.
    pub supplied: u64,
    /// Requests to read, at homes here, that were granted for writing because the page is migratory.
    pub migratory_grants: u64,
    /// Pages, at homes here, that were found not to be migratory after all.
    pub migratory_unlearned: u64,
    /// Pages that were read here until another host wanted to write them.
    pub invalidations: u64,
    /// Pages that left later because they had come just before.
    pub hold_delays: u64,
    /// Pages that were given back because memory is short, or because this host leaves.
    pub evictions: u64,
    /// Requests that waited at homes here until another one had ended.
    pub queued: u64,
    /// Times that messages had to be sent again.
    pub retries: u64,
    /// Messages that were handled.
    pub messages: u64,
    /// Messages that came twice.
    pub repeated: u64,
    /// Messages that were refused for any other reason.
    pub refusals: u64,
    /// Pages that were wanted and are lost.
    pub lost: u64,
}
