//! Assemble a datacenter and connect it to the world.
//!
//! The crate that a program names in its `Cargo.toml`: it brings every layer along, under its own name.
//! Of its own it has a datacenter: [described](Description) in Rust or in TOML, a [`World`] in virtual time, a [`Node`] in
//! real time. `docs/node.md` is its manual.
//!
//! ```
//! use ironloom_node::prelude::*;
//!
//! let world = World::builder(7)
//!     .network("lan", "10.1.0.0/24")
//!     .machine("web", |web| web.at("lan").address([10, 1, 0, 10]).runs("httpd -q -p 80"))
//!     .machine("desk", |desk| desk.at("lan").count(20))
//!     .build()?;
//!
//! world.write_file("web", "/var/www/index.html", "hello").wait()?;
//! let page = world.exec("desk-7", "curl -s http://10.1.0.10/").wait()?;
//! assert_eq!(page.text(), "hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

pub mod doors;
pub mod http;
pub mod prelude;

mod description;
mod keep;
mod node;
mod replay;
mod seeds;
mod world;

pub use description::{
    Builder, ComputerTable, Content, Description, DescriptionError, DiskTable, FileTable, HeapName,
    ImageTable, ListenerTable, MachineTable, NamesTable, Pacing, RouterBuilder, UserTable, Wrong,
};
pub use keep::{Archive, Commit, KeepError, Ledger, Opened, Passed, Task};
pub use node::{LateReport, Node, NodeConfig, NodeError};
pub use replay::{Log, Replay, ReplayError};
pub use seeds::for_seeds;
pub use world::{
    Datacenter, Event, Failure, Fault, LateWindow, LinkName, NetworkChange, Order, OrderError, Outcome,
    Progress, Reply, Shortage, Subscription, World,
};

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
