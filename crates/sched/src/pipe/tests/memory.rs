//! Pipes between processes.

use ironloom_core::Duration;

use super::*;
use crate::{ExitReason, Reader, Stream, Writer, forward};

#[test]
fn what_is_written_arrives_in_order_and_then_the_end() {
    play(async |ctx: Context<()>| {
        let (mut writer, mut reader) = ctx.pipe(8).unwrap();
        let child = ctx.spawn(async move |_: Context<()>| {
            writer.write(b"more than eight bytes").await?;
            writer.hang_up().await
        });
        let mut text = [0; 21];
        reader.read_exact(&mut text).await?;
        assert_eq!(&text, b"more than eight bytes");
        assert_eq!(reader.read(&mut text).await?, 0);
        assert!(reader.is_ended());
        assert!(child.unwrap().monitor().await.is_clean());
        Ok(())
    });
}

#[test]
fn nothing_leaves_before_it_is_flushed_or_the_ring_is_full() {
    play(async |ctx: Context<()>| {
        let (mut writer, mut reader) = ctx.pipe(8).unwrap();
        writer.write(b"12345678").await?;
        assert_eq!(writer.gathered(), 8);
        assert!(ctx.within(Duration::from_secs(1), reader.fill()).await.is_err());
        writer.write(b"9").await?;
        assert_eq!(reader.fill().await?, 8);
        assert_eq!(reader.buffered()[0], b"12345678");
        reader.consume(8);
        assert!(ctx.within(Duration::from_secs(1), reader.fill()).await.is_err());
        writer.flush().await?;
        assert_eq!(reader.fill().await?, 1);
        Ok(())
    });
}

#[test]
fn lines_have_a_limit_and_are_not_lost_by_it() {
    play(async |ctx: Context<()>| {
        let (mut writer, mut reader) = ctx.pipe(64).unwrap();
        writer.write(b"one\r\n\ntwo\nthree").await?;
        writer.close().await?;
        assert!(matches!(reader.read_line(3).await, Err(PipeError::LineTooLong { limit: 3 })));
        assert_eq!(reader.read_line(4).await?.unwrap(), b"one");
        assert_eq!(reader.read_line(4).await?.unwrap(), b"");
        assert_eq!(reader.read_line(4).await?.unwrap(), b"two");
        assert!(matches!(reader.read_line(4).await, Err(PipeError::LineTooLong { limit: 4 })));
        assert_eq!(reader.read_line(5).await?.unwrap(), b"three");
        assert_eq!(reader.read_line(5).await?, None);
        Ok(())
    });
}

#[test]
fn a_line_that_does_not_fit_into_the_buffer_is_too_long() {
    play(async |ctx: Context<()>| {
        let (mut writer, mut reader) = ctx.pipe(4).unwrap();
        writer.write(b"1234").await?;
        writer.flush().await?;
        assert!(matches!(reader.read_line(100).await, Err(PipeError::LineTooLong { limit: 4 })));
        assert!(matches!(reader.fill().await, Err(PipeError::Full { capacity: 4 })));
        Ok(())
    });
}

#[test]
fn a_writer_without_a_reader_is_told() {
    play(async |ctx: Context<()>| {
        let (mut writer, reader) = ctx.pipe(8).unwrap();
        drop(reader);
        writer.write(b"12345678").await?;
        ctx.yield_now().await;
        assert!(matches!(writer.flush().await, Err(PipeError::Broken)));
        assert!(matches!(writer.write(b"1").await, Err(PipeError::Broken)));
        assert_eq!(writer.allocated_bytes(), 0);
        Ok(())
    });
}

#[test]
fn a_writer_that_waits_for_room_hears_of_the_readers_end() {
    play(async |ctx: Context<()>| {
        let (mut writer, reader) = ctx.pipe(8).unwrap();
        let child = ctx.spawn(async move |ctx: Context<()>| {
            ctx.sleep(Duration::from_secs(1)).await;
            drop(reader);
        });
        assert!(matches!(writer.write(&[0; 100]).await, Err(PipeError::Broken)));
        assert!(child.unwrap().monitor().await.is_clean());
        Ok(())
    });
}

#[test]
fn a_reader_hears_of_a_writer_that_was_killed() {
    play(async |ctx: Context<()>| {
        let (mut writer, mut reader) = ctx.pipe(8).unwrap();
        let child = ctx.spawn(async move |ctx: Context<()>| {
            writer.write(b"last").await?;
            ctx.sleep(Duration::from_secs(9)).await;
            Ok::<(), PipeError>(())
        });
        ctx.sleep(Duration::from_secs(1)).await;
        child.unwrap().kill();
        let mut word = [0; 5];
        assert!(matches!(reader.read_exact(&mut word).await, Err(PipeError::Ended { missing: 1 })));
        assert_eq!(&word[..4], b"last", "what can leave at once does");
        Ok(())
    });
}

#[test]
fn hanging_up_waits_until_the_reader_has_everything() {
    play(async |ctx: Context<()>| {
        let (mut writer, mut reader) = ctx.pipe(8).unwrap();
        let child = ctx.spawn(async move |ctx: Context<()>| {
            writer.write(b"news").await?;
            writer.hang_up().await?;
            assert_eq!(ctx.now().as_nanos(), 1_000_000_000);
            Ok::<(), PipeError>(())
        });
        ctx.sleep(Duration::from_secs(1)).await;
        assert_eq!(reader.fill().await?, 4);
        assert_eq!(child.unwrap().monitor().await, ExitReason::Normal);
        Ok(())
    });
}

#[test]
fn a_conversation_needs_no_flush() {
    play(async |ctx: Context<()>| {
        let ((there, here), (back, again)) = (ctx.pipe(64).unwrap(), ctx.pipe(64).unwrap());
        let (mut near, mut far) = (Stream::of_halves(again, there), Stream::of_halves(here, back));
        let child = ctx.spawn(async move |_: Context<()>| {
            while let Some(line) = far.read_line(60).await? {
                far.write(&line).await?;
                far.write(b"!\n").await?;
            }
            Ok::<(), PipeError>(())
        });
        for word in ["good", "morning"] {
            near.write(format!("{word}\n").as_bytes()).await?;
            assert_eq!(near.read_line(60).await?.unwrap(), format!("{word}!").into_bytes());
        }
        near.hang_up().await?;
        assert!(child.unwrap().monitor().await.is_clean());
        Ok(())
    });
}

#[test]
fn forwarding_stops_where_it_was_told_to() {
    play(async |ctx: Context<()>| {
        let ((mut input, mut from), (mut to, mut output)) = (ctx.pipe(16).unwrap(), ctx.pipe(16).unwrap());
        input.write(b"0123456789").await?;
        input.close().await?;
        assert_eq!(forward(&mut from, &mut to, 4).await?, 4);
        assert_eq!(output.fill().await?, 4);
        assert_eq!(forward(&mut from, &mut to, 100).await?, 6);
        to.close().await?;
        let mut rest = [0; 10];
        output.read_exact(&mut rest).await?;
        assert_eq!(&rest, b"0123456789");
        assert_eq!(output.fill().await?, 0);
        Ok(())
    });
}

#[test]
fn a_pipe_is_on_the_account_of_its_maker_until_both_halves_are_gone() {
    play(async |ctx: Context<()>| {
        let before = ctx.process().info().heap_bytes;
        let (writer, reader) = ctx.pipe(1_000).unwrap();
        assert_eq!(ctx.process().info().heap_bytes, before + 3_000);
        drop(writer);
        ctx.yield_now().await;
        assert_eq!(ctx.process().info().heap_bytes, before + 3_000);
        drop(reader);
        ctx.yield_now().await;
        assert_eq!(ctx.process().info().heap_bytes, before);
        assert!(ctx.pipe(1 << 30).is_err(), "more than a process may have");
        Ok(())
    });
}

#[test]
fn the_host_talks_to_a_process() {
    let kernel = kernel();
    let ((mut there, input), (output, mut back)) = (kernel.pipe(64), kernel.pipe(64));
    let mut stream = Stream::of_halves(input, output);
    let process = kernel.spawn(async move |_: Context<()>| stream.echo().await.map(|_| ())).unwrap();
    let (payload, mut copy) = (vec![7; 50], vec![0; 50]);
    kernel.block_on(async {
        for _ in 0..100 {
            there.write(&payload).await.unwrap();
            there.flush().await.unwrap();
            back.read_exact(&mut copy).await.unwrap();
            assert_eq!(copy, payload);
        }
        there.hang_up().await.unwrap();
        assert_eq!(back.fill().await.unwrap(), 0);
        assert!(process.monitor().await.is_clean());
    });
}

#[test]
fn a_deadline_is_an_error_like_the_others_and_loses_nothing() {
    play(async |ctx: Context<()>| {
        let (mut writer, mut reader) = ctx.pipe(64).unwrap();
        let second = Duration::from_secs(1);
        let mut line = async || Ok::<_, PipeError>(ctx.within(second, reader.read_line(64)).await??.unwrap());
        writer.write(b"half a").await?;
        writer.flush().await?;
        assert!(matches!(line().await, Err(PipeError::TimedOut(elapsed)) if elapsed.0 == second));
        writer.write(b" line\n").await?;
        writer.flush().await?;
        assert_eq!(line().await?, b"half a line");
        Ok(())
    });
}

/// What had come of a message was lost with the future that waited for the rest.
#[test]
fn who_gives_up_waiting_for_a_whole_message_finds_it_later() {
    play(async |ctx: Context<()>| {
        let (mut writer, mut reader) = ctx.pipe(64).unwrap();
        writer.write(b"half a").await?;
        writer.flush().await?;
        let mut message = [0; 12];
        let whole = ctx.within(Duration::from_secs(1), reader.read_exact(&mut message)).await;
        assert!(whole.is_err(), "it is not there yet");
        writer.write(b" cake!").await?;
        writer.flush().await?;
        reader.read_exact(&mut message).await?;
        assert_eq!(&message, b"half a cake!");
        Ok(())
    });
}

/// Two who always have something to do for each other.
async fn bounce(mut writer: Writer, mut reader: Reader) -> Result<(), PipeError> {
    loop {
        writer.write(&[1; 32]).await?;
        writer.flush().await?;
        if reader.fill().await? == 0 {
            return Ok(());
        }
        reader.consume(reader.buffered()[0].len());
    }
}

#[test]
fn who_always_has_bytes_leaves_turns_to_others() {
    let kernel = Kernel::start(Config::with_workers(1)).unwrap();
    let (writer, reader) = kernel.pipe(64);
    kernel.spawn(async move |_: Context<()>| bounce(writer, reader).await).unwrap();
    let patient = kernel.spawn(async |ctx: Context<()>| ctx.yield_now().await).unwrap();
    assert!(kernel.block_on(patient.monitor()).is_clean());
}
