//! Frames on the wire: as Linux sends them, as others read them, and properties of any.

mod cut;
mod hostile;
mod linux;
mod oracle;
mod quote;
mod reassembly;
mod wire;

pub(crate) mod any;
