//! Any bytes are a program, from any registers: it runs for as long as it may, and twice the same.

#![no_main]

use ironloom_core::{Duration, Rng, Seed};
use ironloom_hyper::board::layout;
use ironloom_hyper::{Computer, ComputerConfig};
use libfuzzer_sys::fuzz_target;

const MEMORY_BYTES: u64 = 2 << 20;
/// So long half of a run is: so many thousand instructions.
const TIME: Duration = Duration::from_micros(6);

fuzz_target!(|bytes: &[u8]| {
    let Some((seed, program)) = bytes.split_first_chunk::<8>() else { return };
    let program = &program[..program.len().min(64 << 10)];
    let run = || {
        let mut rng = Rng::new(Seed::new(u64::from_le_bytes(*seed)));
        let harts = 1 + rng.below(2) as u16;
        let mut computer = Computer::new(ComputerConfig::new(MEMORY_BYTES).harts(harts)).unwrap();
        computer.boot(program).unwrap();
        for number in 0..harts.into() {
            let hart = computer.hart_mut(number).unwrap();
            for register in 1..32 {
                hart.set_register(register, register_value(&mut rng, program.len() as u64));
            }
        }
        // The second half goes on from where the first one ended.
        let first = computer.run_for(TIME).unwrap();
        let second = computer.run_for(TIME).unwrap();
        let harts =
            (0..harts.into()).map(|number| computer.hart(number).unwrap().state()).collect::<Vec<_>>();
        (first, second, computer.retired(), harts, computer.memory().digest().unwrap())
    };
    assert_eq!(run(), run());
});

/// Something that leads somewhere, mostly.
fn register_value(rng: &mut Rng, program: u64) -> u64 {
    match rng.below(6) {
        0 => layout::MEMORY + rng.below(program.max(1)),
        1 => layout::MEMORY + rng.below(MEMORY_BYTES),
        2 => layout::VIRTIO + rng.below(0x9000),
        3 => layout::ACLINT + rng.below(0x1_0000),
        4 => rng.below(64),
        _ => rng.next_u64(),
    }
}
