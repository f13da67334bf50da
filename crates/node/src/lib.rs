//! Assemble a datacenter and connect it to the world.
//!
//! The crate that a program names in its `Cargo.toml`: it brings every layer along, under its own name.
//! Of its own it has nothing yet; `docs/architecture.md` says what will live here.
//!
//! ```
//! use ironloom_node::core::{Rng, Seed};
//!
//! let mut rng = Rng::new(Seed::new(7));
//! assert!(rng.below(6) < 6);
//! ```

#![forbid(unsafe_code)]

pub mod doors;
pub mod http;

pub use ironloom_blob as blob;
pub use ironloom_core as core;
pub use ironloom_hyper as hyper;
pub use ironloom_net as net;
pub use ironloom_sched as sched;
pub use ironloom_state as state;
pub use ironloom_vm as vm;

/// The README's examples, compiled and run with the doc tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
