//! Run isolated processes, many on few threads.
//!
//! A [`Kernel`] runs *processes*: each has its own memory account, mailbox, budget and end, and nothing that happens in
//! one takes another along unless they are linked. A process is a future, so a million of them are cheap; a runtime that
//! is not one can be a [`Guest`].
//!
//! ```
//! use ironloom_sched::{Config, Context, Kernel};
//!
//! let kernel = Kernel::start(Config::default())?;
//! let doubler = kernel.spawn(async move |ctx: Context<(u64, ironloom_sched::Reply<u64>)>| {
//!     loop {
//!         let (number, reply) = ctx.receive().await;
//!         reply.send(number * 2);
//!     }
//! })?;
//! let second = ironloom_core::Duration::from_secs(1);
//! let answer = kernel.block_on(doubler.call(second, |reply| (21, reply)))?;
//! assert_eq!(answer, 42);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | to … | use |
//! |---|---|
//! | run processes in real time | [`Kernel`] |
//! | run them in virtual time, step by step, always the same | [`VirtualKernel`] |
//! | spawn, look up and inspect | [`Handle`] |
//! | be a process | [`Context`], or [`Guest`] |
//! | send, call, monitor, stop, kill | [`Address`], [`ProcessRef`] |
//! | say what a process may have | [`Options`], [`Limits`], [`Class`] |
//! | know why one ended | [`ExitReason`] |
//! | talk to other processes in bytes, or to the host's sockets | [`Context::pipe`], [`Stream`], [`Handle::connect`] |
//! | serve connections, each in a process of its own | [`Service`] |
//! | poll the host's sockets yourself | [`reactor`] |
//!
//! `docs/sched.md` tells the life of a process.

pub mod reactor;

mod address;
mod config;
mod context;
mod current;
mod effect;
mod engine;
mod error;
mod exit;
mod frame;
mod guest;
mod handle;
mod id;
mod inspect;
mod kernel;
mod lock;
mod mailbox;
mod oneshot;
mod pipe;
mod process;
mod queue;
mod raw;
mod ring;
mod seats;
mod service;
mod spawn;
mod supervisor;
mod sync;
mod table;
mod timer;
mod virtual_kernel;

pub use address::{Address, Monitor, ProcessRef, Reply, Sending};
pub use config::{Class, Config, Limits, Options};
pub use context::{Context, Receiving, Thread};
pub use error::{CallError, Elapsed, HostError, Refusal, RegisterError, SendError, SpawnError, StartError};
pub use exit::{ExitReason, IntoExit};
pub use guest::Guest;
pub use handle::Handle;
pub use id::ProcessId;
pub use inspect::{KernelInfo, ProcessInfo, State, Wait};
pub use kernel::{Kernel, Shutdown};
pub use pipe::{OpenError, PipeError, Reader, STREAM_BYTES, Stream, Writer, forward};
pub use ring::{ByteRing, Moved};
pub use service::{Drained, Service, ServiceConfig, ServiceCounts, TimedOut};
pub use supervisor::{
    Child, ChildError, ChildInfo, Patience, Restart, Strategy, Supervisor, SupervisorHandle,
};
pub use timer::{Interval, Sleep};
pub use virtual_kernel::VirtualKernel;
