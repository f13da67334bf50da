//! Processes in a circle, each of which hands a token on to the next: two of them play ping-pong, many are a ring.

use ironloom_sched::{Address, Context as Own, Kernel};
use kameo::actor::Spawn as _;
use kameo::prelude::{ActorRef, Context, Message};
use ractor::ActorProcessingErr;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};

use crate::runtimes::{Smol, may_workers};

/// How often the token is still to be handed on.
pub(crate) type Token = u64;

/// Circles that stand and wait for a token: hands one in, and returns when it has been handed on so often.
pub(crate) type Circle = Box<dyn FnMut(Token)>;

/// Processes in a circle.
pub(crate) fn processes(kernel: Kernel, count: usize) -> Circle {
    let (done, finished) = crossbeam_channel::bounded(1);
    let (told, first) = oneshot::channel();
    let spawned = kernel.spawn(async move |ctx: Own<Token>| {
        let mut next = ctx.address();
        for _ in 1..count {
            let (after, done) = (next, done.clone());
            let member = ctx.spawn(async move |ctx: Own<Token>| relay(ctx, after, done).await);
            next = member.expect("there is room for all");
        }
        told.send(ctx.address()).expect("somebody waits");
        relay(ctx, next, done).await;
    });
    spawned.expect("there is room for one more");
    let first = first.blocking_recv().expect("the circle stands");
    Box::new(move |token| {
        let _running = &kernel;
        first.try_send(token).expect("the first waits");
        finished.recv().expect("the token arrives");
    })
}

async fn relay(ctx: Own<Token>, next: Address<Token>, done: crossbeam_channel::Sender<Token>) {
    loop {
        match ctx.receive().await {
            0 => done.send(0).expect("somebody waits"),
            token => next.send(token - 1).await.expect("the next is there"),
        }
    }
}

/// Tasks of tokio with bounded channels.
pub(crate) fn tokio_tasks(runtime: Runtime, processes: usize) -> Circle {
    let (done, mut finished) = mpsc::channel(1);
    let (first, mut receiver) = mpsc::channel::<Token>(1);
    for number in 0..processes {
        let (next, next_receiver) = mpsc::channel(1);
        let next = if number + 1 == processes { first.clone() } else { next };
        let mut own = std::mem::replace(&mut receiver, next_receiver);
        let done = done.clone();
        runtime.spawn(async move {
            while let Some(token) = own.recv().await {
                let handed_on = if token == 0 { done.send(0).await } else { next.send(token - 1).await };
                handed_on.expect("the next is there");
            }
        });
    }
    Box::new(move |token| {
        let (first, finished) = (&first, &mut finished);
        runtime.block_on(async move {
            first.send(token).await.expect("the first is there");
            finished.recv().await.expect("the token arrives");
        });
    })
}

/// Tasks of smol on threads of their own.
pub(crate) fn smol_tasks(processes: usize) -> Circle {
    let smol = Smol::new();
    let (done, finished) = smol::channel::bounded(1);
    let channels: Vec<_> = (0..processes).map(|_| smol::channel::bounded::<Token>(1)).collect();
    for (number, (_, own)) in channels.iter().enumerate() {
        let (own, done) = (own.clone(), done.clone());
        let next = channels[(number + 1) % processes].0.clone();
        let process = async move {
            while let Ok(token) = own.recv().await {
                let handed_on = if token == 0 { done.send(0).await } else { next.send(token - 1).await };
                handed_on.expect("the next is there");
            }
        };
        smol.executor.spawn(process).detach();
    }
    let first = channels[0].0.clone();
    Box::new(move |token| {
        let _running = &smol;
        first.send_blocking(token).expect("the first is there");
        finished.recv_blocking().expect("the token arrives");
    })
}

/// The token that ends coroutines, which no runtime does for them.
const END: Token = Token::MAX;

/// Coroutines of may.
pub(crate) fn may_coroutines(processes: usize) -> Circle {
    may_workers();
    let (done, finished) = crossbeam_channel::bounded(1);
    let (first, mut receiver) = may::sync::mpsc::channel::<Token>();
    for number in 0..processes {
        let (next, next_receiver) = may::sync::mpsc::channel();
        let next = if number + 1 == processes { first.clone() } else { next };
        let own = std::mem::replace(&mut receiver, next_receiver);
        let done = done.clone();
        may::go!(move || {
            for token in &own {
                if token == 0 {
                    done.send(0).expect("somebody waits");
                } else if next.send(if token == END { END } else { token - 1 }).is_err() || token == END {
                    return;
                }
            }
        });
    }
    let first = Ending(first);
    Box::new(move |token| {
        first.0.send(token).expect("the first is there");
        finished.recv().expect("the token arrives");
    })
}

/// Ends the coroutines when the circle is no longer needed.
struct Ending(may::sync::mpsc::Sender<Token>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.send(END).expect("the first is there");
    }
}

/// An actor of kameo.
struct KameoActor {
    next: Option<ActorRef<Self>>,
    done: mpsc::Sender<Token>,
}

/// Whom to hand the token on to.
struct Next(ActorRef<KameoActor>);

impl kameo::Actor for KameoActor {
    type Args = Self;
    type Error = std::convert::Infallible;

    async fn on_start(actor: Self, _: ActorRef<Self>) -> Result<Self, Self::Error> {
        Ok(actor)
    }
}

impl Message<Next> for KameoActor {
    type Reply = ();

    async fn handle(&mut self, next: Next, _: &mut Context<Self, ()>) {
        self.next = Some(next.0);
    }
}

impl Message<Token> for KameoActor {
    type Reply = ();

    async fn handle(&mut self, token: Token, _: &mut Context<Self, ()>) {
        if token == 0 {
            self.done.send(0).await.expect("somebody waits");
        } else {
            let next = self.next.as_ref().expect("it was told");
            next.tell(token - 1).send().await.expect("the next is there");
        }
    }
}

/// Actors of kameo with bounded mailboxes.
pub(crate) fn kameo_actors(runtime: Runtime, processes: usize) -> Circle {
    let (done, mut finished) = mpsc::channel(1);
    let actors = runtime.block_on(async {
        let actor = |_| KameoActor::spawn(KameoActor { next: None, done: done.clone() });
        let actors: Vec<_> = (0..processes).map(actor).collect();
        for (number, actor) in actors.iter().enumerate() {
            let next = Next(actors[(number + 1) % processes].clone());
            actor.tell(next).send().await.expect("the actor is there");
        }
        actors
    });
    Box::new(move |token| {
        runtime.block_on(async {
            actors[0].tell(token).send().await.expect("the first is there");
            finished.recv().await.expect("the token arrives");
        });
    })
}

/// An actor of ractor.
struct RactorActor;

/// What an actor of ractor is sent.
enum RactorMessage {
    Next(ractor::ActorRef<Self>),
    Token(Token),
}

/// What an actor of ractor knows.
struct RactorState {
    next: Option<ractor::ActorRef<RactorMessage>>,
    done: mpsc::Sender<Token>,
}

impl ractor::Actor for RactorActor {
    type Msg = RactorMessage;
    type State = RactorState;
    type Arguments = mpsc::Sender<Token>;

    async fn pre_start(
        &self,
        _: ractor::ActorRef<RactorMessage>,
        done: mpsc::Sender<Token>,
    ) -> Result<RactorState, ActorProcessingErr> {
        Ok(RactorState { next: None, done })
    }

    async fn handle(
        &self,
        _: ractor::ActorRef<RactorMessage>,
        message: RactorMessage,
        state: &mut RactorState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            RactorMessage::Next(next) => state.next = Some(next),
            RactorMessage::Token(0) => state.done.send(0).await?,
            RactorMessage::Token(token) => {
                let next = state.next.as_ref().expect("it was told");
                next.send_message(RactorMessage::Token(token - 1))?;
            }
        }
        Ok(())
    }
}

/// Actors of ractor, whose mailboxes have no limit.
pub(crate) fn ractor_actors(runtime: Runtime, processes: usize) -> Circle {
    let (done, mut finished) = mpsc::channel(1);
    let actors = runtime.block_on(async {
        let mut actors = Vec::with_capacity(processes);
        for _ in 0..processes {
            let spawned = ractor::Actor::spawn(None, RactorActor, done.clone()).await;
            actors.push(spawned.expect("an actor starts").0);
        }
        for (number, actor) in actors.iter().enumerate() {
            let next = actors[(number + 1) % processes].clone();
            actor.send_message(RactorMessage::Next(next)).expect("the actor is there");
        }
        actors
    });
    Box::new(move |token| {
        actors[0].send_message(RactorMessage::Token(token)).expect("the first is there");
        runtime.block_on(finished.recv()).expect("the token arrives");
    })
}
