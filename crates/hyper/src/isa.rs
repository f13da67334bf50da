//! The instructions of RV64GC with Zicsr, Zifencei, Zba, Zbb, Zbs, Zihintpause and Svinval: what bytes mean, and how to write them.

mod compressed;
mod decode;
mod instruction;
mod opcode;
mod table;

pub use instruction::Instruction;
pub use opcode::Opcode;
