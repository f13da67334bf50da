//! What goes over a connection comes back, however it is cut.

use std::net::Shutdown;

use proptest::prelude::*;

use super::*;

/// Sends pieces and reads their echo in pieces of other sizes.
fn check_echo(stream_bytes: usize, pieces: &[usize], reads: usize) {
    let stage = Stage::echo(ServiceConfig { stream_bytes, ..ServiceConfig::default() });
    let total: usize = pieces.iter().sum();
    let content: Vec<u8> = (0..total).map(|index| (index * 31 % 251) as u8).collect();
    let echoed = stage.run(async |stream: Stream| {
        let (mut reader, mut writer) = stream.split();
        let reading = async {
            let (mut echoed, mut target) = (Vec::new(), vec![0; reads]);
            loop {
                match reader.read(&mut target).await? {
                    0 => return Ok(echoed),
                    count => echoed.extend_from_slice(&target[..count]),
                }
            }
        };
        let writing = async {
            let mut rest = &content[..];
            for piece in pieces {
                let (now, later) = rest.split_at(*piece);
                writer.write(now).await?;
                writer.flush().await?;
                rest = later;
            }
            writer.close().await
        };
        let (echoed, written) = both(reading, writing).await;
        written.and(echoed)
    });
    assert!(echoed.unwrap() == content, "it came back changed");
    stage.end();
}

/// Both futures, each as it can.
async fn both<A, B>(first: impl Future<Output = A>, second: impl Future<Output = B>) -> (A, B) {
    let (mut first, mut second) = (std::pin::pin!(first), std::pin::pin!(second));
    let (mut left, mut right) = (None, None);
    std::future::poll_fn(|context| {
        if left.is_none()
            && let std::task::Poll::Ready(value) = first.as_mut().poll(context)
        {
            left = Some(value);
        }
        if right.is_none()
            && let std::task::Poll::Ready(value) = second.as_mut().poll(context)
        {
            right = Some(value);
        }
        if left.is_none() || right.is_none() { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    left.zip(right).expect("both are done")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn an_echo_is_what_was_said(
        stream_bytes in 1_usize..5_000,
        pieces in proptest::collection::vec(0_usize..20_000, 0..8),
        reads in 1_usize..9_000,
    ) {
        check_echo(stream_bytes, &pieces, reads);
    }
}

#[test]
fn a_unix_service_is_reached_through_one_of_tcp() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let kernel = Kernel::start(Config::with_workers(2)).unwrap();
    let listener = kernel.listen_unix(&path).unwrap();
    let shout = async |_: Context<()>, mut stream: Stream| {
        while let Some(line) = stream.read_line(64).await? {
            stream.write(&line.to_ascii_uppercase()).await?;
        }
        stream.close_write().await
    };
    let service = Service::start(&kernel, listener, ServiceConfig::default(), shout).unwrap();
    assert!(service.address().to_string().ends_with("/socket"));
    let door = Stage::new(ServiceConfig::default(), move |ctx: Context<()>, near: Stream| {
        let path = path.clone();
        async move {
            let far = ctx.connect_unix(&path).map_err(crate::ExitReason::failed)?;
            let ((mut from_near, mut to_near), (mut from_far, mut to_far)) = (near.split(), far.split());
            let there = ctx.thread(async move {
                crate::forward(&mut from_near, &mut to_far, u64::MAX).await?;
                to_far.close().await
            });
            let back = crate::forward(&mut from_far, &mut to_near, u64::MAX).await;
            drop(there);
            back.map(|_| ()).map_err(crate::ExitReason::failed)
        }
    });
    // Each kernel has a reactor of its own, and the connection between them is the host's.
    let client = door.client();
    say(&client, b"good\nday\n");
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&client), b"GOODDAY");
    door.until(|counts| counts.active == 0);
    door.end();
    let drained = kernel.block_on(service.stop(FOR_EVER)).unwrap();
    assert_eq!(drained.killed, 0);
}

#[test]
fn megabytes_go_through_small_buffers() {
    check_echo(1_024, &[3_000_000, 1, 2_000_000], 100_000);
}

#[test]
fn a_client_that_is_done_writing_still_hears_the_answer() {
    let stage = Stage::new(ServiceConfig::default(), async |_: Context<()>, mut stream: Stream| {
        let mut count = 0;
        while stream.fill().await? > 0 {
            let len = stream.buffered().concat().len();
            count += len;
            stream.consume(len);
        }
        stream.write(format!("{count} bytes").as_bytes()).await?;
        stream.hang_up().await
    });
    let client = stage.client();
    say(&client, &[0; 12_345]);
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&client), b"12345 bytes");
    stage.end();
}

#[test]
fn a_service_that_is_done_writing_still_hears_the_client() {
    let stage = Stage::new(ServiceConfig::default(), async |ctx: Context<()>, mut stream: Stream| {
        stream.write(b"go on").await?;
        stream.close_write().await?;
        let mut text = [0; 8];
        stream.read_exact(&mut text).await?;
        assert_eq!(&text, b"I do too");
        assert!(matches!(stream.write(b"x").await, Err(PipeError::Closed)));
        ctx.yield_now().await;
        Ok::<(), PipeError>(())
    });
    let client = stage.client();
    assert_eq!(rest(&client), b"go on");
    say(&client, b"I do too");
    stage.until(|counts| counts.accepted == 1 && counts.active == 0);
    stage.end();
}

#[test]
fn answers_to_requests_that_came_together_leave_together() {
    let stage = Stage::new(ServiceConfig::default(), async |_: Context<()>, mut stream: Stream| {
        while let Some(line) = stream.read_line(100).await? {
            stream.write(&line).await?;
            stream.write(b"\n").await?;
        }
        Ok::<(), PipeError>(())
    });
    let client = stage.client();
    let request = b"one\ntwo\nthree\nfour\n".repeat(4);
    let reactor = stage.kernel.reactor().unwrap();
    let mut answer = vec![0; request.len()];
    let mut writes = 0;
    for _ in 0..10 {
        let before = reactor.syscalls().writes;
        say(&client, &request);
        (&client).read_exact(&mut answer).unwrap();
        assert_eq!(answer, request);
        writes += reactor.syscalls().writes - before;
    }
    assert!(writes <= 20, "{writes} writes for 10 batches");
    drop(client);
    stage.end();
}
