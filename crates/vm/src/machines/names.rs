//! What machines are called in the DNS of their network.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ironloom_core::{MachineId, Map};
use ironloom_net::dns::{Name, Registry};

use crate::machine::MachineSpec;

use super::{MachineError, Machines};

/// For how long others remember a name, in seconds.
const REMEMBERED_SECONDS: u32 = 60;

/// Where the names of machines are registered.
#[derive(Debug, Default)]
pub(super) struct Names {
    registry: Option<Registry>,
    of_machines: Map<MachineId, Name>,
    taken: BTreeSet<Name>,
}

impl Machines {
    /// From now on the [`dns_name`](MachineSpec::dns_name) of a machine that is made with an address is registered here,
    /// until the machine is destroyed.
    ///
    /// The registry is that of a name server of the network, which others ask; zones for the names and the addresses
    /// have to be in it.
    ///
    /// ```
    /// use ironloom_net::dns::{Authority, AuthorityConfig, Registry};
    /// use ironloom_vm::{Config, Machines};
    ///
    /// let registry = Registry::new(Authority::new(AuthorityConfig::default()));
    /// registry.add_zone(&"lan.".parse()?, &"ns.lan.".parse()?)?;
    /// let mut machines = Machines::new(Config::default(), ironloom_core::Seed::new(1));
    /// machines.name_with(registry);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn name_with(&mut self, registry: Registry) {
        self.names.registry = Some(registry);
    }

    /// Registers the name that a machine is to have, if it is to have one.
    pub(super) fn register_name(&mut self, id: MachineId, spec: &MachineSpec) -> Result<(), MachineError> {
        let Some(address) = spec.address.map(|network| IpAddr::from(network.addr())) else { return Ok(()) };
        spec.dns_name.as_ref().map_or(Ok(()), |name| self.name_machine(id, name, address))
    }

    /// Registers the name of a machine of the network that is none of these, until it is
    /// [withdrawn](Self::withdraw_name). Without a registry nothing is done.
    ///
    /// # Errors
    ///
    /// If it is no name, somebody has it, or the registry does not take it.
    pub fn name_machine(&mut self, id: MachineId, text: &str, address: IpAddr) -> Result<(), MachineError> {
        let names = &mut self.names;
        let Some(registry) = &names.registry else { return Ok(()) };
        let mut name = Name::from_ascii(text)
            .map_err(|error| MachineError::Name { name: text.to_owned(), reason: error.to_string() })?;
        name.set_fqdn(true);
        if names.taken.contains(&name) {
            return Err(MachineError::NameTaken { name: text.to_owned() });
        }
        registry.register(&name, &[address], REMEMBERED_SECONDS)?;
        names.taken.insert(name.clone());
        names.of_machines.insert(id, name);
        Ok(())
    }

    /// Withdraws the name of a machine, if it has one.
    pub fn withdraw_name(&mut self, id: MachineId) {
        let names = &mut self.names;
        let Some(name) = names.of_machines.remove(&id) else { return };
        names.taken.remove(&name);
        if let Some(registry) = &names.registry {
            registry.withdraw(&name);
        }
    }
}
