//! Run one machine on many hosts.
//!
//! Empty so far: this crate holds its place in the layers, and nothing else.
//! `docs/architecture.md` says what will live here.
