//! Routers among hosts that only know how to answer for their address.

mod address_translation;
mod chaos;
mod forwarding;
mod messages;
mod model;
mod own;
mod steering;
mod world;
