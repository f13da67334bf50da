//! [`Admission`]: who may come in, and how often at a time.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use parking_lot::Mutex;
use thiserror::Error;

/// Who may come in. Whoever comes by a Unix socket was let in by the host's permissions.
///
/// ```
/// use ironloom_node::doors::Admission;
///
/// let admission = Admission {
///     allow: vec!["10.0.0.0/8".parse()?, "::1/128".parse()?],
///     connections_per_address_max: Some(32),
/// };
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Admission {
    /// From where one may come; from everywhere if nothing is said.
    pub allow: Vec<IpNet>,
    /// How many connections at a time there may be from one address; any number if nothing is said, as whoever comes
    /// through a proxy has its address.
    pub connections_per_address_max: Option<usize>,
}

/// Why somebody was turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Turned {
    /// Nobody may come from there.
    #[error("{address} is not among those that may come in")]
    NotAllowed {
        /// Where it came from.
        address: IpAddr,
    },
    /// There are as many from there as there may be.
    #[error("{address} has {limit} connections already: that is the limit")]
    TooMany {
        /// Where it came from.
        address: IpAddr,
        /// How many there may be.
        limit: usize,
    },
}

/// Lets in who may come, and counts who is there.
#[derive(Debug)]
pub(crate) struct Gate {
    admission: Admission,
    /// How many connections there are from each address, if that is limited. The addresses are not ours to choose, so it
    /// is no hash map.
    present: Mutex<BTreeMap<IpAddr, usize>>,
}

/// Somebody was let in, and is there until this is dropped.
#[derive(Debug)]
pub(crate) struct Pass {
    counted: Option<(Arc<Gate>, IpAddr)>,
}

impl Gate {
    pub(crate) fn new(admission: Admission) -> Arc<Self> {
        Arc::new(Self { admission, present: Mutex::default() })
    }

    pub(crate) const fn admission(&self) -> &Admission {
        &self.admission
    }

    /// Lets somebody in; without an address, as by a Unix socket, always.
    pub(crate) fn enter(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Pass, Turned> {
        let Some(address) = address.map(|address| address.to_canonical()) else {
            return Ok(Pass { counted: None });
        };
        let allow = &self.admission.allow;
        if !allow.is_empty() && !allow.iter().any(|net| net.contains(&address)) {
            return Err(Turned::NotAllowed { address });
        }
        let Some(limit) = self.admission.connections_per_address_max else {
            return Ok(Pass { counted: None });
        };
        let mut present = self.present.lock();
        let count = present.entry(address).or_default();
        if *count >= limit {
            if *count == 0 {
                present.remove(&address);
            }
            return Err(Turned::TooMany { address, limit });
        }
        *count += 1;
        Ok(Pass { counted: Some((Arc::clone(self), address)) })
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let Some((gate, address)) = self.counted.take() else { return };
        let mut present = gate.present.lock();
        if let Some(count) = present.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                present.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn only_who_is_allowed_comes_in() {
        let allow = vec!["10.0.0.0/8".parse().unwrap()];
        let gate = Gate::new(Admission { allow, ..Admission::default() });
        assert!(gate.enter(address("10.1.2.3")).is_ok());
        assert!(gate.enter(address("::ffff:10.1.2.3")).is_ok(), "the same address in another form");
        assert!(gate.enter(None).is_ok());
        let turned = gate.enter(address("192.0.2.1")).unwrap_err();
        assert_eq!(turned.to_string(), "192.0.2.1 is not among those that may come in");
    }

    #[test]
    fn an_address_comes_so_often_and_is_forgotten_when_it_goes() {
        let gate = Gate::new(Admission { connections_per_address_max: Some(2), ..Admission::default() });
        let here = address("192.0.2.1");
        let (first, _second) = (gate.enter(here).unwrap(), gate.enter(here).unwrap());
        let limit = Turned::TooMany { address: here.unwrap(), limit: 2 };
        assert_eq!(gate.enter(here).unwrap_err(), limit);
        let other = gate.enter(address("192.0.2.2")).unwrap();
        drop(first);
        let third = gate.enter(here).unwrap();
        assert_eq!(gate.present.lock().len(), 2);
        drop((other, third, _second));
        assert!(gate.present.lock().is_empty());
    }

    #[test]
    fn a_limit_of_none_at_all_keeps_nothing() {
        let gate = Gate::new(Admission { connections_per_address_max: Some(0), ..Admission::default() });
        assert!(gate.enter(address("192.0.2.1")).is_err());
        assert!(gate.present.lock().is_empty());
    }
}
