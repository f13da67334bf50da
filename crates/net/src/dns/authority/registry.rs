//! [`Registry`]: an authority that is changed while it answers.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use hickory_proto::rr::rdata::{A, AAAA, NS, PTR};
use hickory_proto::rr::{Name, RData};
use ipnet::IpNet;
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use thiserror::Error;

use super::{Authority, AuthorityError, plain_start};
use crate::dns::folded::Folded;
use crate::dns::{Zone, ZoneError};

/// An authority that several servers share, and in which machines are registered while they run.
///
/// A machine's name leads to its addresses, and its addresses lead to its name, where there is a zone for them. What
/// changes is seen by whoever asks next; what others remember they remember for as long as they were told.
///
/// ```
/// use ironloom_net::dns::{Authority, AuthorityConfig, Name, Registry};
///
/// let registry = Registry::new(Authority::new(AuthorityConfig::default()));
/// let server = Name::from_ascii("ns.lan.").unwrap();
/// registry.add_zone(&"lan.".parse().unwrap(), &server).unwrap();
/// registry.add_reverse_zone("10.0.0.0/8".parse().unwrap(), &server).unwrap();
///
/// let web = Name::from_ascii("web.lan.").unwrap();
/// registry.register(&web, &["10.1.2.3".parse().unwrap()], 60).unwrap();
/// registry.withdraw(&web);
/// ```
#[derive(Clone)]
pub struct Registry(Arc<RwLock<Authority>>);

/// A machine cannot be registered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// The name is in no zone here.
    #[error("no zone holds {name}: add one")]
    NoZone {
        /// The machine's name.
        name: Name,
    },
    /// The zone does not take it.
    #[error(transparent)]
    Zone(#[from] ZoneError),
    /// A zone cannot be added.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
}

impl Registry {
    /// A registry of what an authority holds.
    #[must_use]
    pub fn new(authority: Authority) -> Self {
        Self(Arc::new(RwLock::new(authority)))
    }

    /// The authority, to be read.
    pub fn read(&self) -> RwLockReadGuard<'_, Authority> {
        self.0.read()
    }

    /// The authority, to be changed.
    pub fn write(&self) -> RwLockWriteGuard<'_, Authority> {
        self.0.write()
    }

    /// Adds a zone in which machines can be registered, and which names its server.
    ///
    /// # Errors
    ///
    /// If there is a zone with this name, or there are as many zones as there may be.
    pub fn add_zone(&self, origin: &Name, server: &Name) -> Result<(), RegisterError> {
        const START_SECONDS: u32 = 3_600;
        let mut zone = Zone::new(origin, plain_start(server), START_SECONDS);
        zone.insert(origin, START_SECONDS, RData::NS(NS(server.clone())))?;
        Ok(self.write().add(zone)?)
    }

    /// Adds the zone in which the addresses of a network lead to names. If the network does not end between two labels
    /// of such names, it is that of the smallest network around it that does. If it is there already, nothing changes.
    ///
    /// # Errors
    ///
    /// If there are as many zones as there may be.
    pub fn add_reverse_zone(&self, network: IpNet, server: &Name) -> Result<(), RegisterError> {
        match self.add_zone(&reverse_origin(network), server) {
            Err(RegisterError::Authority(AuthorityError::Exists { .. })) => Ok(()),
            done => done,
        }
    }

    /// Registers a machine: its name leads to its addresses and they to it. What was registered under the name before
    /// is withdrawn. An address for which there is no zone leads nowhere, which is no error.
    ///
    /// # Errors
    ///
    /// If no zone holds the name, or the zones do not take the records; then nothing is registered under the name.
    pub fn register(&self, name: &Name, addresses: &[IpAddr], ttl: u32) -> Result<(), RegisterError> {
        let mut authority = self.write();
        authority.withdraw(name);
        let done = authority.register(name, addresses, ttl);
        if done.is_err() {
            authority.withdraw(name);
        }
        done
    }

    /// Withdraws a machine's name: its addresses, and what leads from them to it. Whether there was anything.
    #[expect(clippy::must_use_candidate, reason = "most callers only want the name gone")]
    pub fn withdraw(&self, name: &Name) -> bool {
        self.write().withdraw(name)
    }
}

impl Authority {
    fn register(&mut self, name: &Name, addresses: &[IpAddr], ttl: u32) -> Result<(), RegisterError> {
        let zone = self.closest_mut(name).ok_or_else(|| RegisterError::NoZone { name: name.clone() })?;
        for address in addresses {
            let data = match address {
                IpAddr::V4(address) => RData::A(A(*address)),
                IpAddr::V6(address) => RData::AAAA(AAAA(*address)),
            };
            zone.insert(name, ttl, data)?;
        }
        zone.touch();
        for address in addresses {
            let reverse = Name::from(*address);
            if let Some(zone) = self.closest_mut(&reverse) {
                zone.insert(&reverse, ttl, RData::PTR(PTR(name.clone())))?;
                zone.touch();
            }
        }
        Ok(())
    }

    fn withdraw(&mut self, name: &Name) -> bool {
        let Some(zone) = self.closest_mut(name) else {
            return false;
        };
        let mut addresses: Vec<IpAddr> = Vec::new();
        zone.remove_if(name, |data| {
            addresses.extend(data.ip_addr());
            data.ip_addr().is_some()
        });
        if !addresses.is_empty() {
            zone.touch();
        }
        for address in &addresses {
            let reverse = Name::from(*address);
            if let Some(zone) = self.closest_mut(&reverse) {
                zone.remove_if(&reverse, |data| matches!(data, RData::PTR(target) if target.0 == *name));
                zone.touch();
            }
        }
        !addresses.is_empty()
    }

    fn closest_mut(&mut self, name: &Name) -> Option<&mut Zone> {
        let key = Folded::of(name);
        let apex = self.closest(key.key())?.apex().to_vec();
        self.zones.get_mut(&*apex)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Registry").finish_non_exhaustive()
    }
}

/// The name of the zone in which the addresses of a network lead to names.
#[must_use]
pub fn reverse_origin(network: IpNet) -> Name {
    let whole = Name::from(network.network());
    let bits = match network {
        IpNet::V4(_) => 8,
        IpNet::V6(_) => 4,
    };
    let kept = network.prefix_len() / bits;
    // Behind the labels of the address are the two of `in-addr.arpa` or `ip6.arpa`.
    whole.trim_to(usize::from(kept) + 2)
}
