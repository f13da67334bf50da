//! Random programs and programs of a C compiler, on a hart and on `qemu-riscv64`.

mod compiled;
mod generator;
mod hart;
mod qemu;

use generator::{BASE, Case, DATA, Kind, MEMORY_BYTES, RESULT_BYTES, generate};
use ironloom_hyper::isa::{FloatRegister, Register};

const SEEDS: u64 = 20;
const LENGTH: usize = 400;

fn ours(case: &Case) -> Vec<u8> {
    hart::run(&[(BASE, case.program.bytes()), (DATA, &case.data)], BASE, 0)
}

#[test]
fn random_programs_end_alike() {
    for kind in Kind::ALL {
        for seed in 0..SEEDS {
            let case = generate(seed, kind, LENGTH);
            let path = qemu::write(&case, &format!("random-{kind:?}-{seed}"));
            let Some(theirs) = qemu::run(&path) else {
                println!("qemu-riscv64 is not installed: random programs are not compared");
                return;
            };
            assert_eq!(theirs.len(), RESULT_BYTES);
            let ours = ours(&case);
            if ours != theirs {
                println!("{kind:?} programs, seed {seed}:\n{}", difference(&ours, &theirs));
            }
        }
    }
}

/// What differs, by name.
fn difference(ours: &[u8], theirs: &[u8]) -> String {
    let dwords = |bytes: &[u8]| -> Vec<u64> {
        bytes.chunks_exact(8).map(|chunk| u64::from_le_bytes(chunk.try_into().unwrap())).collect()
    };
    let name = |place: usize| match place.checked_sub(MEMORY_BYTES / 8) {
        None => format!("memory {:#x}", place * 8),
        Some(number @ 0..32) => Register::new(number as u8).to_string(),
        Some(number @ 32..64) => FloatRegister::new(number as u8 - 32).to_string(),
        Some(_) => "fcsr".to_owned(),
    };
    let pairs = dwords(ours).into_iter().zip(dwords(theirs)).enumerate();
    pairs
        .filter(|(_, (ours, theirs))| ours != theirs)
        .map(|(place, (ours, theirs))| format!("{}: {ours:#x}, not {theirs:#x}\n", name(place)))
        .collect()
}

/// A digest over the results of the same programs, for where there is no other emulator. It was taken when each result was
/// that of `qemu-riscv64` 7.2.
#[test]
fn random_programs_end_as_they_did() {
    let results =
        Kind::ALL.into_iter().flat_map(|kind| (0..SEEDS).map(move |seed| generate(seed, kind, LENGTH)));
    let digest = results.flat_map(|case| ours(&case)).fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    assert_eq!(digest, 0x4653_ab37_d675_2247);
}

#[test]
fn compiled_programs_say_the_same() {
    for options in
        [&["-O0"][..], &["-O2"], &["-O3", "-march=rv64gc_zba_zbb_zbs"], &["-Os", "-march=rv64imafd"]]
    {
        let Some(program) = compiled::compile(&format!("mix{}", options.concat()), options) else {
            println!("riscv64-linux-gnu-gcc is not installed: no compiled program is compared");
            return;
        };
        let Some(theirs) = qemu::run(&program) else {
            println!("qemu-riscv64 is not installed: compiled programs are not compared");
            return;
        };
        let (segments, entry) = compiled::segments(&program);
        let segments =
            segments.iter().map(|(address, bytes)| (*address, bytes.as_slice())).collect::<Vec<_>>();
        let ours = hart::run(&segments, entry, hart::STACK);
        let [ours, theirs] = [ours, theirs].map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(ours, theirs, "{options:?}");
        assert_eq!(ours.lines().count(), 8);
    }
}
