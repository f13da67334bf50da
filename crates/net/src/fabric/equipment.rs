//! [`Equipment`]: what stands between machines: switches, routers, the cloud, doors to the outside.

use super::layout::NONE;
use super::machine::Alarm;
use super::paths::Paths;
use super::{LinkId, StationId};
use crate::router::Router;
use crate::switch::Switch;
use crate::{Node, Port};

/// Something with many ports.
#[derive(Debug)]
pub(super) struct Equipment {
    pub(super) station: StationId,
    pub(super) ports: Vec<Exit>,
    pub(super) free_ports: Vec<u16>,
    pub(super) kind: Kind,
    pub(super) alarm: Alarm,
    /// The ways through several routers that begin here.
    pub(super) paths: Option<Box<Paths>>,
}

/// What a port leads to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exit {
    /// The lane that leads away, once something was sent.
    pub(super) lane: u32,
    pub(super) link: LinkId,
    /// How often something else ended here before.
    pub(super) generation: u16,
}

/// What it is.
pub(super) enum Kind {
    /// Nothing any more.
    Vacant,
    Switch(Box<Switch>),
    Router(Box<Router>),
    /// A door: what arrives here leaves the fabric.
    Door,
    Node(Box<dyn Node + Send>),
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Vacant => "Vacant",
            Self::Switch(_) => "Switch",
            Self::Router(_) => "Router",
            Self::Door => "Door",
            Self::Node(_) => "Node",
        })
    }
}

impl Exit {
    const fn vacant(generation: u16) -> Self {
        Self { lane: NONE, link: LinkId::new(NONE), generation }
    }

    pub(super) const fn is_vacant(&self) -> bool {
        self.link.number() == NONE
    }
}

impl Equipment {
    pub(super) fn new(station: StationId, kind: Kind) -> Self {
        Self { station, ports: Vec::new(), free_ports: Vec::new(), kind, alarm: Alarm::NEVER, paths: None }
    }

    /// Takes over the place of another that is gone, with its ports.
    pub(super) fn move_in(&mut self, station: StationId, kind: Kind) {
        (self.station, self.kind, self.alarm, self.paths) = (station, kind, Alarm::NEVER, None);
    }

    /// A port to which nothing leads yet; `None` if there are as many as there may be.
    pub(super) fn free_port(&mut self, ports_max: u16) -> Option<Port> {
        if let Some(port) = self.free_ports.pop() {
            return Some(Port::new(port));
        }
        let port = u16::try_from(self.ports.len()).ok().filter(|port| *port < ports_max)?;
        self.ports.push(Exit::vacant(0));
        Some(Port::new(port))
    }

    /// Takes away what a port led to.
    pub(super) fn unplug(&mut self, port: Port) -> Exit {
        let exit = &mut self.ports[usize::from(port.number())];
        let vacant = Exit::vacant(exit.generation.wrapping_add(1));
        self.free_ports.push(port.number());
        std::mem::replace(exit, vacant)
    }
}
