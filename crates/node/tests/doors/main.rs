//! Listeners of nodes, and clients that know nothing of them.

mod commands;
mod described;
mod drains;
mod ports;
mod services;
mod stage;
