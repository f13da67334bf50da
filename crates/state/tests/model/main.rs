//! The engine against a sequential interpreter, in many small worlds that are drawn from seeds.
//!
//! `MODEL_SEEDS=100000 cargo test -p ironloom-state --test model` runs more of them,
//! `MODEL_SEED=1234 cargo test -p ironloom-state --test model seeded` runs one.
//! Three worlds in twenty have threads, and their failures do not always repeat.

mod checks;
mod crashes;
mod interpreter;
mod model;
mod naive_root;
mod program;
mod schedule;
mod shrink;
mod tests;
mod workers;
mod world;
