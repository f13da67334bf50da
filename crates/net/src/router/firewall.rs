//! [`Firewall`]: which packets may pass.
//!
//! Rules are asked in order and the first that matches decides; if none does, the chain's policy. There is a chain for
//! packets that are forwarded, one for those that are for the owner itself, and one for those that it sends, so that a
//! router and a machine can use the same type. It knows nothing of routing or tracking: it is told what it has to know
//! in a [`Subject`].

use ipnet::IpNet;
use ironloom_core::{Instant, Map, local_id};
use thiserror::Error;

use super::Traffic;
use super::rate::Bucket;

mod rule;
mod set;

use rule::Matcher;
pub use rule::{Addresses, Protocol, Rule, State, States, Subject, Verdict};
use set::Ranges;

local_id! {
    /// A rule of one firewall. The name of a rule that was removed is not used again.
    pub struct RuleId(u32) = "rule";
}

/// How much a firewall may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How many rules there may be in all chains.
    pub rules_max: u16,
    /// How many named sets there may be.
    pub sets_max: u16,
    /// How many networks a set may name.
    pub set_networks_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { rules_max: 4_096, sets_max: 256, set_networks_max: 65_536 }
    }
}

/// A list of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Chain {
    /// For packets that are passed on.
    Forward,
    /// For packets that are for the owner itself.
    Input,
    /// For packets that the owner sends.
    Output,
}

/// What happened to a packet that was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// What is to become of the packet.
    pub verdict: Verdict,
    /// Whether the next packet with the same subject is sure to meet the same verdict: no rate was asked.
    pub is_constant: bool,
    /// Where this is counted.
    pub(super) slot: u16,
}

/// Ordered rules in three chains, and the sets that they name.
///
/// ```
/// use ironloom_core::Instant;
/// use ironloom_net::Port;
/// use ironloom_net::router::Traffic;
/// use ironloom_net::router::firewall::*;
///
/// let mut firewall = Firewall::new(Config::default());
/// firewall.set_policy(Chain::Input, Verdict::Drop);
/// let ssh = Rule { protocol: Some(Protocol::TCP), target_ports: 22..=22, ..Rule::accept() };
/// let ssh = firewall.append(Chain::Input, ssh)?;
///
/// let mut subject = Subject {
///     source: "10.0.0.1".parse().unwrap(),
///     target: "10.0.0.2".parse().unwrap(),
///     protocol: Protocol::TCP,
///     ports: Some((40_000, 22)),
///     state: State::New,
///     input: Some(Port::new(0)),
///     output: None,
/// };
/// let decision = firewall.check(Instant::ZERO, Chain::Input, &subject);
/// firewall.count(decision, Traffic { packets: 1, bytes: 60 });
/// assert_eq!(decision.verdict, Verdict::Accept);
/// assert_eq!(firewall.hits(ssh).unwrap().packets, 1);
///
/// subject.ports = Some((40_000, 23));
/// assert_eq!(firewall.check(Instant::ZERO, Chain::Input, &subject).verdict, Verdict::Drop);
/// # Ok::<(), FirewallError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Firewall {
    config: Config,
    chains: [Rules; 3],
    sets: Vec<Option<Set>>,
    /// Where each set is.
    names: Map<String, u16>,
    /// Counts of the three policies, then of rules.
    hits: Vec<Traffic>,
    /// Counts that no rule uses.
    vacant: Vec<u16>,
    next: u32,
}

#[derive(Debug, Clone)]
struct Rules {
    policy: Verdict,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    matcher: Matcher,
    bucket: Option<Bucket>,
    verdict: Verdict,
    slot: u16,
    id: RuleId,
    rule: Box<Rule>,
}

#[derive(Debug, Clone)]
struct Set {
    ranges: Ranges,
    /// How many rules name it.
    users: u32,
}

/// A change of a firewall was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FirewallError {
    /// There are as many rules as there may be.
    #[error("the firewall is full: rules_max is {rules_max}")]
    RulesFull {
        /// How many rules there may be.
        rules_max: u16,
    },
    /// There are as many sets as there may be.
    #[error("the firewall has too many sets: sets_max is {sets_max}")]
    SetsFull {
        /// How many sets there may be.
        sets_max: u16,
    },
    /// A set would name more networks than it may.
    #[error("set `{name}` would have {networks} networks: set_networks_max is {set_networks_max}")]
    SetTooLarge {
        /// Which set.
        name: String,
        /// How many networks it would have.
        networks: usize,
        /// How many it may have.
        set_networks_max: usize,
    },
    /// A rule names a set that is not defined.
    #[error("there is no set `{name}`: define it before a rule names it")]
    NoSuchSet {
        /// Which set.
        name: String,
    },
    /// A set is named by rules.
    #[error("set `{name}` is named by {rules} rules: remove them first")]
    SetInUse {
        /// Which set.
        name: String,
        /// How many rules name it.
        rules: u32,
    },
    /// There is no such rule.
    #[error("there is no {rule}")]
    NoSuchRule {
        /// Which rule.
        rule: RuleId,
    },
}

impl Firewall {
    /// A firewall that lets everything pass.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let rules = Rules { policy: Verdict::Accept, entries: Vec::new() };
        Self {
            config,
            chains: [rules.clone(), rules.clone(), rules],
            sets: Vec::new(),
            names: Map::default(),
            hits: vec![Traffic::default(); 3],
            vacant: Vec::new(),
            next: 0,
        }
    }

    /// What is to become of a packet. [`count`](Self::count) it once that has happened.
    #[inline]
    pub fn check(&mut self, now: Instant, chain: Chain, subject: &Subject) -> Decision {
        let rules = &mut self.chains[chain as usize];
        let mut is_constant = true;
        for entry in &mut rules.entries {
            if !entry.matcher.matches(subject, |set, address| {
                self.sets[usize::from(set)].as_ref().is_some_and(|set| set.ranges.contains(address))
            }) {
                continue;
            }
            if let Some(bucket) = &mut entry.bucket {
                is_constant = false;
                if !bucket.take(now) {
                    continue;
                }
            }
            return Decision { verdict: entry.verdict, is_constant, slot: entry.slot };
        }
        Decision { verdict: rules.policy, is_constant, slot: chain as u16 }
    }

    /// Counts a packet where it was decided.
    #[inline]
    pub fn count(&mut self, decision: Decision, traffic: Traffic) {
        self.count_at(decision.slot, traffic);
    }

    #[inline]
    pub(super) fn count_at(&mut self, slot: u16, traffic: Traffic) {
        self.hits[usize::from(slot)] += traffic;
    }

    /// Whether nothing can be refused: no rules, and policies that accept.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.chains.iter().all(|chain| chain.entries.is_empty() && chain.policy == Verdict::Accept)
    }

    /// Says what becomes of packets that no rule of a chain matches.
    pub fn set_policy(&mut self, chain: Chain, policy: Verdict) {
        self.chains[chain as usize].policy = policy;
    }

    /// How many packets met the policy of a chain.
    #[must_use]
    pub fn policy_hits(&self, chain: Chain) -> Traffic {
        self.hits[chain as usize]
    }

    /// Adds a rule behind those of a chain.
    ///
    /// # Errors
    ///
    /// If there are too many rules, or it names a set that is not defined.
    pub fn append(&mut self, chain: Chain, rule: Rule) -> Result<RuleId, FirewallError> {
        self.insert(chain, usize::MAX, rule)
    }

    /// Adds a rule to a chain, before the one at a position if there are so many.
    ///
    /// # Errors
    ///
    /// As [`append`](Self::append).
    pub fn insert(&mut self, chain: Chain, position: usize, rule: Rule) -> Result<RuleId, FirewallError> {
        let count: usize = self.chains.iter().map(|chain| chain.entries.len()).sum();
        if count >= usize::from(self.config.rules_max) {
            return Err(FirewallError::RulesFull { rules_max: self.config.rules_max });
        }
        let id = RuleId::new(self.next);
        let entry = self.entry(id, rule)?;
        self.next += 1;
        let entries = &mut self.chains[chain as usize].entries;
        entries.insert(position.min(entries.len()), entry);
        Ok(id)
    }

    /// Changes a rule where it is, and begins to count anew.
    ///
    /// # Errors
    ///
    /// If there is no such rule, or it would name a set that is not defined; then nothing changes.
    pub fn replace(&mut self, id: RuleId, rule: Rule) -> Result<(), FirewallError> {
        let (chain, at) = self.position(id)?;
        let entry = self.entry(id, rule)?;
        let old = std::mem::replace(&mut self.chains[chain].entries[at], entry);
        self.release(&old);
        Ok(())
    }

    /// Removes a rule.
    ///
    /// # Errors
    ///
    /// If there is no such rule.
    pub fn remove(&mut self, id: RuleId) -> Result<Rule, FirewallError> {
        let (chain, at) = self.position(id)?;
        let entry = self.chains[chain].entries.remove(at);
        self.release(&entry);
        Ok(*entry.rule)
    }

    /// The rules of a chain in order, and how often each decided.
    pub fn rules(&self, chain: Chain) -> impl Iterator<Item = (RuleId, &Rule, Traffic)> {
        let entries = self.chains[chain as usize].entries.iter();
        entries.map(|entry| (entry.id, &*entry.rule, self.hits[usize::from(entry.slot)]))
    }

    /// How often a rule decided.
    ///
    /// # Errors
    ///
    /// If there is no such rule.
    pub fn hits(&self, id: RuleId) -> Result<Traffic, FirewallError> {
        let (chain, at) = self.position(id)?;
        Ok(self.hits[usize::from(self.chains[chain].entries[at].slot)])
    }

    /// Defines a set, or says anew what it is.
    ///
    /// # Errors
    ///
    /// If it has too many networks, or there are too many sets.
    pub fn define_set(&mut self, name: &str, networks: &[IpNet]) -> Result<(), FirewallError> {
        let set_networks_max = self.config.set_networks_max;
        if networks.len() > set_networks_max {
            let (name, networks) = (name.to_owned(), networks.len());
            return Err(FirewallError::SetTooLarge { name, networks, set_networks_max });
        }
        let ranges = Ranges::new(networks);
        if let Some(&at) = self.names.get(name) {
            self.set_mut(at).ranges = ranges;
            return Ok(());
        }
        let at = self.sets.iter().position(Option::is_none).unwrap_or(self.sets.len());
        let at = u16::try_from(at).ok().filter(|at| *at < self.config.sets_max);
        let at = at.ok_or(FirewallError::SetsFull { sets_max: self.config.sets_max })?;
        let set = Some(Set { ranges, users: 0 });
        match self.sets.get_mut(usize::from(at)) {
            Some(vacant) => *vacant = set,
            None => self.sets.push(set),
        }
        self.names.insert(name.to_owned(), at);
        Ok(())
    }

    /// Removes a set that no rule names.
    ///
    /// # Errors
    ///
    /// If there is no such set, or rules name it.
    pub fn remove_set(&mut self, name: &str) -> Result<(), FirewallError> {
        let at = self.set(name)?;
        let rules = self.set_mut(at).users;
        if rules > 0 {
            return Err(FirewallError::SetInUse { name: name.to_owned(), rules });
        }
        self.sets[usize::from(at)] = None;
        self.names.remove(name);
        Ok(())
    }

    fn set(&self, name: &str) -> Result<u16, FirewallError> {
        self.names.get(name).copied().ok_or_else(|| FirewallError::NoSuchSet { name: name.to_owned() })
    }

    fn set_mut(&mut self, at: u16) -> &mut Set {
        self.sets[usize::from(at)].as_mut().expect("names and rules lead to sets that there are")
    }

    /// Prepares a rule: looks up its sets, counts as their user, and takes a place to count.
    fn entry(&mut self, id: RuleId, rule: Rule) -> Result<Entry, FirewallError> {
        let matcher = Matcher::new(&rule, |name| self.set(name))?;
        for set in matcher.sets() {
            self.set_mut(set).users += 1;
        }
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.hits.push(Traffic::default());
            u16::try_from(self.hits.len() - 1).expect("rules_max leaves room for one more and three policies")
        });
        self.hits[usize::from(slot)] = Traffic::default();
        let (verdict, bucket) = (rule.verdict, rule.rate.map(Bucket::new));
        Ok(Entry { matcher, bucket, verdict, slot, id, rule: Box::new(rule) })
    }

    fn release(&mut self, entry: &Entry) {
        self.vacant.push(entry.slot);
        for set in entry.matcher.sets() {
            self.set_mut(set).users -= 1;
        }
    }

    fn position(&self, id: RuleId) -> Result<(usize, usize), FirewallError> {
        let mut chains = self.chains.iter().enumerate();
        let found = chains
            .find_map(|(chain, rules)| Some((chain, rules.entries.iter().position(|entry| entry.id == id)?)));
        found.ok_or(FirewallError::NoSuchRule { rule: id })
    }
}

#[cfg(test)]
mod tests;
