//! Pipes: bounded streams of bytes, to another process or to a socket of the host, with one vocabulary for both.
//!
//! A pipe has two halves, a [`Writer`] and a [`Reader`], which may be in different processes or outside of the kernel.
//! What has to wait blocks the thread of the process that waits and nobody else. A [`Stream`] is a reader and a writer
//! that belong together: a connection.
//!
//! ```text
//!   write ─▶ [ gathered ] ─flush─▶ [ on its way ] ─fill─▶ [ buffered ] ─▶ read
//!               Writer            pipe, or the host           Reader
//! ```
//!
//! Writes are gathered. They leave when the ring is full, when somebody calls `flush`, and when a [`Stream`] is read
//! that has nothing to give: so the answers to a dozen requests that came together leave together, in one system call.
//! There is no fourth time. A process that writes, and then waits for a message, a timer or another pipe, has said
//! nothing yet: it calls `flush` before.
//!
//! Each of the three rings holds as much as the pipe's capacity and has no memory while it is empty.
//!
//! The whole capacity is charged to the process that makes a pipe with its [`Context`](crate::Context), for as long as a
//! half exists: what was once made can always be used. A pipe made by the host is on nobody's account.
//!
//! In virtual time the other end sees what was written, room that was made, and that a half was dropped, when the window
//! is over.

mod channel;
mod connect;
mod error;
mod forward;
mod input;
mod line;
mod reader;
mod stream;
mod writer;

use std::sync::Arc;

use ironloom_core::LimitExceeded;

pub use error::{OpenError, PipeError};
pub use forward::forward;
pub use reader::Reader;
pub use stream::Stream;
pub use writer::Writer;

pub(crate) use line::Line;

use crate::{Context, Handle, context::Account};
use channel::Channel;

/// What the halves of a connection hold each if nothing else is said.
pub const STREAM_BYTES: usize = 16 << 10;

/// The rings of a pipe in memory.
const RINGS: u64 = 3;

impl Handle {
    /// A pipe of this kernel, on nobody's account; see [`Context::pipe`].
    ///
    /// # Panics
    ///
    /// If the capacity is zero or above 2 GiB.
    #[must_use]
    pub fn pipe(&self, capacity: usize) -> (Writer, Reader) {
        halves(Channel::new(self.home(), capacity, None), capacity)
    }
}

impl<M: Send + 'static> Context<M> {
    /// A pipe: what is written into one half comes out of the other, which any process and the host may have.
    ///
    /// Up to `capacity` bytes are gathered by the writer, as many are on their way, and as many buffered by the reader.
    /// Three times the capacity are charged to this process until both halves are gone.
    ///
    /// ```
    /// use ironloom_sched::{Config, Context, PipeError, VirtualKernel};
    ///
    /// let kernel = VirtualKernel::new(Config::default());
    /// kernel.spawn(async move |ctx: Context<()>| {
    ///     let (mut writer, mut reader) = ctx.pipe(4_096).unwrap();
    ///     let child = ctx.spawn(async move |_: Context<()>| {
    ///         writer.write(b"to be\nor not to be").await?;
    ///         writer.hang_up().await
    ///     });
    ///     assert_eq!(reader.read_line(80).await?.unwrap(), b"to be");
    ///     assert_eq!(reader.read_line(80).await?.unwrap(), b"or not to be");
    ///     assert_eq!(reader.read_line(80).await?, None);
    ///     child.unwrap().monitor().await;
    ///     Ok::<(), PipeError>(())
    /// })?;
    /// kernel.run_until_idle();
    /// assert!(kernel.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the process may not have so much memory.
    ///
    /// # Panics
    ///
    /// If the capacity is zero or above 2 GiB.
    pub fn pipe(&self, capacity: usize) -> Result<(Writer, Reader), LimitExceeded> {
        let account = Account::open(self.any(), RINGS * capacity as u64)?;
        Ok(halves(Channel::new(&self.process.header.home, capacity, Some(account)), capacity))
    }
}

fn halves(channel: Arc<Channel>, capacity: usize) -> (Writer, Reader) {
    (Writer::to_channel(Arc::clone(&channel), capacity), Reader::of_channel(channel, capacity))
}

#[cfg(test)]
mod tests;
