//! [`Leases`]: who has which address, and until when.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ironloom_core::Instant;

use crate::Mac;
use crate::dhcp::Message;

/// By what a client is known: its identifier, or its card as identifiers write it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ClientKey(Box<[u8]>);

impl ClientKey {
    pub(super) fn of(message: &Message) -> Self {
        match &message.options.client_id[..] {
            // The type of Ethernet comes before the address.
            [] => Self([&[1], &message.mac.bytes()[..]].concat().into()),
            id => Self(id.into()),
        }
    }

    /// Stands for nobody, so that an address is given to nobody.
    fn nobody(address: Ipv4Addr) -> Self {
        // Identifiers of clients have at least two bytes, and fewer than these.
        Self([&[0; 256], &address.octets()[..]].concat().into())
    }
}

/// Whether a lease is sure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseState {
    /// It was offered, and the client has not taken it yet.
    Offered,
    /// It is the client's.
    Bound,
    /// Somebody else was found at the address: it is nobody's for a while.
    Declined,
}

/// Who has an address, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The address.
    pub address: Ipv4Addr,
    /// The client's card.
    pub mac: Mac,
    /// What the client calls itself; empty if it does not say.
    pub host_name: String,
    /// Whether it is sure.
    pub state: LeaseState,
    /// When it is over.
    pub until: Instant,
}

impl Lease {
    /// Whether the address is the client's.
    #[must_use]
    pub fn is_bound(&self, now: Instant) -> bool {
        self.state == LeaseState::Bound && self.until > now
    }
}

/// Leases by client, by address and by when they are over: the three tables hold the same.
#[derive(Debug)]
pub(super) struct Leases {
    max: usize,
    by_client: BTreeMap<ClientKey, Lease>,
    by_address: BTreeMap<Ipv4Addr, ClientKey>,
    by_end: BTreeSet<(Instant, Ipv4Addr)>,
}

impl Leases {
    pub(super) fn new(max: usize) -> Self {
        Self { max, by_client: BTreeMap::new(), by_address: BTreeMap::new(), by_end: BTreeSet::new() }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Lease> {
        self.by_address.values().filter_map(|client| self.by_client.get(client))
    }

    pub(super) fn find(&self, client: &ClientKey) -> Option<&Lease> {
        self.by_client.get(client)
    }

    pub(super) fn has_address(&self, address: Ipv4Addr) -> bool {
        self.by_address.contains_key(&address)
    }

    pub(super) fn is_full(&self) -> bool {
        self.by_client.len() >= self.max
    }

    /// Gives an address to a client, or goes on with it.
    pub(super) fn set(
        &mut self,
        client: &ClientKey,
        message: &Message,
        address: Ipv4Addr,
        state: LeaseState,
        until: Instant,
    ) {
        let host_name = message.options.host_name.clone();
        self.insert(client.clone(), Lease { address, mac: message.mac, host_name, state, until });
    }

    fn insert(&mut self, client: ClientKey, lease: Lease) {
        self.remove(&client);
        self.by_address.insert(lease.address, client.clone());
        self.by_end.insert((lease.until, lease.address));
        self.by_client.insert(client, lease);
    }

    pub(super) fn remove(&mut self, client: &ClientKey) -> Option<Lease> {
        let lease = self.by_client.remove(client)?;
        self.by_address.remove(&lease.address);
        self.by_end.remove(&(lease.until, lease.address));
        Some(lease)
    }

    /// Removes whoever has an address, unless it is this client.
    pub(super) fn remove_by_address(&mut self, address: Ipv4Addr, unless: &ClientKey) {
        if let Some(client) = self.by_address.get(&address).filter(|client| *client != unless).cloned() {
            self.remove(&client);
        }
    }

    /// Ends a client's lease now; it may come back for the address. Whether it had it.
    pub(super) fn end(&mut self, client: &ClientKey, address: Ipv4Addr, now: Instant) -> bool {
        let lease =
            self.by_client.get(client).filter(|lease| lease.address == address && lease.is_bound(now));
        let Some(lease) = lease.cloned() else {
            return false;
        };
        self.insert(client.clone(), Lease { until: now, ..lease });
        true
    }

    /// Gives an address to nobody.
    pub(super) fn decline(&mut self, client: &ClientKey, address: Ipv4Addr, until: Instant) {
        if let Some(lease) = self.remove(client) {
            self.insert(ClientKey::nobody(address), Lease { state: LeaseState::Declined, until, ..lease });
        }
    }

    /// The address of the lease that has been over for longest, which is forgotten.
    pub(super) fn take_oldest(&mut self, now: Instant) -> Option<Ipv4Addr> {
        let (until, address) = *self.by_end.first()?;
        if until > now {
            return None;
        }
        let client = self.by_address.get(&address).cloned()?;
        self.remove(&client);
        Some(address)
    }
}
