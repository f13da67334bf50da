//! [`forward`]: from a reader to a writer, without a buffer between them.

use std::{
    future::poll_fn,
    task::{Context, Poll, ready},
};

use super::{PipeError, Reader, Writer};

/// Moves up to `max` bytes from a reader to a writer, until the stream ends; how many, all of which have left.
///
/// Where a whole buffer goes to an empty ring its memory changes hands, and no byte is copied.
///
/// # Errors
///
/// If either side was lost.
pub async fn forward(from: &mut Reader, to: &mut Writer, max: u64) -> Result<u64, PipeError> {
    let mut moved = 0;
    while moved < max {
        if from.buffered()[0].is_empty() && poll_fn(|context| poll_fill(from, to, context)).await? == 0 {
            break;
        }
        poll_fn(|context| to.poll_room(context)).await?;
        let left = usize::try_from(max - moved).unwrap_or(usize::MAX);
        moved += from.ring().move_to(to.ring(), left) as u64;
    }
    to.flush().await?;
    Ok(moved)
}

/// Fills the reader's buffer, and lets what the writer has gathered leave if that takes time.
pub(super) fn poll_fill(
    from: &mut Reader,
    to: &mut Writer,
    context: &mut Context<'_>,
) -> Poll<Result<usize, PipeError>> {
    let filled = from.poll_fill(context);
    if filled.is_pending() && to.gathered() > 0 {
        let wait = crate::current::take_wait();
        let flushed = to.poll_flush(context);
        crate::current::waits(wait); // what it really waits for
        if flushed.is_pending() {
            return Poll::Pending;
        }
        ready!(flushed)?;
    }
    filled
}
