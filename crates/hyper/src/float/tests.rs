//! Tests of floating point: against the host, a second implementation, integers, another emulator, and itself.

mod apart;
mod apfloat;
mod emulator;
mod facts;
mod host;
mod operands;
mod operations;
mod roots;
