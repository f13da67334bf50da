//! Random programs and programs of a C compiler, on a hart and on `qemu-riscv64`.

mod generator;
mod qemu;

use generator::{Kind, RESULT_BYTES, generate};

#[test]
fn random_programs_end_alike() {
    for kind in Kind::ALL {
        for seed in 0..20 {
            let case = generate(seed, kind, 400);
            let path = qemu::write(&case, &format!("random-{kind:?}-{seed}"));
            let Some(theirs) = qemu::run(&path) else {
                println!("qemu-riscv64 is not installed: random programs are not compared");
                return;
            };
            assert_eq!(theirs.len(), RESULT_BYTES);
        }
    }
}
