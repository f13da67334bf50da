//! Scenarios over the public API, and tests of the house itself.

mod house;
mod keeping;
mod killed;
mod layers;
mod linux;
mod replay;
mod scratch;
