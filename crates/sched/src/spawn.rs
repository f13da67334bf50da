//! How a process begins.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicU64},
    },
};

use crate::{
    Address, Context, ExitReason, IntoExit, Options, SpawnError, current,
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
    let header = Header {
        id: engine.admit()?,
        home: current::home_of(home.address()).unwrap_or_else(|| Arc::clone(home)),
        limits: options.limits.unwrap_or(engine.config.limits),
        class: options.class,
        pinned,
        worker: AtomicU16::new(ANY_WORKER),
        condemned: AtomicBool::new(false),
        leaving: AtomicBool::new(false),
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
    let mut unborn = Unborn { process: &process, fate: Some(ExitReason::Panicked(Arc::from(NO_FRAME))) };
    let main = main(Context { process: Arc::clone(&process) });
    let frame = Box::pin(MainFrame::new(Arc::clone(&process), main));
    if let Err(exceeded) = process.header.charge((size_of_val(&*frame) + size_of::<Process<M>>()) as u64) {
        unborn.fate = Some(ExitReason::LimitExceeded(exceeded));
        return Err(exceeded.into());
    }
    unborn.fate = None;
    engine.act(Effect::Spawn(Runnable::new(frame)));
    drop(unborn);
    Ok(Address { process })
}

fn pin(engine: &Engine, worker: usize) -> Result<u16, SpawnError> {
    let workers = engine.config.workers;
    if worker < workers { Ok(worker as u16) } else { Err(SpawnError::NoWorker { worker, workers }) }
}

/// What others hear of a process whose closure panicked before it had made a future.
const NO_FRAME: &str = "before it began";

/// A process that does not run yet, but that others may know: its closure may have handed out its address. If it does
/// not begin, it ends, so that whoever monitors it hears of it and its names are free.
struct Unborn<'a, M: Send + 'static> {
    process: &'a Arc<Process<M>>,
    /// Why it ends, if it does not begin.
    fate: Option<ExitReason>,
}

impl<M: Send + 'static> Drop for Unborn<'_, M> {
    fn drop(&mut self) {
        if let Some(reason) = self.fate.take() {
            let process = Arc::clone(self.process) as Arc<dyn AnyProcess>;
            self.process.header.home.engine.act(Effect::Exit(process, reason));
        }
    }
}
