//! From bits to an [`Instruction`].
//!
//! Rows of the [table](super::table) are found through an index by the major opcode and `funct3`, or for the floating
//! operations, which keep their rounding mode there, by the top five bits. At most a dozen rows are then compared.

use super::Instruction;
use super::compressed;
use super::table::{Format, ROWS, Row, TABLE};

impl Instruction {
    /// What `bits` mean, or nothing if they are reserved or of an extension that harts do not have.
    ///
    /// If the lowest two bits are not both set it is a compressed instruction, of which only the low half is looked at,
    /// and the answer is what it stands for, with length 2. Hints are the operations without effect that they look like.
    ///
    /// ```
    /// use ironloom_hyper::isa::{Instruction, Opcode};
    ///
    /// let add = Instruction::decode(0x00c5_8533).unwrap(); // add a0, a1, a2
    /// assert_eq!((add.opcode, add.rd, add.rs1, add.rs2), (Opcode::Add, 10, 11, 12));
    /// assert_eq!(Instruction::decode(0), None);
    /// ```
    #[must_use]
    pub fn decode(bits: u32) -> Option<Self> {
        if bits & 3 != 3 {
            return compressed::decode(bits as u16);
        }
        let bucket = bucket(bits);
        let (start, end) = (INDEX.starts[bucket], INDEX.starts[bucket + 1]);
        INDEX.rows[usize::from(start)..usize::from(end)]
            .iter()
            .map(|place| &TABLE[usize::from(*place)])
            .find(|row| bits & row.mask == row.pattern)
            .map(|row| operands(row, bits))
    }
}

fn operands(row: &Row, bits: u32) -> Instruction {
    let blank = Instruction { length: 4, ..Instruction::new(row.opcode) };
    let rd = five(bits, 7);
    let (rs1, rs2, rs3) = (five(bits, 15), five(bits, 20), five(bits, 27));
    let mode = (bits >> 12 & 7) as u8;
    let order = (bits >> 25 & 3) as u8;
    match row.format {
        Format::Upper => Instruction { rd, immediate: (bits & 0xffff_f000) as i32, ..blank },
        Format::Jump => Instruction { rd, immediate: immediate_of_jump(bits), ..blank },
        Format::Load | Format::Immediate | Format::FloatLoad | Format::BarrierPlain => {
            Instruction { rd, rs1, immediate: bits as i32 >> 20, ..blank }
        }
        Format::Branch => Instruction { rs1, rs2, immediate: immediate_of_branch(bits), ..blank },
        Format::Store | Format::FloatStore => {
            Instruction { rs1, rs2, immediate: (bits as i32 >> 25) << 5 | i32::from(rd), ..blank }
        }
        Format::Shift => Instruction { rd, rs1, immediate: (bits >> 20 & 63) as i32, ..blank },
        Format::ShiftWord => Instruction { rd, rs1, immediate: i32::from(rs2), ..blank },
        Format::Register | Format::Float | Format::FloatCompare => Instruction { rd, rs1, rs2, ..blank },
        Format::Unary | Format::FloatToBits | Format::BitsToFloat => Instruction { rd, rs1, ..blank },
        Format::Barrier | Format::BarrierKind | Format::Csr | Format::CsrImmediate => {
            Instruction { rd, rs1, immediate: (bits >> 20) as i32, ..blank }
        }
        Format::Exact => blank,
        Format::Translation => Instruction { rs1, rs2, ..blank },
        Format::LoadReserved => Instruction { rd, rs1, mode: order, ..blank },
        Format::Atomic => Instruction { rd, rs1, rs2, mode: order, ..blank },
        Format::Fused => Instruction { rd, rs1, rs2, rs3, mode, ..blank },
        Format::FloatRounded => Instruction { rd, rs1, rs2, mode, ..blank },
        Format::FloatUnary | Format::FloatToInteger | Format::IntegerToFloat => {
            Instruction { rd, rs1, mode, ..blank }
        }
    }
}

const fn five(bits: u32, low: u32) -> u8 {
    (bits >> low & 31) as u8
}

const fn immediate_of_branch(bits: u32) -> i32 {
    let sign = (bits as i32 >> 31) << 12;
    let rest = (bits >> 7 & 1) << 11 | (bits >> 25 & 0x3f) << 5 | (bits >> 8 & 0xf) << 1;
    sign | rest as i32
}

const fn immediate_of_jump(bits: u32) -> i32 {
    let sign = (bits as i32 >> 31) << 20;
    let rest = (bits & 0xf_f000) | (bits >> 20 & 1) << 11 | (bits >> 21 & 0x3ff) << 1;
    sign | rest as i32
}

/// The major opcode, without its two set bits, of floating operations between registers.
const OP_FP: u32 = 0x14;
/// Buckets by major opcode and `funct3`; those of floating operations follow.
const PLAIN: usize = 32 * 8;
const BUCKETS: usize = PLAIN + 32;
/// A row is in several buckets where the bits that choose one are operands.
const PLACES: usize = ROWS + 160;

fn bucket(bits: u32) -> usize {
    let major = bits >> 2 & 31;
    if major == OP_FP { PLAIN + (bits >> 27) as usize } else { (major << 3 | bits >> 12 & 7) as usize }
}

/// The bits that all instructions of a bucket share, and which bits these are.
const fn shared(bucket: usize) -> (u32, u32) {
    if bucket < PLAIN {
        let (major, funct3) = (bucket as u32 >> 3, bucket as u32 & 7);
        (funct3 << 12 | major << 2 | 3, 0x707f)
    } else {
        (((bucket - PLAIN) as u32) << 27 | OP_FP << 2 | 3, 0xf800_007f)
    }
}

/// Which rows are in which bucket.
struct Index {
    starts: [u16; BUCKETS + 1],
    rows: [u16; PLACES],
}

static INDEX: Index = index();

/// Of two rows that fit the later one is more special, so the last comes first.
const fn index() -> Index {
    let mut index = Index { starts: [0; BUCKETS + 1], rows: [0; PLACES] };
    let (mut bucket, mut filled) = (0, 0);
    while bucket < BUCKETS {
        let (pattern, mask) = shared(bucket);
        let mut place = ROWS;
        while place > 0 {
            place -= 1;
            let row = &TABLE[place];
            if (row.pattern ^ pattern) & row.mask & mask == 0
                && (bucket >= PLAIN || row.pattern >> 2 & 31 != OP_FP)
            {
                index.rows[filled] = place as u16;
                filled += 1;
            }
        }
        bucket += 1;
        index.starts[bucket] = filled as u16;
    }
    index
}
