//! Machines and the world outside: `curl` and `dig` of the host ask machines through published ports, and machines ask
//! `nginx` in a network namespace of its own.
//!
//! What cannot be here (a program that is not installed, no right to administer networks) is skipped with a line that says
//! so. Virtual time follows the clock; nothing depends on how fast the host is.

#![cfg(target_os = "linux")]

mod curl;
mod hostile;
mod names;
mod nginx;
mod street;
mod uploads;

#[path = "../../../net/tests/linux/namespace.rs"]
mod namespace;

/// Says in a test that it cannot be here, and ends it.
macro_rules! need {
    ($($tool:expr),*) => {
        $(if !$crate::namespace::has($tool) {
            return $crate::namespace::skip(concat!($tool, " is not installed"));
        })*
    };
}
pub(crate) use need;
