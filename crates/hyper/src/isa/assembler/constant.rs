//! Constants of any size: `li`.

use super::Assembler;
use crate::isa::{Register, registers::ZERO};

impl Assembler {
    /// Sets a register to any constant, with one to eight instructions.
    pub fn li(&mut self, rd: Register, value: u64) -> &mut Self {
        let value = value as i64;
        let low = value << 52 >> 52;
        if value == low {
            return self.addi(rd, ZERO, low as i32);
        }
        if let Ok(short) = i32::try_from(value) {
            // Adding the low part may carry over the sign, which `addiw` undoes.
            self.lui(rd, short.wrapping_sub(low as i32));
            return if low == 0 { self } else { self.addiw(rd, rd, low as i32) };
        }
        let rest = value.wrapping_sub(low);
        let shift = rest.trailing_zeros();
        // What is shifted out is zero, so a shift with the sign loses nothing.
        self.li(rd, (rest >> shift) as u64).slli(rd, rd, shift as i32);
        if low == 0 { self } else { self.addi(rd, rd, low as i32) }
    }
}
