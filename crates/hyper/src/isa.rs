//! The instructions of RV64GC with Zicsr, Zifencei, Zba, Zbb, Zbs, Zihintpause and Svinval: what bytes mean, and how to write them.

pub mod csr;

mod assembler;
mod compressed;
mod decode;
mod disassembly;
mod encode;
mod instruction;
mod opcode;
mod register;
mod table;
#[cfg(test)]
mod tests;

pub use assembler::{Assembler, AssemblyError, Label, Program};
pub use disassembly::Disassembly;
pub use instruction::Instruction;
pub use opcode::Opcode;
pub use register::{FloatRegister, Register, registers};
