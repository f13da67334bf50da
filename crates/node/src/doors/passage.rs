//! [`Passage`]: a listener whose connections lead into the world.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use ironloom_core::{Clock, Instant, MachineId, Map};
use ironloom_net::door::{
    Broken, DoorTo, GatewaySocket, HostListener, HostStream, Inside, Over, Splices, Wait, is_about_one,
};
use ironloom_net::fabric::Output;
use ironloom_net::{Readiness, SocketId};
use ironloom_sched::Drained;
use mio::Interest;
use mio::event::Event;

use super::Access;
use super::admission::Pass;
use super::command::{CommandEnd, LEAVE_WITHIN};
use super::entrance::Entrance;
use super::guest::{End, Guest};
use super::listener::Target;
use super::place::{Bound, BoundSocket, SocketFile};
use super::stage::Stage;
use crate::node::Paced;
use crate::world::{Holder, PipedNews};

/// The key of the listener; those of connections are others.
const LISTENER: u32 = 0;

/// How many connections are accepted before others have their turn.
const TURN_ACCEPTED_MAX: usize = 64;

/// A listener whose connections lead into the world: to a port of a machine, or each to a process of its own.
pub(super) struct Passage {
    /// It is among all that were ever opened.
    number: u64,
    entrance: Arc<Entrance>,
    stage: Arc<Stage>,
    clock: Arc<dyn Clock>,
    target: Target,
    /// What is removed when nobody may come any more; before the listener, or it could be another's.
    file: Option<SocketFile>,
    listener: Option<HostListener>,
    can_accept: bool,
    splices: Splices<Guest>,
    by_socket: Map<(MachineId, SocketId), u32>,
    /// Connections to processes that have ended, and when to look at them again.
    leaving: BTreeSet<(Instant, u32)>,
    /// Which machines there were when that was looked at last.
    generation: u64,
    drained: Drained,
    is_over: bool,
}

impl Passage {
    pub(super) fn new(
        number: u64,
        entrance: Arc<Entrance>,
        stage: Arc<Stage>,
        clock: Arc<dyn Clock>,
        target: Target,
        bound: Bound,
    ) -> io::Result<Self> {
        let Bound { file, socket, .. } = bound;
        let listener = match socket {
            BoundSocket::Tcp(listener) => HostListener::from_tcp(listener)?,
            BoundSocket::Unix(listener) => HostListener::from_unix(listener)?,
        };
        let splices = Splices::new(entrance.usage.clone());
        Ok(Self {
            number,
            entrance,
            stage,
            clock,
            target,
            file,
            listener: Some(listener),
            can_accept: true,
            splices,
            by_socket: Map::default(),
            leaving: BTreeSet::new(),
            generation: 0,
            drained: Drained { ended: 0, killed: 0 },
            is_over: false,
        })
    }

    /// Accepts who waits; whether there may be others.
    fn accept(&mut self, inside: &mut Inside<'_, Paced>, wait: &Wait<'_>) -> bool {
        for _ in 0..TURN_ACCEPTED_MAX {
            let Some(listener) = self.listener.as_ref().filter(|_| self.can_accept) else { return false };
            match listener.accept() {
                Ok((stream, peer)) => {
                    let at = self.clock.now();
                    match self.entrance.enter(at, peer) {
                        Some(pass) => self.let_in(stream, (at, peer, pass), inside, wait),
                        None => stream.reset_when_closed(),
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.can_accept = false,
                // As with a published port: one that went away says nothing about the next. Without a descriptor it is
                // tried again when something else happens here.
                Err(error) => self.can_accept = is_about_one(&error),
            }
        }
        true
    }

    fn let_in(
        &mut self,
        stream: HostStream,
        (at, peer, pass): (Instant, Option<std::net::SocketAddr>, Pass),
        inside: &mut Inside<'_, Paced>,
        wait: &Wait<'_>,
    ) {
        if self.splices.len() >= self.entrance.connections_max {
            return self.splices.refuse(&stream);
        }
        let (target, number, clock) = (&self.target, self.number, &self.clock);
        let seated = self.splices.seat(stream, wait, |connection| {
            let end = connect(target, Holder { door: number, connection }, clock, inside)?;
            Some(Guest { end, peer, at, _pass: pass })
        });
        let Some((number, guest)) = seated else { return };
        match &guest.end {
            End::Port { socket, .. } => _ = self.by_socket.insert((socket.gateway, socket.socket), number),
            // It is there from the start.
            End::Command(_) => self.splices.far_is_ready(number, Readiness::READABLE | Readiness::WRITABLE),
        }
    }

    /// Takes notice of what commands did.
    fn hear(&mut self, news: Vec<PipedNews>) {
        for PipedNews { connection, machine, pid, exit } in news {
            let Some(Guest { end: End::Command(command), .. }) = self.splices.far_mut(connection) else {
                continue;
            };
            // A number may be another's by now.
            if command.piped().is_none_or(|piped| (piped.machine(), piped.pid()) != (machine, pid)) {
                continue;
            }
            if let Some(exit) = exit {
                command.ended(exit);
                self.leaving.insert((self.clock.now().saturating_add(LEAVE_WITHIN), connection));
            }
            self.splices.far_is_ready(connection, Readiness::READABLE | Readiness::WRITABLE);
        }
    }

    /// Looks again at connections to processes that have ended, until they are over.
    fn wake_leaving(&mut self) {
        let now = self.clock.now();
        while let Some((at, connection)) = self.leaving.first().copied()
            && at <= now
        {
            self.leaving.remove(&(at, connection));
            let guest = self.splices.far_mut(connection);
            if guest.is_some_and(|guest| guest.has_ended()) {
                self.leaving.insert((now.saturating_add(LEAVE_WITHIN), connection));
                self.splices.far_is_ready(connection, Readiness::OVER);
            }
        }
    }

    /// Breaks off what leads to machines that are gone.
    fn look_for_machines(&mut self, inside: &mut Inside<'_, Paced>, wait: &Wait<'_>) {
        let core = inside.driven.hold();
        if std::mem::replace(&mut self.generation, core.generation) == core.generation {
            return;
        }
        let there = |machine: MachineId| core.name_of(machine).is_some();
        let gone: Vec<MachineId> = self
            .splices
            .fars()
            .filter_map(|guest| if let End::Port { machine, .. } = guest.end { Some(machine) } else { None })
            .filter(|machine| !there(*machine))
            .collect();
        if gone.is_empty() {
            return;
        }
        let leads_there =
            |guest: &Guest| matches!(guest.end, End::Port { machine, .. } if gone.contains(&machine));
        for over in self.splices.break_off(inside, wait, Broken::Far, leads_there) {
            self.note(over);
        }
    }

    /// Stops listening, and ends what is left when the time is over.
    fn drain(&mut self, inside: &mut Inside<'_, Paced>, wait: &Wait<'_>) {
        let Some(until) = self.stage.drains_until() else { return };
        self.stop_listening(wait);
        if !self.splices.is_empty() && until <= self.clock.now() {
            for over in self.splices.break_off(inside, wait, Broken::Between, |_| true) {
                self.note(over);
            }
        }
        if self.splices.is_empty() {
            self.finish();
        }
    }

    fn stop_listening(&mut self, wait: &Wait<'_>) {
        self.file = None;
        if let Some(mut listener) = self.listener.take() {
            // It is closed next, which says the same to the host.
            let _ = wait.deregister(&mut listener);
        }
    }

    fn finish(&mut self) {
        if !std::mem::replace(&mut self.is_over, true) {
            self.stage.finish(self.drained);
        }
    }

    /// A connection is over.
    fn note(&mut self, over: Over<Guest>) {
        let Over { far: Guest { end, peer, at, .. }, bytes_in, bytes_out, broken, .. } = over;
        let failure = match end {
            End::Port { socket: GatewaySocket { gateway, socket }, .. } => {
                self.by_socket.remove(&(gateway, socket));
                None
            }
            End::Command(command) => command.failure(),
        };
        self.can_accept = true;
        if self.stage.drains_until().is_some() {
            let count = if broken.is_some() { &mut self.drained.killed } else { &mut self.drained.ended };
            *count += 1;
        }
        let error = failure.as_deref().or(broken.map(|broken| match broken {
            Broken::Host => "by the peer",
            Broken::Far => "by the machine",
            Broken::Between => "as the listener closed",
        }));
        let took = self.clock.now().saturating_since(at);
        let (bytes_in, bytes_out) = (Some(bytes_in), Some(bytes_out));
        let door = &*self.entrance.name;
        self.entrance.note(&Access::Connection { door, at, peer, bytes_in, bytes_out, took, error });
    }

    /// Says when it is to be woken, if by nothing else.
    fn set_alarm(&self) {
        let leaving = self.leaving.first().map(|(at, _)| *at);
        self.stage.set_alarm(leaving.into_iter().chain(self.stage.drains_until()).min());
    }
}

/// Makes the other half of a connection, if that can be.
fn connect(
    target: &Target,
    holder: Holder,
    clock: &Arc<dyn Clock>,
    inside: &mut Inside<'_, Paced>,
) -> Option<End> {
    match target {
        Target::Port { machine, port } => {
            let route = inside.driven.hold().route_to(machine, *port).ok()?;
            let socket = inside.world().connect(route.gateway, route.target).ok()?.ok()?;
            let socket = GatewaySocket { gateway: route.gateway, socket };
            Some(End::Port { socket, machine: route.machine })
        }
        Target::Command { machine, command } => {
            let core = inside.driven.hold();
            let id = core.machine(machine).ok()?.id;
            let piped = core.open_piped(id, command, holder).ok()?;
            Some(End::Command(CommandEnd::new(piped, Arc::clone(clock))))
        }
    }
}

impl Drop for Passage {
    /// Whoever waits for its end is told, however that came.
    fn drop(&mut self) {
        self.drained.killed += self.splices.len();
        self.finish();
    }
}

impl DoorTo<Paced> for Passage {
    fn open(&mut self, wait: &Wait<'_>) -> io::Result<()> {
        match &mut self.listener {
            Some(listener) => wait.register(listener, LISTENER, Interest::READABLE),
            None => Ok(()),
        }
    }

    fn ready(&mut self, event: &Event, key: u32) {
        if key == LISTENER {
            self.can_accept = true;
        } else {
            self.splices.host_is_ready(event, key);
        }
    }

    fn take(&mut self, output: Output) -> Option<Output> {
        if let Output::Ready { machine, socket, readiness, .. } = &output
            && let Some(number) = self.by_socket.get(&(*machine, *socket)).copied()
        {
            self.splices.far_is_ready(number, *readiness);
            return None;
        }
        Some(output)
    }

    fn turn(&mut self, inside: &mut Inside<'_, Paced>, wait: &Wait<'_>) -> bool {
        self.look_for_machines(inside, wait);
        let is_more = self.accept(inside, wait);
        self.hear(inside.driven.hold().take_piped_news(self.number));
        self.wake_leaving();
        for over in self.splices.turn(inside, wait) {
            self.note(over);
        }
        self.drain(inside, wait);
        self.set_alarm();
        !self.is_over && (is_more || self.splices.is_due())
    }

    fn is_due(&self, paced: &mut Paced) -> bool {
        let core = paced.hold();
        core.generation != self.generation
            || core.has_piped_news(self.number)
            || self.stage.is_due(self.clock.now())
    }

    fn is_over(&self) -> bool {
        self.is_over
    }

    fn close(&mut self, inside: &mut Inside<'_, Paced>, wait: &Wait<'_>) {
        self.stage.drain(self.clock.now());
        self.drain(inside, wait);
    }
}
