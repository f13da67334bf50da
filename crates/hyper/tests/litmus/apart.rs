//! The same on several hosts: what one hart writes, harts elsewhere see in an order that the memory model allows.

use ironloom_hyper::isa::{Assembler, registers::*};

use crate::rig::{DATA, Part, dword, repeat, run_apart};

const WORD: u64 = DATA;

#[test]
fn what_harts_on_different_hosts_count_is_counted() {
    const EACH: u64 = 2_000;
    let part: Part<'_> = &|text: &mut Assembler| {
        text.li(S2, WORD);
        repeat(text, S4, EACH, |text| {
            let retry = text.label();
            text.bind(retry).lr_d(T0, S2).addi(T0, T0, 1).sc_d(T1, T0, S2).bnez(T1, retry);
            text.li(T2, 1).addi(T3, S2, 8).amoadd_d(ZERO, T2, T3);
        });
    };
    for hosts in [2, 3] {
        let hosts = run_apart(hosts, &[part; 4], |_| {});
        let found = [dword(&hosts.computers[0], WORD), dword(&hosts.computers[0], WORD + 8)];
        assert_eq!(found, [4 * EACH; 2]);
        println!("{:?}", hosts.hosts[0].counters());
    }
}
