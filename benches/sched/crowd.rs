//! Crowds of processes of every peer that all wait for one message each, and exit when it comes.

use ironloom_sched::{Address, Context as Own, Kernel};
use kameo::actor::Spawn as _;
use kameo::prelude::{ActorRef, ActorStopReason, Context, Message, WeakActorRef};
use ractor::ActorProcessingErr;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};

use crate::runtimes::{Gate, Smol, may_workers};

/// What a process is sent.
type Word = u64;

/// Peers that take more than 10 µs a process get fewer of them.
pub(crate) const FEW: usize = 20_000;

/// Something that runs processes.
pub(crate) trait Peer {
    /// Processes that wait.
    type Waiting;
    /// Spawns so many, each of which waits for a message.
    fn spawn(&self, processes: usize) -> Self::Waiting;
    /// Sends each its message, and returns when all have exited.
    fn release(&self, waiting: Self::Waiting);
}

/// Spawns so many, and says how to know that all have exited.
fn crowd<W>(processes: usize, mut spawn: impl FnMut(&'static Gate) -> W) -> (Vec<W>, oneshot::Receiver<()>) {
    let (gate, empty) = Gate::new(processes);
    ((0..processes).map(|_| spawn(gate)).collect(), empty)
}

/// Runs something in a task of the runtime, which may do without the detours of strangers.
fn inside<T: Send + 'static>(runtime: &Runtime, work: impl Future<Output = T> + Send + 'static) -> T {
    runtime.block_on(runtime.spawn(work)).expect("the task does not panic")
}

impl Peer for Kernel {
    type Waiting = (Vec<Address<u64>>, oneshot::Receiver<()>);

    fn spawn(&self, processes: usize) -> Self::Waiting {
        let (sender, receiver) = oneshot::channel();
        let spawned = self.handle().spawn(async move |ctx: Own<()>| {
            let (gate, empty) = Gate::new(processes);
            let mut waiting = Vec::with_capacity(processes);
            for _ in 0..processes {
                let process = ctx.spawn(async move |ctx: Own<u64>| {
                    ctx.receive().await;
                    gate.leave();
                });
                waiting.push(process.expect("there is room for all"));
                ctx.work(1).await;
            }
            sender.send((waiting, empty)).expect("somebody waits");
        });
        spawned.expect("there is room for one more");
        receiver.blocking_recv().expect("all are spawned")
    }

    fn release(&self, (processes, empty): Self::Waiting) {
        let released = self.handle().spawn(async move |_: Own<()>| {
            for process in processes {
                process.send(1).await.expect("a process waits");
            }
        });
        released.expect("there is room for one more");
        empty.blocking_recv().expect("all leave");
    }
}

/// Tasks of tokio, each with a channel for one message.
pub(crate) struct OneShot(pub(crate) Runtime);

impl Peer for OneShot {
    type Waiting = (Vec<oneshot::Sender<Word>>, oneshot::Receiver<()>);

    fn spawn(&self, processes: usize) -> Self::Waiting {
        let spawn = |gate: &'static Gate| {
            let (sender, receiver) = oneshot::channel();
            tokio::spawn(async move {
                receiver.await.expect("a message comes");
                gate.leave();
            });
            sender
        };
        inside(&self.0, async move { crowd(processes, spawn) })
    }

    fn release(&self, (senders, empty): Self::Waiting) {
        inside(&self.0, async move {
            for sender in senders {
                sender.send(1).expect("a process waits");
            }
            empty.await.expect("all leave");
        });
    }
}

/// Tasks of tokio, each with a bounded mailbox.
pub(crate) struct Mailbox(pub(crate) Runtime);

impl Peer for Mailbox {
    type Waiting = (Vec<mpsc::Sender<Word>>, oneshot::Receiver<()>);

    fn spawn(&self, processes: usize) -> Self::Waiting {
        let spawn = |gate: &'static Gate| {
            let (sender, mut receiver) = mpsc::channel(4);
            tokio::spawn(async move {
                receiver.recv().await.expect("a message comes");
                gate.leave();
            });
            sender
        };
        inside(&self.0, async move { crowd(processes, spawn) })
    }

    fn release(&self, (senders, empty): Self::Waiting) {
        inside(&self.0, async move {
            for sender in senders {
                sender.send(1).await.expect("a process waits");
            }
            empty.await.expect("all leave");
        });
    }
}

impl Peer for Smol {
    type Waiting = (Vec<smol::channel::Sender<Word>>, oneshot::Receiver<()>);

    fn spawn(&self, processes: usize) -> Self::Waiting {
        crowd(processes, |gate| {
            let (sender, receiver) = smol::channel::bounded(1);
            let process = async move {
                receiver.recv().await.expect("a message comes");
                gate.leave();
            };
            self.executor.spawn(process).detach();
            sender
        })
    }

    fn release(&self, (senders, empty): Self::Waiting) {
        for sender in senders {
            sender.try_send(1).expect("a process waits");
        }
        smol::block_on(empty).expect("all leave");
    }
}

/// Coroutines of may, each with a stack and a channel.
pub(crate) struct May;

impl May {
    pub(crate) fn new() -> Self {
        may_workers();
        Self
    }
}

impl Peer for May {
    type Waiting = (Vec<may::sync::mpsc::Sender<Word>>, oneshot::Receiver<()>);

    fn spawn(&self, processes: usize) -> Self::Waiting {
        crowd(processes, |gate| {
            let (sender, receiver) = may::sync::mpsc::channel();
            may::go!(move || {
                receiver.recv().expect("a message comes");
                gate.leave();
            });
            sender
        })
    }

    fn release(&self, (senders, empty): Self::Waiting) {
        for sender in senders {
            sender.send(1).expect("a process waits");
        }
        empty.blocking_recv().expect("all leave");
    }
}

/// Actors of kameo.
pub(crate) struct Kameo(pub(crate) Runtime);

/// An actor that stops at its first message.
pub(crate) struct KameoActor(&'static Gate);

impl kameo::Actor for KameoActor {
    type Args = Self;
    type Error = std::convert::Infallible;

    async fn on_start(actor: Self, _: ActorRef<Self>) -> Result<Self, Self::Error> {
        Ok(actor)
    }

    async fn on_stop(&mut self, _: WeakActorRef<Self>, _: ActorStopReason) -> Result<(), Self::Error> {
        self.0.leave();
        Ok(())
    }
}

impl Message<Word> for KameoActor {
    type Reply = ();

    async fn handle(&mut self, _: Word, context: &mut Context<Self, ()>) {
        context.stop();
    }
}

impl Peer for Kameo {
    type Waiting = (Vec<ActorRef<KameoActor>>, oneshot::Receiver<()>);

    fn spawn(&self, processes: usize) -> Self::Waiting {
        inside(&self.0, async move { crowd(processes, |gate| KameoActor::spawn(KameoActor(gate))) })
    }

    fn release(&self, (actors, empty): Self::Waiting) {
        inside(&self.0, async move {
            for actor in actors {
                actor.tell(1).send().await.expect("an actor waits");
            }
            empty.await.expect("all leave");
        });
    }
}

/// Actors of ractor.
pub(crate) struct Ractor(pub(crate) Runtime);

/// An actor that stops at its first message.
struct RactorActor;

impl ractor::Actor for RactorActor {
    type Msg = Word;
    type State = &'static Gate;
    type Arguments = &'static Gate;

    async fn pre_start(
        &self,
        _: ractor::ActorRef<Word>,
        gate: &'static Gate,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(gate)
    }

    async fn handle(
        &self,
        myself: ractor::ActorRef<Word>,
        _: Word,
        _: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        myself.stop(None);
        Ok(())
    }

    async fn post_stop(
        &self,
        _: ractor::ActorRef<Word>,
        gate: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        gate.leave();
        Ok(())
    }
}

impl Peer for Ractor {
    type Waiting = (Vec<ractor::ActorRef<Word>>, oneshot::Receiver<()>);

    fn spawn(&self, processes: usize) -> Self::Waiting {
        inside(&self.0, async move {
            let (gate, empty) = Gate::new(processes);
            let mut actors = Vec::with_capacity(processes);
            for _ in 0..processes {
                let spawned = ractor::Actor::spawn(None, RactorActor, gate).await;
                actors.push(spawned.expect("an actor starts").0);
            }
            (actors, empty)
        })
    }

    fn release(&self, (actors, empty): Self::Waiting) {
        inside(&self.0, async move {
            for actor in actors {
                actor.send_message(1).expect("an actor waits");
            }
            empty.await.expect("all leave");
        });
    }
}
