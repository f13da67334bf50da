//! How a process begins.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicU64},
    },
};

use crate::{
    Address, Context, IntoExit, Options, SpawnError, current,
    effect::Effect,
    engine::{Engine, Home},
    frame::MainFrame,
    inspect::Wait,
    lock::Lock,
    process::{ANY_WORKER, AnyProcess, Header, Inner, Process, Runnable},
};

/// Spawns a process.
pub(crate) fn spawn<M, F, R>(home: &Arc<Home>, options: Options, main: F) -> Result<Address<M>, SpawnError>
where
    M: Send + 'static,
    F: FnOnce(Context<M>) -> R,
    R: Future<Output: IntoExit> + Send + 'static,
{
    let engine = &home.engine;
    let pinned = options.worker.map_or(Ok(ANY_WORKER), |worker| pin(engine, worker))?;
    let admitted = Admitted { engine, id: engine.admit()?, begun: false };
    let header = Header {
        id: admitted.id,
        home: current::home_of(home.address()).unwrap_or_else(|| Arc::clone(home)),
        limits: options.limits.unwrap_or(engine.config.limits),
        class: options.class,
        pinned,
        worker: AtomicU16::new(ANY_WORKER),
        condemned: AtomicBool::new(false),
        threaded: AtomicBool::new(false),
        wait: AtomicU8::new(Wait::Turn as u8),
        mail: AtomicBool::new(false),
        slices: AtomicU64::new(0),
        spent: AtomicU64::new(0),
        heap: AtomicU64::new(0),
    };
    let process = Arc::new(Process { header, inner: Lock::new(Inner::new()) });
    if let Some(name) = options.name {
        process.with(&mut |control| control.rare().name = Some(Arc::from(name.as_str())));
    }
    let main = main(Context { process: Arc::clone(&process) });
    let frame = Box::pin(MainFrame::new(Arc::clone(&process), main));
    process.header.charge((size_of_val(&*frame) + size_of::<Process<M>>()) as u64)?;
    admitted.begin(Runnable::new(frame));
    Ok(Address { process })
}

fn pin(engine: &Engine, worker: usize) -> Result<u16, SpawnError> {
    let workers = engine.config.workers;
    if worker < workers { Ok(worker as u16) } else { Err(SpawnError::NoWorker { worker, workers }) }
}

/// A process that was counted in; it is counted out again if it does not begin.
struct Admitted<'a> {
    engine: &'a Engine,
    id: crate::ProcessId,
    begun: bool,
}

impl Admitted<'_> {
    fn begin(mut self, runnable: Runnable) {
        self.begun = true;
        self.engine.act(Effect::Spawn(runnable));
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        if !self.begun {
            self.engine.dismiss();
        }
    }
}
