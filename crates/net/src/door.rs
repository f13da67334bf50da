//! Doors to the real world: drivers that carry what the host's network says into a fabric, and back.
//!
//! Everything else in this crate is told the time and is given what arrives. Here is who tells it: a [`Driver`] lets a
//! fabric, or [what has one](crate::fabric::Driven), keep step with a clock, waits for the host without blocking it, and
//! hands what comes to [`Door`]s. A `Tap` lets frames through between a door of the fabric and an interface of the host;
//! published addresses of the host (`Publish`) lead to ports of machines. These lead one way: a machine cannot open a
//! connection by them.
//!
//! Whatever enters the fabric passes through a [`World`], which writes it into a [`Journal`]. A run is the fabric's
//! seed and its journal: played again ([`Crossing::apply`]), it gives the same digest without any network.

mod driver;
mod journal;
mod world;

#[cfg(feature = "publish")]
mod publish;
#[cfg(all(feature = "tap", target_os = "linux"))]
mod tap;

#[cfg(test)]
mod tests;

pub use driver::{Door, DoorTo, Driver, Inside, Running, Stop, Wait};
pub use journal::{Crossing, Journal};
#[cfg(feature = "publish")]
pub use publish::{
    Broken, Far, GatewaySocket, Gone, HostListener, HostStream, Over, Publish, Splices, TcpDoor, UdpDoor,
    Usage, is_about_one,
};
#[cfg(all(feature = "tap", target_os = "linux"))]
pub use tap::{Tap, TapConfig, TapCounters, TapError};
pub use world::World;
