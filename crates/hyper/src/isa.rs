//! The instructions of RV64GC with Zicsr, Zifencei, Zba, Zbb, Zbs, Zihintpause and Svinval: what bytes mean, and how to write them.

mod instruction;
mod opcode;

pub use instruction::Instruction;
pub use opcode::Opcode;
