//! Pairs of operations that become one, so that the way from the first to the second is no indirect jump.
//!
//! Only the handler of the first is replaced. Its operands stay where they are, and so does the second operation: if the
//! first cannot be carried out at once it runs alone, and the second by itself.

use super::ops::{access, control, integer};
use super::raw::{Handler, Slot, replace_handler};
use crate::isa::Opcode;

/// Fuses what stands together in a block that is being built.
pub(super) fn fuse(slots: &mut [Slot], opcodes: &[Option<Opcode>], freely: bool) {
    let mut number = 0;
    while number + 1 < opcodes.len() {
        let both = opcodes[number].zip(opcodes[number + 1]);
        let both = both.filter(|(first, second)| !freely || !is_store(*first) && !is_store(*second));
        match both.and_then(|(first, second)| pair(first, second)) {
            Some(run) => {
                replace_handler(slots, number, run);
                number += 2;
            }
            None => number += 1,
        }
    }
}

/// Harts that run beside each other store in another way.
const fn is_store(opcode: Opcode) -> bool {
    matches!(opcode, Opcode::Sb | Opcode::Sh | Opcode::Sw | Opcode::Sd)
}

/// What runs a first operation and then one of several seconds.
macro_rules! after {
    ($first:ident :: $name:ident, $second:expr, [$($opcode:ident = $module:ident :: $handler:ident,)*]) => {
        match $second {
            $(Opcode::$opcode => {
                fn both(core: &mut super::core::Core, cursor: super::raw::Cursor) -> super::raw::Leave {
                    if !$first::$name::step(core, cursor.op()) {
                        return $first::$name(core, cursor);
                    }
                    $module::$handler(core, cursor.next())
                }
                Some(both as Handler)
            })*
            _ => None,
        }
    };
}

macro_rules! pairs {
    ([$($opcode:ident = $module:ident :: $name:ident,)*], $seconds:tt) => {
        /// What runs both, if they are a pair.
        fn pair(first: Opcode, second: Opcode) -> Option<Handler> {
            match first {
                $(Opcode::$opcode => after!($module::$name, second, $seconds),)*
                _ => None,
            }
        }
    };
}

pairs! {
    [
        Addi = integer::addi,
        Add = integer::add,
        Sub = integer::sub,
        Slli = integer::slli,
        Srli = integer::srli,
        Or = integer::or,
        Xor = integer::xor,
        And = integer::and,
        Andi = integer::andi,
        Addw = integer::addw,
        Addiw = integer::addiw,
        Slliw = integer::slliw,
        Srliw = integer::srliw,
        Sltu = integer::sltu,
        Lui = integer::lui,
        Auipc = integer::auipc,
        Ld = access::ld,
        Lw = access::lw,
        Lbu = access::lbu,
        Sd = access::sd,
        Sw = access::sw,
    ],
    [
        Addi = integer::addi,
        Add = integer::add,
        Sub = integer::sub,
        Slli = integer::slli,
        Srli = integer::srli,
        Or = integer::or,
        Xor = integer::xor,
        And = integer::and,
        Andi = integer::andi,
        Addw = integer::addw,
        Addiw = integer::addiw,
        Slliw = integer::slliw,
        Srliw = integer::srliw,
        Ld = access::ld,
        Lw = access::lw,
        Lbu = access::lbu,
        Sd = access::sd,
        Sw = access::sw,
        Beq = control::beq,
        Bne = control::bne,
        Bltu = control::bltu,
        Bgeu = control::bgeu,
        Blt = control::blt,
        Bge = control::bge,
        Jal = control::jal,
        Jalr = control::jalr,
    ]
}
