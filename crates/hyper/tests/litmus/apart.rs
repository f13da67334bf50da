//! The same on several hosts: what one hart writes, harts elsewhere see in an order that the memory model allows.

mod bad_days;
mod code;
mod contention;
mod locks;
mod orders;
mod remote;
mod room;
