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
