//! Carry packets between machines.
//!
//! Empty so far: this crate holds its place in the layers, and nothing else.
//! `docs/architecture.md` says what will live here.
