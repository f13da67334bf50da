//! Run isolated processes, many on few threads.

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
#[cfg(unix)]
pub mod reactor;
mod ring;
mod service;
mod spawn;
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
pub use timer::{Interval, Sleep};
pub use virtual_kernel::VirtualKernel;
