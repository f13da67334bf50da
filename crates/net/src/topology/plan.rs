//! [`PlanTable`]: what a link is like, as people say it.

use ironloom_core::borsh::{BorshDeserialize, BorshSerialize};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

use super::{Rate, Share, Size, Span, TopologyError};
use crate::link::{LinkProfile, Loss, Plan};

/// What a link is like. `down` is the way to the machine, or to the second end.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
#[serde(deny_unknown_fields, default)]
pub struct PlanTable {
    /// How much can be sent to the machine.
    pub down: Option<Rate>,
    /// How much can be sent by the machine.
    pub up: Option<Rate>,
    /// How long a frame is under way, each way.
    pub latency: Option<Span>,
    /// How much longer it may be.
    pub jitter: Option<Span>,
    /// How many packets are lost, each way.
    pub loss: Option<Share>,
    /// How many packets arrive twice.
    pub duplicate: Option<Share>,
    /// How many packets are overtaken.
    pub reorder: Option<Share>,
    /// How many packets arrive with a wrong bit.
    pub corrupt: Option<Share>,
    /// How much may wait to be sent.
    pub queue: Option<Size>,
    /// The largest packet.
    pub mtu: Option<u16>,
}

/// The name of a plan, or a plan.
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub enum PlanChoice {
    /// A plan of the table `plans`.
    Named(String),
    /// A plan of its own.
    Own(Box<PlanTable>),
}

impl<'de> Deserialize<'de> for PlanChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlanVisitor)
    }
}

/// Tells a name from a table by what it meets, so that what is wrong in the table is told with its line.
struct PlanVisitor;

impl<'de> de::Visitor<'de> for PlanVisitor {
    type Value = PlanChoice;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a plan, or a table that is one")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<PlanChoice, E> {
        Ok(PlanChoice::Named(name.to_owned()))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<PlanChoice, A::Error> {
        let table = <PlanTable as Deserialize>::deserialize(de::value::MapAccessDeserializer::new(map))?;
        Ok(PlanChoice::Own(Box::new(table)))
    }
}

impl FromStr for PlanTable {
    type Err = TopologyError;

    /// A plan in the words of a description: `down = "50 Mbps", latency = "30 ms"`.
    fn from_str(words: &str) -> Result<Self, TopologyError> {
        super::in_words(words)
    }
}

impl PlanTable {
    /// What the way down is like, and the way up.
    #[must_use]
    pub fn profiles(&self) -> (LinkProfile, LinkProfile) {
        let rate = |rate: Option<Rate>| rate.map(|rate| rate.0);
        let latency = self.latency.map_or_else(Default::default, |span| span.0);
        let plan = Plan { down: rate(self.down), up: rate(self.up), latency };
        (self.adjust(plan.down_profile()), self.adjust(plan.up_profile()))
    }

    fn adjust(&self, profile: LinkProfile) -> LinkProfile {
        let share = |share: Option<Share>| share.map_or(0, |share| share.0);
        LinkProfile {
            jitter: self.jitter.map_or(profile.jitter, |span| span.0),
            loss: self.loss.map_or(profile.loss, |share| Loss::Even { ppm: share.0 }),
            duplicate_ppm: share(self.duplicate),
            reorder_ppm: share(self.reorder),
            corrupt_ppm: share(self.corrupt),
            queue_bytes_max: self.queue.map_or(profile.queue_bytes_max, |size| size.0),
            mtu: self.mtu.unwrap_or(profile.mtu),
            ..profile
        }
    }
}
