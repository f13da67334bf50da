//! Machines that send each other streams of bytes, and what became of these.

#![allow(dead_code, reason = "each test uses a part of it")]

pub(crate) mod flood;
pub(crate) mod talk;
pub(crate) mod world;
