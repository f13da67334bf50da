//! [`Ready`]: a process that waits for its connection.

use std::{future::poll_fn, sync::Arc};

use crate::{
    Context, ExitReason, IntoExit, Options, ProcessRef, SpawnError, Stream, inspect::Wait, oneshot::Oneshot,
    service::roll::Place,
};

/// What a process of a service is given: its connection, and its place on the roll.
pub(super) type Seated = (Stream, Place);

/// A process that waits for its connection. If this is dropped, it ends.
pub(super) struct Ready {
    pub(super) process: ProcessRef,
    seat: Arc<Oneshot<Seated>>,
}

impl Ready {
    /// Spawns a process that waits, and then serves.
    pub(super) fn spawn<N, M, F, R>(
        ctx: &Context<N>,
        options: Options,
        serve: Arc<F>,
    ) -> Result<Self, SpawnError>
    where
        N: Send + 'static,
        M: Send + 'static,
        F: Fn(Context<M>, Stream) -> R + Send + Sync + 'static,
        R: Future<Output: IntoExit> + Send + 'static,
    {
        let seat = Oneshot::new();
        let own = Arc::clone(&seat);
        let address = ctx.spawn_with(options, async move |ctx: Context<M>| {
            let Some((stream, _place)) = poll_fn(|context| own.poll(context, Wait::Socket)).await else {
                return ExitReason::Normal; // the service stops
            };
            serve(ctx, stream).await.into_exit()
        })?;
        Ok(Self { process: address.process(), seat })
    }

    /// The connection has come.
    pub(super) fn seat(self, seated: Seated) {
        self.seat.give(Some(seated));
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        self.seat.give(None); // which says nothing if it has its connection
    }
}
