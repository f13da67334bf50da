//! Metrics: what happened, how often and how long it took, for a few nanoseconds each.
//!
//! An instrument has two faces. The shared one ([`Counter`], [`Histogram`]) may be used from any thread and pays for
//! it with an atomic read-modify-write. The local one ([`LocalCounter`], [`LocalHistogram`]) belongs to one writer,
//! which therefore needs only a load and a store; readers see both together. Hot loops hold local ones.
//!
//! There is no global registry: the embedder makes a [`Registry`] and hands [`Scope`]s of it down.

mod counter;
mod export;
mod gauge;
mod histogram;
mod registry;

pub use counter::{Counter, LocalCounter};
pub use gauge::Gauge;
pub use histogram::{Histogram, HistogramSnapshot, LocalHistogram};
pub use registry::{MetricError, Registry, Scope, Unit};
