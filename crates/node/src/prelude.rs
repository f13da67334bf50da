//! What most programs need: `use ironloom_node::prelude::*`.

pub use ironloom_core::{Duration, Instant, MachineId};
pub use ironloom_net::topology::{PlanTable, RuleTable};
pub use ironloom_state::BatchId;
pub use ironloom_vm::os::Exit;
pub use ironloom_vm::os::console::Size;
pub use ironloom_vm::{Command, Finished, MachineState};

pub use crate::doors::Listener;
pub use crate::{
    ComputerTable, Datacenter, Description, DescriptionError, Event, Fault, FileTable, ImageTable, LinkName,
    MachineTable, Node, Order, OrderError, Outcome, Pacing, Reply, Subscription, World,
};
