//! Scenarios over the public API, and tests of the house itself.

mod house;
mod killed;
mod layers;
mod replay;
