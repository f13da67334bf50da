//! [`View`]: what those in some networks are told, and by whom.

use std::net::{IpAddr, SocketAddr};

use hickory_proto::rr::Name;
use ipnet::IpNet;

use crate::dns::Registry;
use crate::dns::folded::{Folded, is_within};

/// What those in some networks are told. What is found out for one view is not told in another.
#[derive(Debug, Clone)]
pub struct View {
    /// Whose view it is.
    pub clients: Vec<IpNet>,
    /// Zones that are answered from before anybody is asked.
    pub local: Option<Registry>,
    /// Who is asked about some domains, whatever is said for the rest; the longest name counts.
    pub domains: Vec<(Name, Upstream)>,
    /// Who is asked about everything else.
    pub upstream: Upstream,
}

/// Who is asked what is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upstream {
    /// Nobody: what is not local is refused.
    Nobody,
    /// The servers that the tree of names leads to, from these at its root on; within a domain, the servers of that
    /// domain.
    Recurse {
        /// Names and addresses of those to begin with.
        roots: Vec<(Name, IpAddr)>,
    },
    /// Other resolvers.
    Forward {
        /// Where they are.
        servers: Vec<SocketAddr>,
    },
}

/// Everybody's view, in which nobody is asked.
impl Default for View {
    fn default() -> Self {
        Self {
            clients: vec![IpNet::default(), ipnet::Ipv6Net::default().into()],
            local: None,
            domains: Vec::new(),
            upstream: Upstream::Nobody,
        }
    }
}

impl View {
    pub(super) fn has(&self, client: IpAddr) -> bool {
        self.clients.iter().any(|network| network.contains(&client))
    }

    /// Who is asked about a name, and the key of the domain within which they know.
    pub(super) fn upstream_of(&self, name: &[u8]) -> (Folded, &Upstream) {
        let within = self.domains.iter().map(|(domain, upstream)| (Folded::of(domain), upstream));
        let closest = within
            .filter(|(domain, _)| is_within(name, domain.key()))
            .max_by_key(|(domain, _)| domain.key().len());
        closest.unwrap_or_else(|| (Folded::of(&Name::root()), &self.upstream))
    }
}
