//! Orders about the network.

use ironloom_net::Port;
use ironloom_net::fabric::{LinkId, Way};
use ironloom_net::link::{LinkProfile, Loss};
use ironloom_net::topology::{PlanTable, RuleTable};

use super::core::Core;
use super::execute::Result;
use super::{Event, Failure, Fault, LinkName, NetworkChange, OrderError, Outcome};

impl Core {
    fn link(&self, name: &LinkName) -> Result<LinkId> {
        let fabric = self.machines.fabric();
        match name {
            LinkName::Of(machine) => fabric.link_of(self.machine(machine)?.id).map_err(OrderError::refused),
            LinkName::Between(first, second) => {
                let ends = [self.station(first)?, self.station(second)?];
                let links = (0..=u16::MAX).filter_map(|port| fabric.link_at(ends[0], Port::new(port)));
                let mut between = links.filter(|link| {
                    fabric
                        .ends(*link)
                        .is_some_and(|[one, other]| ends == [one, other] || ends == [other, one])
                });
                between.next().ok_or_else(|| OrderError::unknown("link", &format!("{first} to {second}")))
            }
        }
    }

    /// What a link is like, down and up.
    pub(super) fn profiles(&self, link: LinkId) -> Result<(LinkProfile, LinkProfile)> {
        let profile = |way| self.machines.fabric().profile(link, way).map_err(OrderError::refused);
        Ok((profile(Way::Forth)?, profile(Way::Back)?))
    }

    pub(super) fn change_link(&mut self, name: LinkName, plan: &PlanTable) -> Result {
        let link = self.link(&name)?;
        let (down, up) = plan.profiles();
        for (way, profile) in [(Way::Forth, down), (Way::Back, up)] {
            let changed = self.machines.fabric_mut().set_profile(link, way, profile);
            changed.map_err(OrderError::refused)?;
        }
        self.network_changed(NetworkChange::LinkChanged(name))
    }

    pub(super) fn add_rule(&mut self, router: String, rule: &RuleTable) -> Result {
        let station = self.station(&router)?;
        let router_there = self.machines.fabric_mut().router(station).map_err(OrderError::refused)?;
        let added = router_there.firewall_mut().append(rule.chain(), rule.rule());
        added.map_err(OrderError::refused)?;
        self.network_changed(NetworkChange::RuleAdded(router))
    }

    pub(super) fn inject(&mut self, fault: Fault) -> Result {
        match fault {
            Fault::Cut(link) => self.set_down(link, true),
            Fault::Mend(link) => self.set_down(link, false),
            Fault::Loss(link, share) => {
                self.adjust(link, |profile| LinkProfile { loss: Loss::Even { ppm: share.0 }, ..profile })
            }
            Fault::Delay(link, span) => {
                self.adjust(link, |profile| LinkProfile { latency: span.0, ..profile })
            }
            Fault::Kill(machine) => {
                let id = self.machine(&machine)?.id;
                let at = self.machines.now();
                self.machines.stop(id).map_err(OrderError::refused)?;
                self.happened(at, &Event::Failure { at, machine, failure: Failure::Killed });
                Ok(Outcome::Done)
            }
        }
    }

    fn set_down(&mut self, name: LinkName, is_down: bool) -> Result {
        let link = self.link(&name)?;
        for way in [Way::Forth, Way::Back] {
            self.machines.fabric_mut().set_down(link, way, is_down).map_err(OrderError::refused)?;
        }
        let change = if is_down { NetworkChange::LinkDown(name) } else { NetworkChange::LinkUp(name) };
        self.network_changed(change)
    }

    fn adjust(&mut self, name: LinkName, change: impl Fn(LinkProfile) -> LinkProfile) -> Result {
        let link = self.link(&name)?;
        let (down, up) = self.profiles(link)?;
        for (way, profile) in [(Way::Forth, down), (Way::Back, up)] {
            let changed = self.machines.fabric_mut().set_profile(link, way, change(profile));
            changed.map_err(OrderError::refused)?;
        }
        self.network_changed(NetworkChange::LinkChanged(name))
    }

    fn network_changed(&mut self, change: NetworkChange) -> Result {
        let at = self.machines.now();
        self.happened(at, &Event::Network { at, change });
        Ok(Outcome::Done)
    }
}
