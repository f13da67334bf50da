//! [`Input`]: what can be read, a [`Reader`](super::Reader) or a [`Stream`](super::Stream), and how.

use std::{
    future::poll_fn,
    task::{Context, Poll, ready},
};

use super::PipeError;
use crate::{ByteRing, current};

/// Bytes that moved for one unit of the budget.
const BYTES_PER_UNIT: usize = 4_096;

/// A buffer that can be filled.
pub(super) trait Input {
    /// Adds to the buffer; how much, and zero at the end of the stream.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<Result<usize, PipeError>>;

    fn buffer(&mut self) -> &mut ByteRing;
}

pub(super) fn poll_read(
    input: &mut impl Input,
    context: &mut Context<'_>,
    target: &mut [u8],
) -> Poll<Result<usize, PipeError>> {
    if target.is_empty() {
        return Poll::Ready(Ok(0));
    }
    if input.buffer().is_empty() {
        ready!(input.poll_fill(context))?;
    } else if current::coop(context).is_pending() {
        return Poll::Pending;
    }
    Poll::Ready(Ok(input.buffer().read(target)))
}

pub(super) async fn read_exact(input: &mut impl Input, target: &mut [u8]) -> Result<(), PipeError> {
    if target.len() <= input.buffer().capacity() {
        return poll_fn(|context| poll_whole(input, context, target)).await;
    }
    let mut filled = 0;
    while filled < target.len() {
        match poll_fn(|context| poll_read(input, context, &mut target[filled..])).await? {
            0 => return Err(PipeError::Ended { missing: target.len() - filled }),
            count => filled += count,
        }
    }
    Ok(())
}

/// Takes nothing out of the buffer before everything is there: who gives up waiting loses no byte.
fn poll_whole(
    input: &mut impl Input,
    context: &mut Context<'_>,
    target: &mut [u8],
) -> Poll<Result<(), PipeError>> {
    while input.buffer().len() < target.len() {
        if ready!(input.poll_fill(context))? == 0 {
            let missing = target.len() - input.buffer().read(target);
            return Poll::Ready(Err(PipeError::Ended { missing }));
        }
    }
    ready!(current::coop(context));
    input.buffer().read(target);
    Poll::Ready(Ok(()))
}

pub(super) async fn read_line(input: &mut impl Input, max: usize) -> Result<Option<Vec<u8>>, PipeError> {
    let limit = max.min(input.buffer().capacity());
    let mut seen = 0;
    poll_fn(|context| {
        loop {
            if current::coop(context).is_pending() {
                return Poll::Pending;
            }
            let buffer = input.buffer();
            match buffer.find(b'\n', seen) {
                Some(end) if end > limit => return Poll::Ready(Err(PipeError::LineTooLong { limit })),
                Some(end) => return Poll::Ready(Ok(Some(take_line(buffer, end, 1)))),
                None if buffer.len() > limit || buffer.free() == 0 => {
                    return Poll::Ready(Err(PipeError::LineTooLong { limit }));
                }
                None => seen = buffer.len(),
            }
            if ready!(input.poll_fill(context))? == 0 {
                let buffer = input.buffer();
                let rest = buffer.len();
                return Poll::Ready(Ok((rest > 0).then(|| take_line(buffer, rest, 0))));
            }
        }
    })
    .await
}

/// Takes a line out, without what ended it.
fn take_line(buffer: &mut ByteRing, len: usize, ending: usize) -> Vec<u8> {
    let mut line = vec![0; len];
    buffer.read(&mut line);
    buffer.consume(ending);
    if ending > 0 && line.last() == Some(&b'\r') {
        line.pop();
    }
    line
}

/// Accounts for bytes that moved, beside the unit that every operation costs.
pub(super) fn spend(bytes: usize) {
    if bytes >= BYTES_PER_UNIT {
        current::spend((bytes / BYTES_PER_UNIT) as u64);
    }
}
