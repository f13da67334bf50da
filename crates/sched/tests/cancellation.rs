//! Every operation that can be awaited is dropped after every number of polls; the kernel goes on as if nothing was.

mod common;

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
};

use common::{Census, Token};
use ironloom_core::Duration;
use ironloom_sched::{Address, Config, Context, Limits, Options, Reply, VirtualKernel};

/// The most polls that are tried; every operation ends before.
const POLLS: usize = 12;

enum Message {
    Note(u64, #[expect(dead_code, reason = "it is only counted")] Token),
    Ask(Reply<Token>),
}

type Operation = Pin<Box<dyn Future<Output = Option<u64>> + Send>>;

/// What an operation may use: the process that does it, and one that takes a message each two milliseconds and answers.
#[derive(Clone)]
struct Scene {
    ctx: Context<Message>,
    server: Address<Message>,
    census: Census,
}

/// An operation by name; it returns the number of the message that it took out of the mailbox, if it took one.
type Make = (&'static str, fn(Scene) -> Operation);

const OPERATIONS: [Make; 14] = [
    ("send", |scene| {
        Box::pin(async move {
            let _ = scene.server.send(Message::Note(99, scene.census.token())).await;
            None
        })
    }),
    ("receive", |scene| {
        Box::pin(async move {
            let Message::Note(number, _) = scene.ctx.receive().await else { return None };
            Some(number)
        })
    }),
    ("receive_where", |scene| {
        Box::pin(async move {
            let wanted = |message: &Message| matches!(message, Message::Note(2, _));
            let Message::Note(number, _) = scene.ctx.receive_where(wanted).await else { return None };
            Some(number)
        })
    }),
    ("call", |scene| {
        Box::pin(async move {
            drop(scene.server.call(Duration::from_millis(30), Message::Ask).await);
            None
        })
    }),
    ("call in vain", |scene| {
        Box::pin(async move {
            drop(scene.server.call(Duration::from_micros(10), Message::Ask).await);
            None
        })
    }),
    ("sleep", |scene| {
        Box::pin(async move {
            scene.ctx.sleep(Duration::from_millis(1)).await;
            None
        })
    }),
    ("within", |scene| {
        Box::pin(async move {
            let _ = scene.ctx.within(Duration::from_millis(1), std::future::pending::<()>()).await;
            None
        })
    }),
    ("tick", |scene| {
        Box::pin(async move {
            let mut interval = scene.ctx.interval(Duration::from_millis(1));
            interval.tick().await;
            interval.tick().await;
            None
        })
    }),
    ("monitor", |scene| {
        Box::pin(async move {
            let child = scene.ctx.spawn(async |ctx: Context<()>| ctx.sleep(Duration::from_millis(1)).await);
            let _ = child.unwrap().monitor().await;
            None
        })
    }),
    ("exits", |scene| {
        Box::pin(async move {
            let options = Options { linked: true, ..Options::default() };
            let main = async |ctx: Context<()>| ctx.sleep(Duration::from_millis(1)).await;
            let _ = scene.ctx.spawn_with(options, main).unwrap();
            scene.ctx.exits().await;
            None
        })
    }),
    ("stopping", |scene| {
        Box::pin(async move {
            scene.ctx.process().stop();
            scene.ctx.stopping().await;
            None
        })
    }),
    ("thread", |scene| {
        Box::pin(async move {
            let (clone, token) = (scene.ctx.clone(), scene.census.token());
            let thread = scene.ctx.thread(async move {
                clone.sleep(Duration::from_millis(1)).await;
                token
            });
            drop(thread.unwrap().await.unwrap());
            None
        })
    }),
    ("register", |scene| {
        Box::pin(async move {
            let _ = scene.ctx.kernel().register("name", &scene.ctx.process()).await;
            scene.ctx.kernel().unregister("name");
            None
        })
    }),
    ("yield_now", |scene| {
        Box::pin(async move {
            scene.ctx.yield_now().await;
            scene.ctx.work(300).await;
            None
        })
    }),
];

/// Polls an operation so many times at most, and then drops it. Returns what it took, and whether it was done.
async fn cancelled_after(
    polls: usize,
    mut operation: Operation,
    ctx: &Context<Message>,
) -> (Option<u64>, bool) {
    let mut polled = 0;
    // Something else ends the wait for an operation that is never woken again.
    let patience = ctx.within(
        Duration::from_millis(100),
        poll_fn(|context| {
            if polled == polls {
                return Poll::Ready((None, false));
            }
            polled += 1;
            match operation.as_mut().poll(context) {
                Poll::Ready(taken) => Poll::Ready((taken, true)),
                Poll::Pending if polled == polls => Poll::Ready((None, false)),
                Poll::Pending => Poll::Pending,
            }
        }),
    );
    let ended = patience.await.expect("an operation was never woken");
    drop(operation);
    ended
}

/// Takes a message each two milliseconds, and answers.
async fn serve(ctx: Context<Message>, census: Census, taken: Arc<AtomicUsize>) {
    while let Ok(message) = ctx.within(Duration::from_millis(500), ctx.receive()).await {
        taken.fetch_add(1, Ordering::Relaxed);
        if let Message::Ask(reply) = message {
            reply.send(census.token());
        }
        ctx.sleep(Duration::from_millis(2)).await;
    }
}

/// Does an operation beside a patient sender for the same room, and returns whether it was done.
fn check(name: &str, make: fn(Scene) -> Operation, polls: usize) -> bool {
    let kernel = VirtualKernel::new(Config::with_workers(1));
    let (census, taken) = (Census::default(), Arc::new(AtomicUsize::new(0)));
    let limits = Limits { mailbox_messages_max: 1, ..Limits::default() };
    let options = Options { limits: Some(limits), ..Options::named("server") };
    let (served, count) = (census.clone(), Arc::clone(&taken));
    let server = kernel.spawn_with(options, move |ctx| serve(ctx, served, count)).unwrap();
    server.try_send(Message::Note(0, census.token())).unwrap();
    let result = Arc::new(std::sync::Mutex::new(None));
    let (told, to, counted) = (Arc::clone(&result), server.clone(), census.clone());
    let subject = kernel.spawn_with(Options::named("subject"), async move |ctx: Context<Message>| {
        ctx.trap_exits();
        // The mailbox keeps the room that it needed once.
        while ctx.try_receive().is_some() {}
        let before = ctx.process().info();
        let scene = Scene { ctx: ctx.clone(), server: to, census: counted };
        let ended = cancelled_after(polls, make(scene), &ctx).await;
        // A child or a thread of the operation's may live on for a moment.
        ctx.sleep(Duration::from_millis(5)).await;
        let after = ctx.process().info();
        assert_eq!((after.heap_bytes, after.threads), (before.heap_bytes, before.threads));
        let mut left = Vec::new();
        while left.len() < 3 - usize::from(ended.0.is_some()) {
            let Message::Note(number, _) = ctx.receive().await else { panic!("nobody asked") };
            left.push(number);
        }
        *told.lock().unwrap() = Some((ended, left));
    });
    let subject = subject.unwrap();
    let (to, counted) = (server.clone(), census.clone());
    let patient = kernel.spawn_with(Options::named("patient"), async move |ctx: Context<()>| {
        ctx.yield_now().await;
        for _ in 0..3 {
            to.send(Message::Note(7, counted.token())).await.map_err(|error| error.to_string())?;
        }
        Ok::<_, String>(())
    });
    let mut monitors = [subject.monitor(), patient.unwrap().monitor()];
    (0..3).for_each(|_| subject.try_send(Message::Note(0, census.token())).unwrap());
    kernel.step();
    // These come while the operation waits for them.
    for number in 1..=3 {
        subject.try_send(Message::Note(number, census.token())).unwrap();
        kernel.run_for(Duration::from_millis(1), Duration::from_micros(250));
    }
    kernel.run_until_idle();
    for monitor in &mut monitors {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match Pin::new(&mut *monitor).poll(&mut context) {
            Poll::Ready(reason) if reason.is_clean() => {}
            other => panic!("{name} after {polls}: {other:?} of {:#?}", kernel.processes()),
        }
    }
    let ((number, done), mut left) = result.lock().unwrap().take().expect("it was told");
    left.extend(number);
    left.sort_unstable();
    assert_eq!(left, [1, 2, 3], "{name} after {polls}: a message was lost");
    assert!(taken.load(Ordering::Relaxed) >= 4, "{name} after {polls}: the patient sender was not served");
    assert_eq!((kernel.len(), kernel.info().timers), (0, 0), "{name} after {polls}");
    assert!(kernel.lookup("name").is_none());
    drop((server, subject, kernel));
    assert_eq!(census.living(), 0, "{name} after {polls}: something was never dropped");
    done
}

#[test]
fn every_wait_may_be_abandoned() {
    for (name, make) in OPERATIONS {
        let done = (0..POLLS).filter(|polls| check(name, make, *polls)).count();
        assert!((1..POLLS).contains(&done), "{name} was done {done} times of {POLLS}");
    }
}
