//! Peers that vanish, dawdle or are greedy; processes that panic; a host without descriptors.

use socket2::SockRef;

use super::*;
use crate::ExitReason;

/// Answers lines of text until the client is done.
async fn converse(_: Context<()>, mut stream: Stream) -> Result<(), PipeError> {
    while let Some(line) = stream.read_line(64).await? {
        stream.write(&line).await?;
        stream.write(b"\n").await?;
    }
    stream.hang_up().await
}

#[test]
fn a_client_may_vanish_at_every_byte() {
    let stage = Stage::new(ServiceConfig::default(), converse);
    let request = b"first line\nsecond line\nthe third";
    for (cut, reset) in (0..=request.len()).flat_map(|cut| [(cut, false), (cut, true)]) {
        let client = stage.client();
        if reset {
            SockRef::from(&client).set_linger(Some(std::time::Duration::ZERO)).unwrap();
        }
        say(&client, &request[..cut]);
    }
    let all = 2 * request.len() as u64 + 2;
    stage.until(|counts| counts.accepted + counts.lost == all && counts.active == 0);
    stage.end();
}

#[test]
fn a_reset_is_told_as_such() {
    let (sent, told) = std::sync::mpsc::channel();
    let stage = Stage::new(ServiceConfig::default(), move |_: Context<()>, mut stream: Stream| {
        let sent = sent.clone();
        async move {
            let _ = stream.fill().await;
            let end = stream.fill().await;
            let _ = sent.send((end, stream.write(&[0; 100]).await.and(stream.flush().await)));
        }
    });
    let client = stage.client();
    SockRef::from(&client).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    say(&client, b"x");
    stage.until(|counts| counts.active == 1);
    drop(client);
    let (read, written) = told.recv().unwrap();
    assert!(matches!(read, Err(PipeError::Reset)) || matches!(read, Ok(0)), "{read:?}");
    assert!(written.is_err_and(|error| error.is_disconnect()));
    stage.end();
}

#[test]
fn a_reader_that_does_not_read_holds_back_the_writer() {
    let stage = Stage::new(ServiceConfig::default(), async |_: Context<()>, mut stream: Stream| {
        loop {
            stream.write(&[1; 1_000]).await?;
            assert!(stream.allocated_bytes() <= 2 * STREAM_BYTES);
        }
        #[expect(unreachable_code, reason = "it says what a process returns")]
        Ok::<(), PipeError>(())
    });
    let client = stage.client();
    stage.until(|_| {
        let infos = stage.kernel.processes();
        infos.iter().filter(|info| info.state == crate::State::Waiting(crate::Wait::Socket)).count() == 2
    });
    let mut some = vec![0; 5_000_000];
    (&client).read_exact(&mut some).unwrap();
    assert!(some.iter().all(|byte| *byte == 1));
    drop(client);
    stage.until(|counts| counts.active == 0);
    stage.end();
}

#[test]
fn a_connection_that_panics_takes_nobody_along() {
    let stage = Stage::new(ServiceConfig::default(), async |_: Context<()>, mut stream: Stream| {
        let line = stream.read_line(9).await?.unwrap_or_default();
        assert_ne!(line, b"bug", "somebody said the word");
        stream.write(&line).await?;
        stream.hang_up().await
    });
    let (unlucky, lucky) = (stage.client(), stage.client());
    say(&unlucky, b"bug\n");
    assert_eq!(rest(&unlucky), b"");
    say(&lucky, b"fine\n");
    let mut answer = [0; 4];
    (&lucky).read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"fine");
    drop(lucky);
    assert!(stage.service.process().is_alive());
    stage.end();
}

#[test]
fn a_greedy_client_leaves_room_for_a_polite_one() {
    let stage = Stage::echo(ServiceConfig::default());
    let address = stage.address();
    let greedy = stage.kernel.spawn(async move |ctx: Context<()>| {
        let stream = ctx.connect(address).await.map_err(ExitReason::failed)?;
        let (mut reader, mut writer) = stream.split();
        let thread = ctx.thread(async move {
            while reader.fill().await.is_ok_and(|count| count > 0) {
                reader.consume(reader.buffered().concat().len());
            }
        });
        while writer.write(&[9; 4_000]).await.is_ok() {}
        drop(thread);
        Ok::<(), ExitReason>(())
    });
    stage.until(|counts| counts.active == 1);
    let polite = stage.client();
    let mut byte = [0];
    for number in 0..100 {
        say(&polite, &[number]);
        (&polite).read_exact(&mut byte).unwrap();
        assert_eq!(byte, [number]);
    }
    greedy.unwrap().kill();
    drop(polite);
    stage.end();
}

#[test]
fn there_are_no_sockets_in_virtual_time() {
    let kernel = crate::VirtualKernel::new(Config::default());
    let refused = kernel.listen(([127, 0, 0, 1], 0).into());
    assert!(matches!(refused, Err(OpenError::Host(crate::HostError::Virtual))));
}

/// An acceptor whose every attempt failed tried again at once, for ever: a worker's whole time.
#[test]
fn a_listener_that_only_fails_is_left_alone() {
    let kernel = Kernel::start(Config::with_workers(2)).unwrap();
    let host = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let listener = Listener::from_tcp(&kernel.reactor().unwrap(), host.try_clone().unwrap()).unwrap();
    let echo = async |_: Context<()>, mut stream: Stream| stream.echo().await.map(|_| ());
    let service = Service::start(&kernel, listener, ServiceConfig::default(), echo).unwrap();
    let stage = Stage { kernel, service };
    SockRef::from(&host).shutdown(std::net::Shutdown::Both).unwrap();
    stage.until(|counts| counts.lost >= 64);
    let before = stage.service.counts().lost;
    stage.pass(Duration::from_millis(50));
    let lost = stage.service.counts().lost - before;
    assert!(lost < 64, "{lost} attempts in 50 ms");
    stage.end();
}

/// A reactor without room for the listener is the same bad day.
#[test]
fn a_listener_that_cannot_wait_is_left_alone() {
    let kernel = Kernel::start(Config { sources_max: 1, ..Config::with_workers(2) }).unwrap();
    let (_far, near) = std::os::unix::net::UnixStream::pair().unwrap();
    let near = reactor::Socket::from_unix(&kernel.reactor().unwrap(), near).unwrap();
    let waits = near.poll_read_slice(&mut std::task::Context::from_waker(std::task::Waker::noop()), &mut [0]);
    assert!(waits.is_pending());
    let listener = kernel.listen(([127, 0, 0, 1], 0).into()).unwrap();
    let echo = async |_: Context<()>, mut stream: Stream| stream.echo().await.map(|_| ());
    let service = Service::start(&kernel, listener, ServiceConfig::default(), echo).unwrap();
    let stage = Stage { kernel, service };
    let slices = || stage.service.process().info().slices;
    stage.until(|_| slices() > 0);
    let before = slices();
    stage.pass(Duration::from_millis(50));
    assert!(slices() - before < 10, "it tries again and again");
    drop(near);
    let client = stage.client();
    say(&client, b"x");
    (&client).read_exact(&mut [0]).unwrap();
    drop(client);
    stage.end();
}

/// The answer of a service that had to wait for a process that did not go came just after its caller had given up.
#[test]
fn stopping_tells_how_it_went_though_a_process_does_not_go() {
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let stage = Stage::new(ServiceConfig::default(), move |_: Context<()>, mut stream: Stream| {
        let _ = wait.lock().unwrap().recv();
        async move { stream.fill().await.map(|_| ()) }
    });
    let _client = stage.client();
    stage.until(|counts| counts.active == 1);
    let drained = stage.kernel.block_on(stage.service.stop(Duration::ZERO)).unwrap();
    assert_eq!(drained, Drained { ended: 0, killed: 1 });
    drop(go);
    stage.until(|counts| counts.active == 0);
    assert_eq!(stage.kernel.shutdown(FOR_EVER).stuck, 0);
}

/// Whoever keeps a duplicate of the listening socket loses no connection while the acceptor is started again.
#[test]
fn an_acceptor_that_is_started_again_keeps_its_port() {
    let kernel = Kernel::start(Config::with_workers(2)).unwrap();
    let host = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = host.local_addr().unwrap();
    let acceptors = Arc::new(std::sync::Mutex::new(Vec::new()));
    let started = Arc::clone(&acceptors);
    let child = crate::Child::started_by("echo", move |kernel| {
        let listener = Listener::from_tcp(&*kernel.reactor()?, host.try_clone().map_err(OpenError::Listen)?);
        let echo = async |_: Context<()>, mut stream: Stream| stream.echo().await.map(|_| ());
        let listener = listener.map_err(OpenError::Listen)?;
        let service = Service::start(kernel, listener, ServiceConfig::default(), echo)?;
        started.lock().unwrap().push(service.process());
        Ok::<_, OpenError>(service.process())
    });
    let supervisor = crate::Supervisor::new(crate::Strategy::OneForOne).child(child).start(&kernel).unwrap();
    let mut clients = Vec::new();
    for round in 0..3 {
        let mut client = TcpStream::connect(address).unwrap();
        client.set_read_timeout(Some(FOR_EVER.into())).unwrap();
        client.write_all(b"x").unwrap();
        client.read_exact(&mut [0]).unwrap();
        clients.push(client);
        let acceptor = acceptors.lock().unwrap().last().cloned().unwrap();
        if round < 2 {
            acceptor.kill();
            kernel.block_on(kernel.within(FOR_EVER, acceptor.monitor())).unwrap();
        }
        for client in &mut clients {
            client.write_all(b"y").unwrap();
            client.read_exact(&mut [0]).unwrap();
        }
    }
    assert_eq!(acceptors.lock().unwrap().len(), 3);
    drop(clients);
    supervisor.process().stop();
    assert_eq!(kernel.shutdown(FOR_EVER).stuck, 0);
}
