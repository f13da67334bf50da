//! The ring against a `VecDeque`, and what it does with its memory.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

/// A source that gives at most so many bytes, and a target that takes at most so many.
struct Throttled<'a> {
    data: &'a [u8],
    taken: Vec<u8>,
    max: usize,
}

impl Read for Throttled<'_> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        self.read_vectored(&mut [IoSliceMut::new(target)])
    }

    fn read_vectored(&mut self, targets: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let mut left = self.max;
        for target in targets {
            let count = target.len().min(left).min(self.data.len());
            target[..count].copy_from_slice(&self.data[..count]);
            self.data = &self.data[count..];
            left -= count;
        }
        Ok(self.max - left)
    }
}

impl Write for Throttled<'_> {
    fn write(&mut self, source: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(source)])
    }

    fn write_vectored(&mut self, sources: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut left = self.max;
        for source in sources {
            let count = source.len().min(left);
            self.taken.extend_from_slice(&source[..count]);
            left -= count;
        }
        Ok(self.max - left)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A source and a target that fail.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug, Clone)]
enum Step {
    Write(usize),
    Read(usize),
    Consume(usize),
    Fill { max: usize, given: usize },
    Drain { max: usize, taken: usize },
    MoveOut(usize),
    MoveIn(usize),
    Shrink,
    Whole,
}

fn step(size: usize) -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..size).prop_map(Step::Write),
        (0..size).prop_map(Step::Read),
        (0..size).prop_map(Step::Consume),
        (0..size, 0..size).prop_map(|(max, given)| Step::Fill { max, given }),
        (0..size, 0..size).prop_map(|(max, taken)| Step::Drain { max, taken }),
        (0..size).prop_map(Step::MoveOut),
        (0..size).prop_map(Step::MoveIn),
        Just(Step::Shrink),
        Just(Step::Whole),
    ]
}

/// A ring beside the queue that says what must be in it.
struct Checked {
    ring: ByteRing,
    model: VecDeque<u8>,
    other: ByteRing,
    other_model: VecDeque<u8>,
    next: u8,
}

impl Checked {
    fn new(capacity: usize, other: usize) -> Self {
        Self {
            ring: ByteRing::new(capacity),
            model: VecDeque::new(),
            other: ByteRing::new(other),
            other_model: VecDeque::new(),
            next: 0,
        }
    }

    /// Bytes that differ from their neighbours.
    fn fresh(&mut self, count: usize) -> Vec<u8> {
        let first = self.next;
        self.next = first.wrapping_add(count as u8);
        (0..count).map(|at| first.wrapping_add(at as u8)).collect()
    }

    fn apply(&mut self, step: &Step) {
        match *step {
            Step::Write(count) => {
                let data = self.fresh(count);
                let expected = count.min(self.ring.free());
                assert_eq!(self.ring.write(&data), expected);
                self.model.extend(&data[..expected]);
            }
            Step::Read(count) => {
                let mut target = vec![0; count];
                let taken = self.ring.read(&mut target);
                assert_eq!(taken, count.min(self.model.len()));
                assert!(self.model.drain(..taken).eq(target[..taken].iter().copied()));
            }
            Step::Consume(count) => {
                let count = count.min(self.model.len());
                self.ring.consume(count);
                self.model.drain(..count);
            }
            Step::Fill { max, given } => self.fill(max, given),
            Step::Drain { max, taken } => self.drain(max, taken),
            Step::MoveOut(max) => {
                let expected = max.min(self.model.len()).min(self.other.free());
                assert_eq!(self.ring.move_to(&mut self.other, max), expected);
                self.other_model.extend(self.model.drain(..expected));
            }
            Step::MoveIn(max) => {
                let expected = max.min(self.other_model.len()).min(self.ring.free());
                assert_eq!(self.other.move_to(&mut self.ring, max), expected);
                self.model.extend(self.other_model.drain(..expected));
            }
            Step::Shrink => self.ring.shrink(),
            Step::Whole => assert!(self.ring.whole().iter().eq(&self.model)),
        }
        check(&self.ring, &self.model);
        check(&self.other, &self.other_model);
    }

    fn fill(&mut self, max: usize, given: usize) {
        let data = self.fresh(given);
        let room = max.min(self.ring.free());
        let mut source = Throttled { data: &data, taken: Vec::new(), max: given };
        let moved = self.ring.fill_from(&mut source, max).unwrap();
        assert!(moved.bytes <= room.min(given));
        assert_eq!(moved.bytes == 0, room == 0 || given == 0);
        if moved.short {
            assert_eq!(moved.bytes, given, "it is short only where the source had no more");
        }
        self.model.extend(&data[..moved.bytes]);
    }

    fn drain(&mut self, max: usize, taken: usize) {
        let asked = max.min(self.model.len());
        let mut target = Throttled { data: &[], taken: Vec::new(), max: taken };
        let moved = self.ring.drain_to(&mut target, max).unwrap();
        assert_eq!(moved, Moved { bytes: asked.min(taken), short: taken < asked });
        assert!(self.model.drain(..moved.bytes).eq(target.taken.iter().copied()));
    }
}

fn check(ring: &ByteRing, model: &VecDeque<u8>) {
    assert_eq!((ring.len(), ring.is_empty()), (model.len(), model.is_empty()));
    assert!(ring.readable().concat().iter().eq(model));
    assert!(ring.len() <= ring.allocated_bytes() && ring.allocated_bytes() <= ring.capacity());
    assert_eq!(ring.is_empty(), ring.allocated_bytes() == 0);
    for from in [0, 1, model.len() / 2, model.len(), model.len() + 1] {
        for byte in [0, 7, 255] {
            let expected = model.iter().skip(from).position(|held| *held == byte).map(|at| from + at);
            assert_eq!(ring.find(byte, from), expected);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn it_is_a_queue(
        capacity in prop_oneof![1..20_usize, 1_000..5_000_usize],
        other in prop_oneof![1..20_usize, 1_000..5_000_usize],
        steps in prop::collection::vec(prop_oneof![step(20), step(3_000)], 1..120),
    ) {
        let mut checked = Checked::new(capacity, other);
        for step in &steps {
            checked.apply(step);
        }
    }
}

#[test]
fn memory_comes_with_the_first_byte_and_goes_with_the_last() {
    let mut ring = ByteRing::new(64 * 1024);
    assert_eq!(ring.allocated_bytes(), 0);
    ring.write(b"a");
    assert_eq!(ring.allocated_bytes(), START_BYTES);
    ring.write(&[0; START_BYTES]);
    assert_eq!(ring.allocated_bytes(), 2 * START_BYTES);
    assert_eq!(ring.write(&[0; 1 << 20]), ring.capacity() - START_BYTES - 1);
    assert_eq!(ring.allocated_bytes(), ring.capacity());
    ring.clear();
    assert_eq!(ring.allocated_bytes(), 0);
}

#[test]
fn a_busy_stream_is_read_in_larger_and_larger_pieces() {
    let data = vec![1; 1 << 20];
    let mut source = Throttled { data: &data, taken: Vec::new(), max: 0 };
    let mut ring = ByteRing::new(16 * 1024);
    let mut sizes = Vec::new();
    for _ in 0..6 {
        let moved = ring.fill_from(&mut Exact(&mut source), usize::MAX).unwrap();
        assert!(!moved.short);
        sizes.push(moved.bytes);
        ring.clear();
    }
    assert_eq!(sizes, [1024, 2048, 4096, 8192, 16_384, 16_384]);
    for _ in 0..6 {
        let _ = ring.fill_from(&mut &b"x"[..], usize::MAX).unwrap();
        ring.clear();
    }
    ring.write(b"x");
    assert_eq!(ring.allocated_bytes(), START_BYTES, "a quiet stream is small again");
}

/// Fills whatever it is given.
struct Exact<'a, 'b>(&'a mut Throttled<'b>);

impl Read for Exact<'_, '_> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        self.0.max = target.len();
        self.0.read(target)
    }
}

#[test]
fn a_failed_call_leaves_no_trace() {
    let mut ring = ByteRing::new(4_096);
    assert!(ring.fill_from(&mut Broken, 100).is_err());
    assert_eq!(ring.allocated_bytes(), 0);
    ring.write(b"abc");
    assert!(ring.fill_from(&mut Broken, 100).is_err());
    assert!(ring.drain_to(&mut Broken, 100).is_err());
    assert_eq!(ring.readable(), [&b"abc"[..], b""]);
}

#[test]
fn the_end_of_a_stream_is_told_from_a_full_ring() {
    let mut ring = ByteRing::new(2);
    assert!(ring.fill_from(&mut io::empty(), 9).unwrap().is_end());
    ring.write(b"ab");
    assert!(!ring.fill_from(&mut io::empty(), 9).unwrap().is_end());
    assert!(!ByteRing::new(2).fill_from(&mut io::empty(), 0).unwrap().is_end());
}

#[test]
fn a_whole_ring_changes_hands_without_a_copy() {
    let (mut source, mut target) = (ByteRing::new(4_096), ByteRing::new(4_096));
    source.write(b"abc");
    let held = source.readable()[0].as_ptr();
    assert_eq!(source.move_to(&mut target, usize::MAX), 3);
    assert_eq!(target.readable()[0].as_ptr(), held);
    assert_eq!((source.allocated_bytes(), target.len()), (0, 3));
}

#[test]
#[should_panic(expected = "2 bytes consumed where there are 1")]
fn nobody_consumes_what_is_not_there() {
    let mut ring = ByteRing::new(8);
    ring.write(b"a");
    ring.consume(2);
}
