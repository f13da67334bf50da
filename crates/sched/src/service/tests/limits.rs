//! Limits of connections, of silence, and of the time to end.

use std::os::unix::net::UnixStream;

use ironloom_core::Instant;

use super::*;
use crate::service::roll::Place;

/// A connection on a roll, by a clock of the test's own.
struct Guest {
    peer: UnixStream,
    stream: Stream,
    _place: Place,
}

impl Guest {
    fn enter(kernel: &Kernel, roll: &Arc<Roll>, now: Instant) -> Self {
        let (peer, near) = UnixStream::pair().unwrap();
        let socket = reactor::Socket::from_unix(&kernel.reactor().unwrap(), near).unwrap();
        let stream = Stream::new(socket, 100).unwrap();
        let process = kernel.spawn(async |_: Context<()>| std::future::pending::<()>().await).unwrap();
        let place = roll.enter(process.process(), Arc::downgrade(stream.line().unwrap()), now);
        Self { peer, stream, _place: place }
    }
}

#[test]
fn silence_is_counted_from_the_last_byte() {
    let seconds = Duration::from_secs;
    let at = |second| Instant::ZERO.saturating_add(seconds(second));
    let config = ServiceConfig {
        first_byte_within: Some(seconds(2)),
        idle_after: Some(seconds(5)),
        ..ServiceConfig::default()
    };
    let kernel = Kernel::start(Config::with_workers(1)).unwrap();
    let roll = Arc::new(Roll::default());
    let overdue = |second| -> Vec<TimedOut> {
        roll.overdue(&config, at(second)).into_iter().map(|(_, reason)| reason).collect()
    };
    let silent = Guest::enter(&kernel, &roll, at(0));
    let mut talking = Guest::enter(&kernel, &roll, at(0));
    talking.peer.write_all(b"x").unwrap();
    kernel.block_on(talking.stream.fill()).unwrap();
    assert_eq!(overdue(1), []);
    assert_eq!(overdue(2), [TimedOut::Silent(seconds(2))]);
    assert_eq!(overdue(3), [], "each is told of once, also if it takes its time to go");
    assert_eq!(overdue(5), []);
    kernel.block_on(async { talking.stream.write(b"y").await.and(talking.stream.flush().await) }).unwrap();
    assert_eq!(overdue(6), [], "what we say counts as well");
    assert_eq!(overdue(10), []);
    assert_eq!(overdue(11), [TimedOut::Idle(seconds(5))]);
    drop((silent, talking));
    assert_eq!(overdue(100), []);
    assert_eq!(roll.len(), 0);
    let _ = kernel.shutdown(Duration::ZERO);
}

#[test]
fn who_says_nothing_is_sent_away() {
    let first_byte_within = Some(Duration::from_millis(20));
    let stage =
        Stage::echo(ServiceConfig { first_byte_within, idle_after: None, ..ServiceConfig::default() });
    assert_eq!(rest(&stage.client()), b"");
    let counts = stage.until(|counts| counts.active == 0);
    assert_eq!((counts.silent, counts.idle), (1, 0));
    stage.end();
}

#[test]
fn who_goes_quiet_is_sent_away() {
    let idle_after = Some(Duration::from_millis(20));
    let stage =
        Stage::echo(ServiceConfig { first_byte_within: None, idle_after, ..ServiceConfig::default() });
    let quiet = stage.client();
    say(&quiet, b"x");
    assert!(rest(&quiet).len() <= 1, "the echo, if the machine was fast enough");
    let counts = stage.until(|counts| counts.active == 0);
    assert_eq!((counts.silent, counts.idle), (0, 1));
    stage.end();
}

#[test]
fn more_connections_than_may_be_are_turned_away() {
    let stage = Stage::echo(ServiceConfig { connections_max: 8, ..ServiceConfig::default() });
    let clients: Vec<_> = (0..8).map(|_| stage.client()).collect();
    stage.until(|counts| counts.active == 8);
    let storm: Vec<_> = (0..200).map(|_| stage.client()).collect();
    for client in &storm {
        assert_eq!(rest(client), b"");
    }
    let mut byte = [0];
    for client in &clients {
        say(client, b"x");
        (&*client).read_exact(&mut byte).unwrap();
    }
    drop(clients);
    stage.until(|counts| counts.active == 0);
    assert_eq!(
        stage
            .run(async |mut stream| {
                stream.write(b"room again").await?;
                let mut answer = [0; 10];
                stream.read_exact(&mut answer).await?;
                Ok(answer)
            })
            .unwrap(),
        *b"room again"
    );
    let (_, counts) = stage.end();
    assert_eq!((counts.accepted, counts.refused), (9, 200));
}

#[test]
fn a_stopping_service_lets_who_can_end_and_ends_who_does_not() {
    let stage = Stage::new(ServiceConfig::default(), async |ctx: Context<()>, mut stream: Stream| {
        if stream.read_line(9).await? == Some(b"polite".to_vec()) {
            ctx.stopping().await;
            stream.write(b"bye").await?;
            stream.flush().await?;
        } else {
            std::future::pending::<()>().await;
        }
        Ok::<(), PipeError>(())
    });
    let clients: Vec<_> = (0..10).map(|_| stage.client()).collect();
    for (index, client) in clients.iter().enumerate() {
        say(client, if index < 6 { b"polite\n" } else { b"stubborn\n" });
    }
    stage.until(|counts| counts.active == 10);
    let drained = stage.kernel.block_on(stage.service.stop(Duration::from_millis(100))).unwrap();
    assert_eq!(drained, Drained { ended: 6, killed: 4 });
    for (index, client) in clients.iter().enumerate() {
        assert_eq!(rest(client), if index < 6 { &b"bye"[..] } else { b"" });
    }
    assert!(TcpStream::connect(stage.address()).is_err(), "nobody listens any more");
    assert!(stage.kernel.block_on(stage.service.stop(Duration::ZERO)).is_err(), "it has ended");
    assert_eq!(stage.kernel.reactor().unwrap().sources(), 0);
}

#[test]
fn a_service_is_drained_under_load() {
    let stage = Stage::echo(ServiceConfig::default());
    let address = stage.address();
    let kernel = &stage.kernel;
    let clients: Vec<_> = (0..50)
        .map(|_| {
            let main = async move |ctx: Context<()>| {
                let mut stream = ctx.connect(address).await.map_err(|error| error.to_string())?;
                let mut answer = [0; 100];
                loop {
                    stream.write(&[7; 100]).await.map_err(|error| error.to_string())?;
                    stream.read_exact(&mut answer).await.map_err(|error| error.to_string())?;
                }
                #[expect(unreachable_code, reason = "it says what a process returns")]
                Ok::<(), String>(())
            };
            kernel.spawn(main).unwrap()
        })
        .collect();
    stage.until(|counts| counts.active == 50);
    let drained = kernel.block_on(stage.service.stop(Duration::from_millis(20))).unwrap();
    assert_eq!(drained.killed, 50, "an echo ends only with its client");
    for client in clients {
        kernel.block_on(kernel.within(FOR_EVER, client.monitor())).expect("its connection is gone");
    }
    assert_eq!(kernel.reactor().unwrap().sources(), 0);
    let shutdown = stage.kernel.shutdown(FOR_EVER);
    assert_eq!((shutdown.killed, shutdown.stuck), (0, 0));
}

#[test]
fn a_kernel_that_shuts_down_takes_its_services_along() {
    let stage =
        Stage::echo(ServiceConfig { drain_within: Duration::from_millis(20), ..ServiceConfig::default() });
    let client = stage.client();
    stage.until(|counts| counts.active == 1);
    let shutdown = stage.kernel.shutdown(FOR_EVER);
    assert_eq!((shutdown.killed, shutdown.stuck), (0, 0));
    assert_eq!(rest(&client), b"");
    assert_eq!(stage.service.counts().active, 0);
}

/// Processes that stand ready take the connections, others take their place, and all end with the service.
#[test]
fn processes_stand_ready_for_connections() {
    let stage = Stage::echo(ServiceConfig { ready: 4, ..ServiceConfig::default() });
    stage.until(|_| stage.kernel.len() == 5); // with the acceptor
    let acceptor = stage.service.process().id();
    let ready: Vec<_> =
        stage.kernel.processes().iter().map(|process| process.id).filter(|id| *id != acceptor).collect();
    stage.kernel.find(ready[3]).unwrap().kill(); // the one that would be next
    stage.until(|_| stage.kernel.len() == 4);
    let clients: Vec<_> = (0..6).map(|_| stage.client()).collect();
    let mut byte = [0];
    for client in &clients {
        say(client, b"x");
        (&*client).read_exact(&mut byte).unwrap();
    }
    assert!(ready[..3].iter().all(|id| stage.kernel.find(*id).is_some()), "they serve the first three");
    assert_eq!(stage.service.counts().active, 6);
    stage.until(|_| stage.kernel.len() == 1 + 6 + 4);
    drop(clients);
    let (_, counts) = stage.end();
    assert_eq!((counts.accepted, counts.refused), (6, 0));
}
