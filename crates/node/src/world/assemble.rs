//! How a description becomes a world.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use ironloom_blob::tree::Config as TreeConfig;
use ironloom_blob::{BlobId, BlobStore, Tree};
use ironloom_core::{Rng, Seed};
use ironloom_net::dns::{Authority, AuthorityConfig, AuthorityService, DeskConfig, Name, Registry};
use ironloom_net::fabric;
use ironloom_net::topology::{self, Network, Topology, TopologyError};
use ironloom_vm::{Config, Image, Machines};

use super::computers::Computers;
use super::core::{Core, Entry};
use crate::description::Wrong;
use crate::{ComputerTable, Description, DescriptionError, FileTable, ListenerTable, MachineTable, Pacing};

/// The image that there is without being described.
const BASE: &str = "base";

/// For how long others remember a record, in seconds.
const REMEMBERED_SECONDS: u32 = 300;

/// How far a world is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// How many machines there are.
    pub made: usize,
    /// How many there will be.
    pub of: usize,
}

/// Told how far it is; may say that it is enough.
pub(crate) type Watch<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

/// What a world stands on.
pub(crate) struct Ground {
    /// Where its contents are.
    pub(crate) store: Arc<dyn BlobStore>,
    /// The files of its images, if they are there already.
    pub(crate) images: Option<BTreeMap<String, BlobId>>,
    /// Where its chance comes from, beside that of the names of machines.
    pub(crate) seed: Seed,
}

impl Core {
    /// The world of a description.
    pub(crate) fn assemble(
        description: &Description,
        ground: &Ground,
        watch: Watch<'_>,
    ) -> Result<Self, DescriptionError> {
        assemble(description, ground, watch)
    }
}

fn assemble(description: &Description, ground: &Ground, watch: Watch<'_>) -> Result<Core, DescriptionError> {
    let wrong = |wrong: Wrong| description.wrong(wrong);
    check(description).map_err(wrong)?;
    let seed = ground.seed;
    let rng = Rng::new(description.seed()).split("world", 0);
    let config = config(description);
    let topology = description.topology().map_err(wrong)?;
    let network = topology.build(config.network.clone(), seed);
    let Network { mut fabric, subnets, stations, machines: placed, .. } =
        network.map_err(|error| wrong(description.of_computers(error).into()))?;
    let registry = names(description, &mut fabric, &placed).map_err(wrong)?;
    let images = match &ground.images {
        Some(known) => known_images(known, &ground.store).map_err(wrong)?,
        None => images(description, &ground.store, &rng).map_err(wrong)?,
    };
    let mut machines = Machines::on(fabric, config, seed);
    if let Some(registry) = registry {
        machines.name_with(registry);
    }
    let mut core = Core::new(machines, Topology { machines: BTreeMap::new(), ..topology }, rng);
    core.computers = Computers::new(Arc::clone(&ground.store), usize::from(description.workers));
    (core.stations, core.subnets, core.images) = (stations, subnets, images);
    (core.window, core.pacing) = (description.window(), description.pacing);
    core.zone = description.names.as_ref().and_then(|names| names.zones.first().cloned());
    populate(description, &mut core, &placed, watch)?;
    core.listeners = listeners(description, &core).map_err(wrong)?;
    // Whoever listens hears what happens from now on.
    core.settle();
    Ok(core)
}

fn check(description: &Description) -> Result<(), Wrong> {
    if description.window().is_zero() {
        return Err(Wrong::value("window", "a window takes time"));
    }
    if description.workers == 0 {
        return Err(Wrong::value("workers", "somebody has to work"));
    }
    if description.pacing == Pacing::WindowsPerSecond(0) {
        return Err(Wrong::value("pacing.windows_per_second", "time has to go by"));
    }
    if description.images.contains_key(BASE) {
        return Err(Wrong::value(format!("images.{BASE}"), "this image is there already"));
    }
    Ok(())
}

fn config(description: &Description) -> Config {
    // One shard: a fabric starts threads anew for each window, which takes longer than what is in most.
    let network = fabric::Config { digest: description.traces_frames, ..fabric::Config::default() };
    let (window, workers) = (description.window(), usize::from(description.workers));
    Config { window, workers, network, ..Config::default() }
}

impl Description {
    /// The network in it, with the machines that are connected to it.
    fn topology(&self) -> Result<Topology, Wrong> {
        let mut machines: BTreeMap<_, _> =
            self.machines.iter().filter_map(|(name, table)| Some((name.clone(), table.placed()?))).collect();
        if let Some(names) = &self.names {
            let server = MachineTable::default().at(&*names.at).address(names.address);
            let is_new = !self.machines.contains_key(&names.server);
            machines.extend(server.placed().filter(|_| is_new).map(|table| (names.server.clone(), table)));
            if !is_new {
                let (place, name) = ("names.server".to_owned(), names.server.clone());
                return Err(TopologyError::Duplicate { place, name }.into());
            }
        }
        for (name, table) in &self.computers {
            if self.machines.contains_key(name) || machines.contains_key(name) {
                let (place, name) = (format!("computers.{name}"), name.clone());
                return Err(TopologyError::Duplicate { place, name }.into());
            }
            machines.extend(table.placed().map(|table| (name.clone(), table)));
        }
        Ok(Topology {
            subnets: self.subnets.clone(),
            switches: self.switches.clone(),
            routers: self.routers.clone(),
            clouds: self.clouds.clone(),
            plans: self.plans.clone(),
            links: self.links.clone(),
            doors: self.doors.clone(),
            machines,
        })
    }
}

impl ComputerTable {
    /// Where it is connected, if it is.
    fn placed(&self) -> Option<topology::MachineTable> {
        Some(topology::MachineTable {
            at: self.at.clone()?,
            address: self.address,
            plan: self.plan.clone(),
            count: None,
            may_spoof: self.may_spoof,
        })
    }
}

impl MachineTable {
    /// What it is like, beside what its files say already.
    pub(super) fn without_files(&self) -> Self {
        Self { files: BTreeMap::new(), users: BTreeMap::new(), runs: Vec::new(), count: None, ..self.clone() }
    }

    /// Where it is connected, if it is.
    fn placed(&self) -> Option<topology::MachineTable> {
        Some(topology::MachineTable {
            at: self.at.clone()?,
            address: self.address,
            plan: self.plan.clone(),
            count: self.count,
            may_spoof: self.may_spoof,
        })
    }
}

impl Description {
    /// What is wrong with the network, told of computers where it is told of them as of machines.
    fn of_computers(&self, error: TopologyError) -> TopologyError {
        error.moved(|place| {
            let of = |name: &String| {
                let rest = place.strip_prefix("machines.")?.strip_prefix(&**name)?;
                (rest.is_empty() || rest.starts_with('.')).then(|| format!("computers.{name}{rest}"))
            };
            // Names may have dots in them, so a longer one is meant before a shorter.
            self.computers.keys().rev().find_map(of).unwrap_or_else(|| place.to_owned())
        })
    }
}

/// Lets a name server answer for the machines that will be.
fn names(
    description: &Description,
    fabric: &mut ironloom_net::Fabric,
    placed: &BTreeMap<String, topology::Machine>,
) -> Result<Option<Registry>, Wrong> {
    let Some(names) = &description.names else { return Ok(None) };
    let registry = Registry::new(Authority::new(AuthorityConfig::default()));
    for (number, zone) in names.zones.iter().enumerate() {
        let place = || format!("names.zones[{number}]");
        let server = absolute(&format!("{}.{}", names.server, zone), place)?;
        let added = registry.add_zone(&absolute(zone, place)?, &server);
        added.map_err(|error| Wrong::value(place(), error))?;
    }
    for (name, address) in &names.records {
        let place = || format!("names.records.{name}");
        let registered = registry.register(&absolute(name, place)?, &[(*address).into()], REMEMBERED_SECONDS);
        registered.map_err(|error| Wrong::value(place(), error))?;
    }
    for (name, subnet) in &description.subnets {
        if let Some(zone) = names.zones.first() {
            let place = || format!("subnets.{name}.network");
            let server = absolute(&format!("{}.{}", names.server, zone), place)?;
            let added = registry.add_reverse_zone(subnet.network, &server);
            added.map_err(|error| Wrong::value(place(), error))?;
        }
    }
    let service = AuthorityService::new(registry.clone(), DeskConfig::default());
    let served = fabric.serve(placed[&names.server].id, Box::new(service));
    served.map_err(|error| Wrong::Network { place: "names.server".to_owned(), error })?;
    Ok(Some(registry))
}

fn absolute(name: &str, place: impl Fn() -> String) -> Result<Name, Wrong> {
    let mut absolute = Name::from_ascii(name).map_err(|error| Wrong::value(place(), error))?;
    absolute.set_fqdn(true);
    Ok(absolute)
}

/// Images that are in the store already.
fn known_images(
    known: &BTreeMap<String, BlobId>,
    store: &Arc<dyn BlobStore>,
) -> Result<BTreeMap<String, Image>, Wrong> {
    let open = |(name, id): (&String, &BlobId)| {
        let tree = Tree::open(Arc::clone(store), *id, TreeConfig::default());
        let tree = tree.map_err(|error| Wrong::Image { place: format!("images.{name}"), error })?;
        Ok((name.clone(), Image::new(tree)))
    };
    known.iter().map(open).collect()
}

/// All images, each laid over the one below it.
fn images(
    description: &Description,
    store: &Arc<dyn BlobStore>,
    rng: &Rng,
) -> Result<BTreeMap<String, Image>, Wrong> {
    let base = Image::base_in(Arc::clone(store))
        .map_err(|error| Wrong::Image { place: format!("images.{BASE}"), error })?;
    let base = match &description.names {
        None => base,
        Some(names) => {
            let file = FileTable::from(format!("nameserver {}\n", names.address));
            let files = BTreeMap::from([("/etc/resolv.conf".to_owned(), file)]);
            let contents = crate::description::Contents { files: &files, users: &<_>::default(), runs: &[] };
            contents.over(&base, "names", &mut rng.split("image", 0))?
        }
    };
    let mut images = BTreeMap::from([(BASE.to_owned(), base)]);
    // Each round makes those whose image below is there.
    let mut waiting: Vec<&String> = description.images.keys().collect();
    while !waiting.is_empty() {
        let before = waiting.len();
        let mut error = None;
        waiting.retain(|name| match image(description, name, &images, rng) {
            Ok(Some(image)) => {
                images.insert((*name).clone(), image);
                false
            }
            Ok(None) => true,
            Err(wrong) => {
                error.get_or_insert(wrong);
                true
            }
        });
        if let Some(wrong) = error {
            return Err(wrong);
        }
        if waiting.len() == before {
            return Err(Wrong::Circle { place: format!("images.{}.from", waiting[0]) });
        }
    }
    Ok(images)
}

/// An image, if the one below it is there already.
fn image(
    description: &Description,
    name: &str,
    images: &BTreeMap<String, Image>,
    rng: &Rng,
) -> Result<Option<Image>, Wrong> {
    let table = &description.images[name];
    let below = table.from.as_deref().unwrap_or(BASE);
    let Some(image) = images.get(below) else {
        if description.images.contains_key(below) {
            return Ok(None);
        }
        let place = format!("images.{name}.from");
        let known = images.keys().chain(description.images.keys().filter(|key| !images.contains_key(*key)));
        return Err(TopologyError::unknown(place, "image", below, known).into());
    };
    let place = format!("images.{name}");
    table.contents().over(image, &place, &mut rng.split(cut(&place), 0)).map(Some)
}

/// Makes all machines, and switches them on.
fn populate(
    description: &Description,
    core: &mut Core,
    placed: &BTreeMap<String, topology::Machine>,
    watch: Watch<'_>,
) -> Result<(), DescriptionError> {
    let count = |table: &MachineTable| table.count.map_or(1, |count| count as usize);
    let of = description.machines.values().map(count).sum::<usize>() + description.computers.len();
    let mut made = 0;
    for (name, table) in &description.machines {
        let place = format!("machines.{name}");
        let wrong = |wrong: Wrong| description.wrong(wrong);
        let image = core.image(table, &place).map_err(wrong)?;
        let alike = Arc::new(table.without_files());
        for number in 1..=table.count.unwrap_or(1) {
            let name = if table.count.is_some() { format!("{name}-{number}") } else { name.clone() };
            if core.machine(&name).is_ok() {
                let place = place.clone();
                return Err(wrong(TopologyError::Duplicate { place, name }.into()));
            }
            let there = placed.get(&name).filter(|_| table.at.is_some());
            let entry = match there {
                Some(machine) => {
                    let (at, address) = (table.at.clone(), machine.address);
                    Entry { id: machine.id, at, address, table: Arc::clone(&alike) }
                }
                None => {
                    let (id, table) = (core.fresh_id(&name), Arc::clone(&alike));
                    Entry { id, at: None, address: None, table }
                }
            };
            core.settle_in(&name, entry, &image)
                .map_err(|error| wrong(Wrong::Machine { place: place.clone(), error }))?;
            made += 1;
            if watch(Progress { made, of }).is_break() {
                return Err(DescriptionError::GivenUp);
            }
        }
    }
    for (name, table) in &description.computers {
        if core.machine(name).is_ok() {
            let place = format!("computers.{name}");
            return Err(description.wrong(TopologyError::Duplicate { place, name: name.clone() }));
        }
        let entry = match placed.get(name).filter(|_| table.at.is_some()) {
            Some(machine) => {
                let (at, address) = (table.at.clone(), machine.address);
                Entry { id: machine.id, at, address, table: Arc::default() }
            }
            None => Entry { id: core.fresh_id(name), at: None, address: None, table: Arc::default() },
        };
        core.install_computer(name, entry, table).map_err(|wrong| description.wrong(wrong))?;
        made += 1;
        if watch(Progress { made, of }).is_break() {
            return Err(DescriptionError::GivenUp);
        }
    }
    Ok(())
}

/// Where a node is to listen, which leads to machines that are there.
fn listeners(description: &Description, core: &Core) -> Result<BTreeMap<String, ListenerTable>, Wrong> {
    for (name, table) in &description.listeners {
        let place = format!("listeners.{name}");
        table.listener(&place)?;
        let (field, machine) = table.leads_to(&place)?;
        if core.machine(machine).is_err() {
            let known = core.entries().map(|(name, _)| name);
            let place = format!("{place}.{field}");
            return Err(TopologyError::unknown(place, "machine", machine, known).into());
        }
    }
    Ok(description.listeners.clone())
}

impl Core {
    /// What a machine begins with.
    pub(crate) fn image(&self, table: &MachineTable, place: &str) -> Result<Image, Wrong> {
        let name = table.image.as_deref().unwrap_or(BASE);
        let Some(image) = self.images.get(name) else {
            let place = format!("{place}.image");
            return Err(TopologyError::unknown(place, "image", name, self.images.keys()).into());
        };
        let contents = table.contents();
        if contents.is_empty() {
            return Ok(image.clone());
        }
        contents.over(image, place, &mut self.rng.split(cut(place), 0))
    }
}

/// A name as a label of a random stream, which has at most 255 bytes.
pub(super) fn cut(name: &str) -> &str {
    &name[..name.floor_char_boundary(255)]
}
