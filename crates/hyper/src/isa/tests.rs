//! Decoding, encoding and naming against each other and against binutils.

use proptest::prelude::*;

use super::{Instruction, Opcode};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100_000))]

    #[test]
    fn what_is_decoded_encodes_to_the_same_bits(bits in any::<u32>()) {
        if let Some(instruction) = Instruction::decode(bits | 3) {
            prop_assert_eq!(instruction.encode(), Some(bits | 3), "{}", instruction);
        }
    }

    #[test]
    fn every_opcode_survives_the_way_there_and_back(
        place in 0..Opcode::all().count(), operands in any::<u32>(),
    ) {
        let row = Opcode::all().nth(place).unwrap().row();
        let bits = row.pattern | operands & !row.mask;
        let instruction = Instruction::decode(bits).unwrap();
        let special = [Opcode::FenceTso, Opcode::Pause].contains(&instruction.opcode);
        prop_assert!(instruction.opcode == row.opcode || special, "{}", instruction);
        prop_assert_eq!(instruction.encode(), Some(bits), "{}", instruction);
    }
}

#[test]
fn no_two_opcodes_claim_the_same_bits() {
    for one in Opcode::all().map(Opcode::row) {
        for other in Opcode::all().map(Opcode::row).filter(|other| other.opcode != one.opcode) {
            let both = (one.pattern ^ other.pattern) & one.mask & other.mask == 0;
            let special = one.opcode == Opcode::Fence || other.opcode == Opcode::Fence;
            assert!(!both || special, "{:?} and {:?}", one.opcode, other.opcode);
        }
    }
}

#[test]
fn every_half_word_means_what_its_expansion_means() {
    for half in (0..=u16::MAX).filter(|half| half & 3 != 3) {
        let Some(short) = Instruction::decode(u32::from(half) | 0xabcd_0000) else { continue };
        assert_eq!(short.length, 2);
        let long = Instruction::decode(short.encode().unwrap()).unwrap();
        assert_eq!(Instruction { length: 2, ..long }, short, "{half:#06x}");
    }
}

#[test]
fn operands_without_a_place_are_refused() {
    let check = |instruction: Instruction| assert_eq!(instruction.encode(), None, "{instruction:?}");
    check(Instruction { rd: 32, ..Instruction::new(Opcode::Add) });
    check(Instruction { rs1: 32, ..Instruction::new(Opcode::Add) });
    check(Instruction { rs3: 1, ..Instruction::new(Opcode::Add) });
    check(Instruction { immediate: 2048, ..Instruction::new(Opcode::Addi) });
    check(Instruction { immediate: 64, ..Instruction::new(Opcode::Slli) });
    check(Instruction { immediate: 32, ..Instruction::new(Opcode::Slliw) });
    check(Instruction { immediate: 3, ..Instruction::new(Opcode::Beq) });
    check(Instruction { immediate: 4096, ..Instruction::new(Opcode::Beq) });
    check(Instruction { immediate: 1 << 20, ..Instruction::new(Opcode::Jal) });
    check(Instruction { immediate: 1, ..Instruction::new(Opcode::Lui) });
    check(Instruction { mode: 8, ..Instruction::new(Opcode::FaddS) });
    check(Instruction { mode: 4, ..Instruction::new(Opcode::LrW) });
    check(Instruction { immediate: -1, ..Instruction::new(Opcode::Csrrw) });
}

/// A digest over what all 65,536 half words mean. It was taken when each agreed with binutils 2.40, apart from `0x6101`,
/// a step of the stack pointer by nothing, which the manual reserves and binutils shows.
#[test]
fn half_words_mean_what_binutils_says() {
    let text = |half: u16| {
        let short = (half & 3 != 3).then(|| Instruction::decode(u32::from(half))).flatten();
        short.map_or_else(|| "-".to_owned(), |instruction| instruction.at(0).to_string())
    };
    // FNV-1a, which a few lines of any language repeat.
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let digest = (0..=u16::MAX)
        .flat_map(|half| format!("{half:04x} {}\n", text(half)).into_bytes())
        .fold(0xcbf2_9ce4_8422_2325, step);
    assert_eq!(text(0x6101), "-");
    assert_eq!(digest, 0xb121_d589_29bc_56f9);
}
