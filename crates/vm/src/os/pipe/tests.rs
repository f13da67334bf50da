use std::collections::VecDeque;

use ironloom_core::{Rng, Seed};

use super::*;

#[test]
fn a_short_write_is_whole_or_not_at_all() {
    let mut pipe = Pipe::new();
    assert_eq!(pipe.write(&vec![1; Pipe::BYTES_MAX - 100]).unwrap().0, Pipe::BYTES_MAX - 100);
    assert_eq!(pipe.write(&[2; 101]), Err(Errno::Again));
    assert_eq!(pipe.write(&[2; 100]).unwrap().0, 100);
    assert_eq!(pipe.write(&[2; 5000]), Err(Errno::Again));
    let (taken, ready) = pipe.read(10).unwrap();
    assert!(taken.len() == 10 && ready.is_writable());
    assert_eq!(pipe.write(&[3; 5000]).unwrap().0, 10, "a long write takes what room there is");
}

#[test]
fn what_nobody_reads_is_refused() {
    let mut pipe = Pipe::new();
    assert!(pipe.write(b"lost").is_ok());
    assert!(pipe.close_reader().is_writable());
    assert_eq!(pipe.held(), 0);
    assert_eq!(pipe.write(b""), Err(Errno::BrokenPipe));
    assert!(pipe.ready().is_writable());
    let _ready = pipe.close_writer();
    assert!(pipe.is_closed());
}

#[test]
fn the_last_writer_ends_it() {
    let mut pipe = Pipe::new();
    pipe.add_writer();
    assert!(pipe.write(b"rest").is_ok());
    assert!(pipe.close_writer().is_none());
    assert_eq!(pipe.read_line(10), Err(Errno::Again));
    assert!(pipe.close_writer().is_readable());
    assert_eq!(pipe.read_line(10).unwrap().0, b"rest");
    assert!(pipe.is_at_end());
    assert_eq!(pipe.read_line(10).unwrap().0, b"");
}

#[test]
fn a_line_that_has_no_room_comes_in_pieces() {
    let mut pipe = Pipe::new();
    assert!(pipe.write(&vec![b'x'; Pipe::BYTES_MAX - 50]).is_ok());
    // A writer of 100 bytes waits here: a reader that waited for the whole line would wait for ever.
    assert_eq!(pipe.write(&[b'y'; 100]), Err(Errno::Again));
    assert_eq!(pipe.read_line(usize::MAX).unwrap().0.len(), Pipe::BYTES_MAX - 50);
    assert_eq!(pipe.read_line(usize::MAX), Err(Errno::Again));
}

#[test]
fn a_line_longer_than_asked_for_comes_in_pieces() {
    let mut pipe = Pipe::new();
    assert!(pipe.write(b"abcdef\ngh\n").is_ok());
    assert_eq!(pipe.read_line(4).unwrap().0, b"abcd");
    assert_eq!(pipe.read_line(2).unwrap().0, b"ef");
    assert_eq!(pipe.read_line(4).unwrap().0, b"\n");
    assert_eq!(pipe.read_line(4).unwrap().0, b"gh\n");
}

#[test]
fn an_empty_pipe_holds_no_memory() {
    let mut pipe = Pipe::new();
    assert!(pipe.write(&[0; 5000]).is_ok());
    assert!(pipe.read(5000).is_ok());
    assert_eq!(pipe.held.capacity(), 0);
    assert!(size_of::<Pipe>() <= 48);
}

/// Random reads and writes against a plain queue without limits on how it is looked at.
#[test]
fn agrees_with_a_queue() {
    for seed in 0..40 {
        let mut rng = Rng::new(Seed::new(seed));
        let (mut pipe, mut model) = (Pipe::new(), VecDeque::new());
        for step in 0..2000 {
            let case = format!("seed {seed}, step {step}");
            let max = rng.below(9000) as usize;
            match rng.below(4) {
                0 | 1 => {
                    let bytes: Vec<u8> = (0..max)
                        .map(|_| if rng.below(500) == 0 { b'\n' } else { rng.below(256) as u8 })
                        .collect();
                    check_write(&mut pipe, &mut model, &bytes, &case);
                }
                2 => {
                    let expected: Vec<u8> = model.iter().take(max).copied().collect();
                    match pipe.read(max) {
                        Err(error) => assert!(error == Errno::Again && model.is_empty(), "{case}"),
                        Ok((taken, _)) => assert_eq!(taken, expected, "{case}"),
                    }
                    model.drain(..expected.len());
                }
                _ => check_line(&mut pipe, &mut model, max, &case),
            }
            assert_eq!(pipe.held(), model.len(), "{case}");
        }
    }
}

fn check_write(pipe: &mut Pipe, model: &mut VecDeque<u8>, bytes: &[u8], case: &str) {
    let room = Pipe::BYTES_MAX - model.len();
    match pipe.write(bytes) {
        Ok((written, _)) => {
            assert_eq!(written, bytes.len().min(room), "{case}");
            assert!(written == bytes.len() || bytes.len() > Pipe::ATOMIC_BYTES, "{case}");
            model.extend(&bytes[..written]);
        }
        Err(error) => {
            assert_eq!(error, Errno::Again, "{case}");
            assert!(room < bytes.len().min(Pipe::ATOMIC_BYTES), "{case}");
        }
    }
}

fn check_line(pipe: &mut Pipe, model: &mut VecDeque<u8>, max: usize, case: &str) {
    let end = model.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
    let is_short = Pipe::BYTES_MAX - model.len() < Pipe::ATOMIC_BYTES || model.len() >= max;
    match pipe.read_line(max) {
        Err(error) => assert!(error == Errno::Again && end.is_none() && !is_short, "{case}"),
        Ok((taken, _)) => {
            assert!(end.is_some() || is_short, "{case}");
            let expected: Vec<u8> = model.drain(..end.unwrap_or(model.len()).min(max)).collect();
            assert_eq!(taken, expected, "{case}");
        }
    }
}
