//! Two machines on a wire that the test holds, and what they say to each other.

mod datagrams;
mod hostile;
mod smoltcp;
mod streams;
mod world;
