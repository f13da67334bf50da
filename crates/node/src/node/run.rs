//! What a node's thread does.

use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use ironloom_core::{Clock, Duration, Instant};
use ironloom_net::door::Driver;
use parking_lot::{Condvar, Mutex};

use super::inbox::Inbox;
use super::listen::listen_as_described;
use super::pace::Pace;
use super::paced::Paced;
use super::{LateReport, NodeConfig, NodeError};
use crate::doors::Doors;
use crate::replay::Scribe;
use crate::world::{Hub, Subscription};
use crate::{Datacenter, Description, World};

/// For how long it sleeps at most.
const SLEEP_MAX: Duration = Duration::from_secs(3_600);

/// What a node begins with.
pub(super) enum Begin {
    World(World),
    Description(Box<Description>),
    /// A world that is to be made where it is kept.
    Create(PathBuf, Box<Description>),
    /// A world that is kept.
    Open(PathBuf),
}

/// Something that is done with the driver on its thread.
pub(super) type Visit = Box<dyn FnOnce(&mut Driver<Paced>) + Send>;

/// What others see of the thread.
#[derive(Default)]
pub(super) struct Running {
    stage: Mutex<Stage>,
    changed: Condvar,
    pub(super) report: Arc<Mutex<LateReport>>,
    visits: Mutex<Vec<Visit>>,
}

#[derive(Default)]
struct Stage {
    world: Option<World>,
    has_ended: bool,
    error: Option<NodeError>,
}

impl Running {
    /// Waits until there is a world or there will be none.
    pub(super) fn ready(&self) -> Result<World, NodeError> {
        let mut stage = self.stage.lock();
        while stage.world.is_none() && !stage.has_ended {
            self.changed.wait(&mut stage);
        }
        match (stage.error.take(), &stage.world) {
            (Some(error), _) => Err(error),
            (None, Some(world)) => Ok(world.clone()),
            (None, None) => Err(NodeError::Stopped),
        }
    }

    pub(super) fn subscribe(&self, events_max: usize) -> Subscription {
        let mut stage = self.stage.lock();
        while stage.world.is_none() && !stage.has_ended {
            self.changed.wait(&mut stage);
        }
        match &stage.world {
            Some(world) => world.subscribe(events_max),
            None => Hub::default().subscribe(events_max), // Nothing will ever happen.
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.stage.lock().has_ended
    }

    /// Has something done on the thread, unless it has ended.
    pub(super) fn visit(&self, visit: Visit) {
        let stage = self.stage.lock();
        if !stage.has_ended {
            self.visits.lock().push(visit);
        }
    }

    fn begun(&self, world: World) {
        self.stage.lock().world = Some(world);
        self.changed.notify_all();
    }

    fn ended(&self, result: Result<(), NodeError>) {
        let world = self.stage.lock().world.clone();
        if let Some(world) = world {
            let mut core = world.core.lock();
            core.has_doors = false;
            core.abandon_all();
            core.flush_recorder();
        }
        let mut stage = self.stage.lock();
        stage.has_ended = true;
        stage.error = result.err();
        self.visits.lock().clear();
        drop(stage);
        self.changed.notify_all();
    }
}

/// Starts the thread.
#[expect(clippy::disallowed_methods, reason = "a node is a driver: it has a thread, and joins it")]
pub(super) fn spawn(
    begin: Begin,
    config: NodeConfig,
    clock: Arc<dyn Clock>,
    (inbox, running): (Arc<Inbox>, Arc<Running>),
    doors: Arc<Doors>,
) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("ironloom-node".to_owned()).spawn(move || {
        let _end = End { inbox: &inbox, running: &running };
        let result = run(begin, config, clock, &inbox, &running, &doors);
        running.ended(result);
    })
}

/// Tells those who wait that nobody will answer, even if the thread panics.
struct End<'a> {
    inbox: &'a Inbox,
    running: &'a Running,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.inbox.close();
        if std::thread::panicking() {
            self.running.ended(Err(NodeError::Stopped));
        }
    }
}

fn run(
    begin: Begin,
    config: NodeConfig,
    clock: Arc<dyn Clock>,
    inbox: &Arc<Inbox>,
    running: &Running,
    doors: &Doors,
) -> Result<(), NodeError> {
    let watch = |_| match inbox.is_stopped() {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    };
    let world = match begin {
        Begin::World(world) => world,
        Begin::Description(description) => World::watched(&description, watch)?,
        Begin::Create(path, description) => World::create_watched(path, &description, watch)?,
        Begin::Open(path) => World::open(path)?,
    };
    let pace = {
        let mut core = world.core.lock();
        core.has_doors = true;
        let waker = Arc::clone(inbox);
        let wake = Arc::new(move || waker.wake());
        core.keeper.iter_mut().for_each(|keeper| keeper.go_to_background(clock.now(), wake.clone()));
        Pace::new(core.pacing, core.window, clock.now(), core.machines.now())
    };
    let pace = Arc::new(Mutex::new(pace));
    let view = View { clock: Arc::clone(&clock), pace: Arc::clone(&pace) };
    let core = Arc::clone(&world.core);
    let report = Arc::clone(&running.report);
    let paced = Paced::new(Arc::clone(&core), Arc::clone(inbox), clock, pace, config, report);
    let mut driver = Driver::new(paced, view)?;
    let recorder = driver.driven().hold().recorder.clone();
    driver.driven().release();
    if let Some(recorder) = recorder {
        driver.set_journal(Box::new(Scribe(recorder)));
    }
    inbox.open(driver.stopper());
    let listens = listen_as_described(&mut driver, doors);
    driver.driven().release();
    if listens.is_ok() {
        running.begun(world.clone());
    }
    let result = listens.and_then(|()| drive(&mut driver, inbox, running, doors));
    driver.driven().hold();
    driver.close_doors();
    driver.driven().release();
    if result.is_err() {
        world.core.lock().has_doors = false;
    }
    core.lock().keep_at_last();
    result
}

fn drive(
    driver: &mut Driver<Paced>,
    inbox: &Inbox,
    running: &Running,
    doors: &Doors,
) -> Result<(), NodeError> {
    while !inbox.is_stopped() {
        driver.driven().hold();
        let visits = std::mem::take(&mut *running.visits.lock());
        visits.into_iter().for_each(|visit| visit(driver));
        driver.driven().serve();
        driver.advance();
        let commit = driver.driven().keep();
        driver.driven().release();
        let idle = driver.driven().idle_for().into_iter().chain(doors.idle_for()).chain(commit);
        driver.wait_for(idle.fold(SLEEP_MAX, Duration::min))?;
    }
    Ok(())
}

/// Shows what time it should be in the world.
struct View {
    clock: Arc<dyn Clock>,
    pace: Arc<Mutex<Pace>>,
}

impl Clock for View {
    fn now(&self) -> Instant {
        self.pace.lock().world_at(self.clock.now())
    }
}
