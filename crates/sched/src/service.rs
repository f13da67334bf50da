//! [`Service`]: a listener and a factory; each connection is a process of its own.
//!
//! The idea of the super-server: who writes a service writes what one connection does, with a [`Stream`] in place of
//! standard input and output. Connections are isolated like all processes: one that fails, exceeds its limits or is
//! killed takes none with it.
//!
//! There is no pool of ready processes. Making one takes less than a microsecond of the twenty that it takes the host to
//! accept a connection and close it, so there is nothing to gain; and a ring of bytes has no memory while it is empty.
//!
//! Nothing on the way of a byte looks at a clock. The acceptor looks at all connections a few times in the time that
//! they may be silent, and ends those that have been; so it may take a quarter longer.

mod acceptor;
mod ready;
mod roll;

use std::{fmt, sync::Arc};

use ironloom_core::Duration;
use thiserror::Error;

use crate::{
    Address, CallError, Context, Handle, IntoExit, OpenError, Options, ProcessRef, Reply, STREAM_BYTES,
    Stream,
    reactor::{self, Listener},
};
use acceptor::Acceptor;
use roll::Roll;

/// What a service is to be like.
#[derive(Debug, Clone)]
pub struct ServiceConfig {
    /// The most connections at a time; who comes then is turned away.
    pub connections_max: usize,
    /// How many processes stand ready for connections that have not come yet. A connection that finds none gets a new one,
    /// which takes less than a microsecond more.
    pub ready: usize,
    /// How long a new connection may wait before it says anything; for ever if nothing is said.
    pub first_byte_within: Option<Duration>,
    /// How long nothing may go either way; for ever if nothing is said.
    pub idle_after: Option<Duration>,
    /// What each half of a connection holds; twice that is on the account of its process.
    pub stream_bytes: usize,
    /// What its processes are to be like.
    pub options: Options,
    /// How long connections may take to end when the kernel shuts down.
    pub drain_within: Duration,
}

impl Default for ServiceConfig {
    fn default() -> Self {
        Self {
            connections_max: 16_384,
            ready: 0,
            first_byte_within: Some(Duration::from_secs(10)),
            idle_after: Some(Duration::from_secs(60)),
            stream_bytes: STREAM_BYTES,
            options: Options::default(),
            drain_within: Duration::from_secs(1),
        }
    }
}

/// What became of the connections of a service so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ServiceCounts {
    /// Connections that became a process.
    pub accepted: u64,
    /// Connections that were turned away, because there were as many as there may be or no process could be made.
    pub refused: u64,
    /// Connections that were lost before they were accepted. After many in a row the service leaves the listener alone
    /// for a moment.
    pub lost: u64,
    /// How often there was no descriptor for a connection that waited.
    pub starved: u64,
    /// Connections that were ended because they said nothing from the start.
    pub silent: u64,
    /// Connections that were ended because nothing went either way for too long.
    pub idle: u64,
    /// Connections that are open.
    pub active: usize,
}

/// Why a service ended the process of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TimedOut {
    /// It said nothing.
    #[error("no byte came within {0}")]
    Silent(Duration),
    /// It went quiet.
    #[error("no byte went either way for {0}")]
    Idle(Duration),
}

/// How a service ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections that ended by themselves.
    pub ended: usize,
    /// Connections that had to be ended.
    pub killed: usize,
}

/// A request to stop: how long connections may take, and where to say how it went.
pub(crate) struct Stop {
    within: Duration,
    reply: Reply<Drained>,
}

/// A listener whose every connection is a process of its own. It goes on when this is dropped.
///
/// ```
/// use ironloom_sched::{Config, Context, Kernel, Service, ServiceConfig, Stream};
///
/// let kernel = Kernel::start(Config::default())?;
/// let listener = kernel.listen(([127, 0, 0, 1], 0).into())?;
/// let shout = async |_: Context<()>, mut stream: Stream| {
///     while let Some(line) = stream.read_line(1_000).await? {
///         stream.write(&line.to_ascii_uppercase()).await?;
///         stream.write(b"\n").await?;
///     }
///     stream.hang_up().await
/// };
/// let service = Service::start(&kernel, listener, ServiceConfig::default(), shout)?;
/// let answer = kernel.block_on(async {
///     let mut stream = kernel.connect(service.address().tcp().unwrap()).await?;
///     stream.write(b"is anybody there\n").await?;
///     let answer = stream.read_line(1_000).await?;
///     Ok::<_, Box<dyn std::error::Error>>(answer)
/// })?;
/// assert_eq!(answer.unwrap(), b"IS ANYBODY THERE");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Service {
    acceptor: Address<Stop>,
    address: reactor::Address,
    roll: Arc<Roll>,
}

impl Service {
    /// Begins to accept connections. `serve` is called in a new process for each.
    ///
    /// # Errors
    ///
    /// If there is no process for the acceptor.
    pub fn start<M, F, R>(
        kernel: &Handle,
        listener: Listener,
        config: ServiceConfig,
        serve: F,
    ) -> Result<Self, OpenError>
    where
        M: Send + 'static,
        F: Fn(Context<M>, Stream) -> R + Send + Sync + 'static,
        R: Future<Output: IntoExit> + Send + 'static,
    {
        let address = listener.local_address().map_err(OpenError::Listen)?;
        let roll = Arc::new(Roll::default());
        let acceptor = Acceptor::new(listener, config, serve, Arc::clone(&roll));
        let options = Options::named(format!("acceptor of {address}"));
        let acceptor = kernel.spawn_with(options, move |ctx| acceptor.run(ctx))?;
        Ok(Self { acceptor, address, roll })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> &reactor::Address {
        &self.address
    }

    /// The process that accepts connections. The connections outlive it, and nobody links them to it.
    #[must_use]
    pub fn process(&self) -> ProcessRef {
        self.acceptor.process()
    }

    /// What became of its connections so far.
    #[must_use]
    pub fn counts(&self) -> ServiceCounts {
        self.roll.counts()
    }

    /// Accepts no more connections, asks those that are open to [stop](Context::stopping), and ends what is left when
    /// the time is over.
    ///
    /// # Errors
    ///
    /// If the acceptor has ended before.
    pub async fn stop(&self, within: Duration) -> Result<Drained, CallError> {
        // Those that had to be ended need a moment to go, and who waits for them another to say how it went.
        let deadline = within.saturating_add(acceptor::PATIENCE.saturating_mul(2));
        self.acceptor.call(deadline, |reply| Stop { within, reply }).await
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("address", &self.address)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
