//! One method for each instruction, and the pseudo-instructions that programs are made of.

use super::{Assembler, Label};
use crate::isa::registers::{RA, ZERO};
use crate::isa::{FloatRegister, Instruction, Opcode, Register, csr};

/// The rounding mode that stands in `frm`.
const DYNAMIC: u8 = 7;

/// Methods of one shape: their operands as text has them, and where each goes in the instruction.
macro_rules! shape {
    ($operands:tt $fields:tt $($method:ident $opcode:ident)*) => {
        impl Assembler {
            $(method! { $method $opcode $operands $fields })*
        }
    };
}

macro_rules! method {
    ($method:ident $opcode:ident ($($operand:ident: $kind:ty),*) { $($field:ident: $value:expr),* }) => {
        #[doc = concat!("`", stringify!($method), "`")]
        pub fn $method(&mut self, $($operand: $kind),*) -> &mut Self {
            self.emit(Instruction { $($field: $value,)* ..Instruction::new(Opcode::$opcode) })
        }
    };
}

shape! {
    (rd: Register, rs1: Register, rs2: Register)
    { rd: rd.number(), rs1: rs1.number(), rs2: rs2.number() }
    add Add sub Sub sll Sll slt Slt sltu Sltu xor Xor srl Srl sra Sra or Or and And addw Addw subw Subw
    sllw Sllw srlw Srlw sraw Sraw mul Mul mulh Mulh mulhsu Mulhsu mulhu Mulhu div Div divu Divu rem Rem
    remu Remu mulw Mulw divw Divw divuw Divuw remw Remw remuw Remuw add_uw AddUw sh1add Sh1add
    sh1add_uw Sh1addUw sh2add Sh2add sh2add_uw Sh2addUw sh3add Sh3add sh3add_uw Sh3addUw andn Andn orn Orn
    xnor Xnor max Max maxu Maxu min Min minu Minu rol Rol rolw Rolw ror Ror rorw Rorw bclr Bclr bext Bext
    binv Binv bset Bset
}

shape! {
    (rd: Register, rs1: Register)
    { rd: rd.number(), rs1: rs1.number() }
    clz Clz clzw Clzw ctz Ctz ctzw Ctzw cpop Cpop cpopw Cpopw sext_b SextB sext_h SextH zext_h ZextH
    orc_b OrcB rev8 Rev8
}

shape! {
    (rd: Register, rs1: Register, immediate: i32)
    { rd: rd.number(), rs1: rs1.number(), immediate: immediate }
    slli Slli srli Srli srai Srai slli_uw SlliUw rori Rori bclri Bclri bexti Bexti binvi Binvi bseti Bseti
    slliw Slliw srliw Srliw sraiw Sraiw roriw Roriw
}

shape! {
    (rd: Register, rs1: Register, immediate: i32)
    { rd: rd.number(), rs1: rs1.number(), immediate: immediate }
    addi Addi slti Slti sltiu Sltiu xori Xori ori Ori andi Andi addiw Addiw
}

shape! {
    (rd: Register, immediate: i32, rs1: Register)
    { rd: rd.number(), immediate: immediate, rs1: rs1.number() }
    jalr Jalr lb Lb lh Lh lw Lw ld Ld lbu Lbu lhu Lhu lwu Lwu
}

shape! {
    (rs2: Register, immediate: i32, rs1: Register)
    { rs2: rs2.number(), immediate: immediate, rs1: rs1.number() }
    sb Sb sh Sh sw Sw sd Sd
}

shape! {
    (rd: Register, immediate: i32)
    { rd: rd.number(), immediate: immediate }
    lui Lui auipc Auipc
}

shape! {
    (rd: Register, rs2: Register, rs1: Register)
    { rd: rd.number(), rs2: rs2.number(), rs1: rs1.number() }
    sc_w ScW amoswap_w AmoswapW amoadd_w AmoaddW amoxor_w AmoxorW amoand_w AmoandW amoor_w AmoorW
    amomin_w AmominW amomax_w AmomaxW amominu_w AmominuW amomaxu_w AmomaxuW sc_d ScD amoswap_d AmoswapD
    amoadd_d AmoaddD amoxor_d AmoxorD amoand_d AmoandD amoor_d AmoorD amomin_d AmominD amomax_d AmomaxD
    amominu_d AmominuD amomaxu_d AmomaxuD
}

shape! {
    (rd: Register, rs1: Register)
    { rd: rd.number(), rs1: rs1.number() }
    lr_w LrW lr_d LrD
}

shape! {
    (rd: Register, csr: u16, rs1: Register)
    { rd: rd.number(), immediate: i32::from(csr), rs1: rs1.number() }
    csrrw Csrrw csrrs Csrrs csrrc Csrrc
}

shape! {
    (rd: Register, csr: u16, value: u8)
    { rd: rd.number(), immediate: i32::from(csr), rs1: value }
    csrrwi Csrrwi csrrsi Csrrsi csrrci Csrrci
}

shape! {
    (rs1: Register, rs2: Register)
    { rs1: rs1.number(), rs2: rs2.number() }
    sfence_vma SfenceVma sinval_vma SinvalVma
}

shape! {
    ()
    {  }
    pause Pause ecall Ecall ebreak Ebreak sret Sret mret Mret wfi Wfi sfence_w_inval SfenceWInval
    sfence_inval_ir SfenceInvalIr fence_tso FenceTso fence_i FenceI
}

shape! {
    (rd: FloatRegister, immediate: i32, rs1: Register)
    { rd: rd.number(), immediate: immediate, rs1: rs1.number() }
    flw Flw fld Fld
}

shape! {
    (rs2: FloatRegister, immediate: i32, rs1: Register)
    { rs2: rs2.number(), immediate: immediate, rs1: rs1.number() }
    fsw Fsw fsd Fsd
}

shape! {
    (rd: FloatRegister, rs1: FloatRegister, rs2: FloatRegister, rs3: FloatRegister)
    { rd: rd.number(), rs1: rs1.number(), rs2: rs2.number(), rs3: rs3.number(), mode: DYNAMIC }
    fmadd_s FmaddS fmsub_s FmsubS fnmsub_s FnmsubS fnmadd_s FnmaddS fmadd_d FmaddD fmsub_d FmsubD
    fnmsub_d FnmsubD fnmadd_d FnmaddD
}

shape! {
    (rd: FloatRegister, rs1: FloatRegister, rs2: FloatRegister)
    { rd: rd.number(), rs1: rs1.number(), rs2: rs2.number(), mode: DYNAMIC }
    fadd_s FaddS fsub_s FsubS fmul_s FmulS fdiv_s FdivS fadd_d FaddD fsub_d FsubD fmul_d FmulD fdiv_d FdivD
}

shape! {
    (rd: FloatRegister, rs1: FloatRegister, rs2: FloatRegister)
    { rd: rd.number(), rs1: rs1.number(), rs2: rs2.number() }
    fsgnj_s FsgnjS fsgnjn_s FsgnjnS fsgnjx_s FsgnjxS fmin_s FminS fmax_s FmaxS fsgnj_d FsgnjD
    fsgnjn_d FsgnjnD fsgnjx_d FsgnjxD fmin_d FminD fmax_d FmaxD
}

shape! {
    (rd: Register, rs1: FloatRegister, rs2: FloatRegister)
    { rd: rd.number(), rs1: rs1.number(), rs2: rs2.number() }
    feq_s FeqS flt_s FltS fle_s FleS feq_d FeqD flt_d FltD fle_d FleD
}

shape! {
    (rd: FloatRegister, rs1: FloatRegister)
    { rd: rd.number(), rs1: rs1.number(), mode: DYNAMIC }
    fsqrt_s FsqrtS fsqrt_d FsqrtD fcvt_s_d FcvtSD fcvt_d_s FcvtDS
}

shape! {
    (rd: Register, rs1: FloatRegister)
    { rd: rd.number(), rs1: rs1.number(), mode: DYNAMIC }
    fcvt_w_s FcvtWS fcvt_wu_s FcvtWuS fcvt_l_s FcvtLS fcvt_lu_s FcvtLuS fcvt_w_d FcvtWD fcvt_wu_d FcvtWuD
    fcvt_l_d FcvtLD fcvt_lu_d FcvtLuD
}

shape! {
    (rd: FloatRegister, rs1: Register)
    { rd: rd.number(), rs1: rs1.number(), mode: DYNAMIC }
    fcvt_s_w FcvtSW fcvt_s_wu FcvtSWu fcvt_s_l FcvtSL fcvt_s_lu FcvtSLu fcvt_d_w FcvtDW fcvt_d_wu FcvtDWu
    fcvt_d_l FcvtDL fcvt_d_lu FcvtDLu
}

shape! {
    (rd: Register, rs1: FloatRegister)
    { rd: rd.number(), rs1: rs1.number() }
    fmv_x_w FmvXW fclass_s FclassS fclass_d FclassD fmv_x_d FmvXD
}

shape! {
    (rd: FloatRegister, rs1: Register)
    { rd: rd.number(), rs1: rs1.number() }
    fmv_w_x FmvWX fmv_d_x FmvDX
}

/// Methods of branches, which take a label.
macro_rules! branches {
    ($($method:ident $opcode:ident)*) => {
        impl Assembler {
            $(
                #[doc = concat!("`", stringify!($method), "`")]
                pub fn $method(&mut self, rs1: Register, rs2: Register, target: Label) -> &mut Self {
                    let (rs1, rs2) = (rs1.number(), rs2.number());
                    self.near(Instruction { rs1, rs2, ..Instruction::new(Opcode::$opcode) }, target)
                }
            )*
        }
    };
}

branches! {
    beq Beq bne Bne blt Blt bge Bge bltu Bltu bgeu Bgeu
}

impl Assembler {
    /// `jal`
    pub fn jal(&mut self, rd: Register, target: Label) -> &mut Self {
        self.near(Instruction { rd: rd.number(), ..Instruction::new(Opcode::Jal) }, target)
    }

    /// `fence` of these sets of accesses: 8 for input, 4 output, 2 reads, 1 writes.
    pub fn fence(&mut self, before: u8, after: u8) -> &mut Self {
        let immediate = i32::from(before & 15) << 4 | i32::from(after & 15);
        self.emit(Instruction { immediate, ..Instruction::new(Opcode::Fence) })
    }

    /// Does nothing.
    pub fn nop(&mut self) -> &mut Self {
        self.addi(ZERO, ZERO, 0)
    }

    /// Copies a register.
    pub fn mv(&mut self, rd: Register, rs1: Register) -> &mut Self {
        self.addi(rd, rs1, 0)
    }

    /// Inverts every bit.
    pub fn not(&mut self, rd: Register, rs1: Register) -> &mut Self {
        self.xori(rd, rs1, -1)
    }

    /// Changes the sign.
    pub fn neg(&mut self, rd: Register, rs2: Register) -> &mut Self {
        self.sub(rd, ZERO, rs2)
    }

    /// Whether a register is zero.
    pub fn seqz(&mut self, rd: Register, rs1: Register) -> &mut Self {
        self.sltiu(rd, rs1, 1)
    }

    /// Whether a register is not zero.
    pub fn snez(&mut self, rd: Register, rs2: Register) -> &mut Self {
        self.sltu(rd, ZERO, rs2)
    }

    /// Branches if a register is zero.
    pub fn beqz(&mut self, rs1: Register, target: Label) -> &mut Self {
        self.beq(rs1, ZERO, target)
    }

    /// Branches if a register is not zero.
    pub fn bnez(&mut self, rs1: Register, target: Label) -> &mut Self {
        self.bne(rs1, ZERO, target)
    }

    /// Branches if a register is negative.
    pub fn bltz(&mut self, rs1: Register, target: Label) -> &mut Self {
        self.blt(rs1, ZERO, target)
    }

    /// Branches if a register is not negative.
    pub fn bgez(&mut self, rs1: Register, target: Label) -> &mut Self {
        self.bge(rs1, ZERO, target)
    }

    /// Branches if the first register is greater.
    pub fn bgt(&mut self, rs1: Register, rs2: Register, target: Label) -> &mut Self {
        self.blt(rs2, rs1, target)
    }

    /// Branches if the first register is less or equal.
    pub fn ble(&mut self, rs1: Register, rs2: Register, target: Label) -> &mut Self {
        self.bge(rs2, rs1, target)
    }

    /// Jumps up to a mebibyte away.
    pub fn j(&mut self, target: Label) -> &mut Self {
        self.jal(ZERO, target)
    }

    /// Jumps to the address in a register.
    pub fn jr(&mut self, rs1: Register) -> &mut Self {
        self.jalr(ZERO, 0, rs1)
    }

    /// Calls a label up to two gibibytes away.
    pub fn call(&mut self, target: Label) -> &mut Self {
        let ra = RA.number();
        self.far(RA, Instruction { rd: ra, rs1: ra, ..Instruction::new(Opcode::Jalr) }, target)
    }

    /// Returns from a call.
    pub fn ret(&mut self) -> &mut Self {
        self.jr(RA)
    }

    /// Sets a register to the address of a label.
    pub fn la(&mut self, rd: Register, target: Label) -> &mut Self {
        let number = rd.number();
        self.far(rd, Instruction { rd: number, rs1: number, ..Instruction::new(Opcode::Addi) }, target)
    }

    /// Reads a control and status register.
    pub fn csrr(&mut self, rd: Register, csr: u16) -> &mut Self {
        self.csrrs(rd, csr, ZERO)
    }

    /// Writes a control and status register.
    pub fn csrw(&mut self, csr: u16, rs1: Register) -> &mut Self {
        self.csrrw(ZERO, csr, rs1)
    }

    /// Sets bits of a control and status register.
    pub fn csrs(&mut self, csr: u16, rs1: Register) -> &mut Self {
        self.csrrs(ZERO, csr, rs1)
    }

    /// Clears bits of a control and status register.
    pub fn csrc(&mut self, csr: u16, rs1: Register) -> &mut Self {
        self.csrrc(ZERO, csr, rs1)
    }

    /// Reads the floating control and status register.
    pub fn frcsr(&mut self, rd: Register) -> &mut Self {
        self.csrr(rd, csr::FCSR)
    }

    /// Copies a double.
    pub fn fmv_d(&mut self, rd: FloatRegister, rs1: FloatRegister) -> &mut Self {
        self.fsgnj_d(rd, rs1, rs1)
    }

    /// Copies a single.
    pub fn fmv_s(&mut self, rd: FloatRegister, rs1: FloatRegister) -> &mut Self {
        self.fsgnj_s(rd, rs1, rs1)
    }
}
