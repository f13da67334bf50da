//! Pipes in memory, against a queue of bytes; over sockets they are tested with the services.

mod memory;
mod model;

use std::future::Future;

use crate::{Config, Context, Kernel, PipeError, VirtualKernel};

/// Runs one process in virtual time until nothing is left to happen, and checks that it came to its end.
fn play<R>(main: impl FnOnce(Context<()>) -> R)
where
    R: Future<Output = Result<(), PipeError>> + Send + 'static,
{
    let kernel = VirtualKernel::new(Config::with_workers(1));
    let process = kernel.spawn(main).unwrap();
    let monitor = process.monitor();
    kernel.run_until_idle();
    assert!(kernel.is_empty(), "everybody waits: {:?}", kernel.processes());
    let reason = kernel.block_on(monitor);
    assert!(reason.is_clean(), "{reason}");
}

fn kernel() -> Kernel {
    Kernel::start(Config::with_workers(2)).unwrap()
}
