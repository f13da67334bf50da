//! What a host says that does not keep to the rules.

use ironloom_core::{Instant, Rng, Seed};

use super::{hart, host, hosts};
use crate::cluster::harts::message::Body;
use crate::cluster::harts::{HartMessage, Harts, HartsConfig, Output, Refusal, Refused};
use crate::cluster::{Epoch, HostId};

/// Host 0 of three, with hart 0; hart 1 lives at host 1.
fn harts() -> Harts<u8> {
    let config =
        HartsConfig { window: 2, held_max: 2, letters_max: 8, state_bytes_max: 16, ..HartsConfig::default() };
    Harts::new(config, host(0), hosts(3), &[host(0), host(1)], Epoch::new(1))
}

fn message(number: u8, body: Body<u8>) -> HartMessage<u8> {
    HartMessage { epoch: Epoch::new(1), hart: hart(number), body }
}

#[track_caller]
fn check(from: HostId, message: HartMessage<u8>, refused: Refused) {
    let mut harts = harts();
    assert_eq!(harts.receive(Instant::ZERO, from, message), Err(refused));
    assert_eq!(harts.poll(), None);
    assert_eq!(harts.counters().refused, 1);
}

#[test]
fn strangers_and_other_epochs_are_refused() {
    let body = Body::Prepare { term: 1 };
    check(host(9), message(1, body.clone()), Refused::Stranger { host: host(9) });
    check(host(0), message(1, body.clone()), Refused::Stranger { host: host(0) });
    check(host(1), message(7, body.clone()), Refused::NoSuchHart { hart: hart(7) });
    let late = HartMessage { epoch: Epoch::new(0), hart: hart(1), body };
    check(host(1), late, Refused::OtherEpoch { said: Epoch::new(0), now: Epoch::new(1) });
    let posted = Body::Letters { sender: host(9), term: 0, first: 1, letters: vec![1] };
    check(host(1), message(0, posted), Refused::Stranger { host: host(9) });
    check(
        host(1),
        message(1, Body::Whereabouts { host: host(9), term: 3 }),
        Refused::Stranger { host: host(9) },
    );
}

#[test]
fn nobody_takes_a_hart_that_lives_here() {
    let refused = Refused::OutOfState { host: host(1), hart: hart(0) };
    check(host(1), message(0, Body::Prepare { term: 3 }), refused);
    check(host(1), message(0, Body::Whereabouts { host: host(2), term: 3 }), refused);
    check(host(1), message(0, Body::Delivered { term: 3, upto: 0, gap: false }), refused);
    check(host(1), message(0, Body::Commit { term: 3 }), refused);
}

#[test]
fn numbers_and_lengths_have_limits() {
    let number = Refused::Number { number: u64::MAX };
    check(host(1), message(1, Body::Prepare { term: u64::MAX }), number);
    check(host(1), message(1, Body::Whereabouts { host: host(2), term: u64::MAX }), number);
    check(host(1), message(1, Body::Delivered { term: u64::MAX, upto: 0, gap: false }), number);
    check(host(1), message(1, Body::Delivered { term: 0, upto: u64::MAX, gap: true }), number);
    let letters = |first, count| Body::Letters { sender: host(1), term: 0, first, letters: vec![0; count] };
    check(host(1), message(0, letters(u64::MAX, 1)), number);
    check(host(1), message(0, letters(0, 1)), Refused::Number { number: 0 });
    check(host(1), message(0, letters(1, 0)), Refused::Length { found: 0, limit: 2 });
    check(host(1), message(0, letters(1, 3)), Refused::Length { found: 3, limit: 2 });
}

/// A state that is too large, or that says to have seen what was never sent, is sent back.
#[test]
fn a_state_must_make_sense() {
    let seen = |from: u8, number: u64| std::iter::once((host(from), number)).collect();
    for (seen, state) in [
        (seen(1, 1), vec![0; 17]),
        (seen(0, 1), vec![0; 4]),
        (seen(9, 1), vec![0; 4]),
        (seen(1, u64::MAX), vec![0; 4]),
    ] {
        let mut harts = harts();
        harts.receive(Instant::ZERO, host(1), message(1, Body::Prepare { term: 2 })).expect("it may come");
        while harts.poll().is_some() {}
        let state = Body::State { term: 2, seen, state };
        harts.receive(Instant::ZERO, host(1), message(1, state)).expect_err("it makes no sense");
        let refusal = message(1, Body::Refuse { term: 2, why: Refusal::Unfit });
        assert_eq!(harts.poll(), Some(Output::Send { to: host(1), message: refusal }));
        assert!(!harts.is_moving(hart(1)));
    }
}

fn any_body(rng: &mut Rng) -> Body<u8> {
    let term = if rng.chance(1, 9) { rng.next_u64() } else { rng.below(5) };
    let host = host(rng.below(4) as u8);
    match rng.below(11) {
        0 => Body::Prepare { term },
        1 => Body::Ready { term },
        2 => Body::Refuse { term, why: Refusal::Full },
        3 => {
            Body::State { term, seen: [(host, rng.below(3))].into(), state: vec![0; rng.below(20) as usize] }
        }
        4 => Body::Accept { term },
        5 => Body::Commit { term },
        6 => Body::Committed { term },
        7 => Body::Abandon { term },
        8 => {
            Body::Letters { sender: host, term, first: rng.below(5), letters: vec![1; rng.below(4) as usize] }
        }
        9 => Body::Delivered { term, upto: rng.below(6), gap: rng.chance(1, 2) },
        _ => Body::Whereabouts { host, term },
    }
}

/// Whatever is said, nothing breaks, nothing grows, and what runs here runs once.
#[test]
fn lies_break_nothing() {
    for seed in 0..2_000 {
        let (mut harts, mut rng) = (harts(), Rng::new(Seed::new(seed)));
        let mut runs = [true, false];
        for step in 0..200 {
            let now = Instant::from_nanos(step * 3_000_000);
            match rng.below(8) {
                0 => {
                    let _full = harts.post(now, hart(rng.below(3) as u8), 1);
                }
                1 => {
                    let (number, to) = (rng.below(3) as u8, rng.below(4) as u8);
                    let _refused = harts.begin_move(now, hart(number), host(to));
                }
                2 => harts.wake(now),
                _ => {
                    let (from, number) = (host(rng.below(4) as u8), rng.below(3) as u8);
                    let _refused = harts.receive(now, from, message(number, any_body(&mut rng)));
                }
            }
            while let Some(output) = harts.poll() {
                match output {
                    Output::Deliver { hart, .. } => {
                        assert!(runs[hart.index()], "letters go to harts that run");
                    }
                    Output::Freeze { hart } => {
                        assert!(std::mem::take(&mut runs[hart.index()]), "what freezes ran");
                        harts.frozen(now, hart, vec![1; 8]);
                    }
                    Output::Thaw { hart, .. } => {
                        assert!(!std::mem::replace(&mut runs[hart.index()], true), "what thaws did not run");
                    }
                    _ => {}
                }
            }
            assert!(harts.waiting(hart(0)) <= 8 && harts.waiting(hart(1)) <= 8);
        }
    }
}

/// Bytes that are no message are no panic.
#[test]
fn any_bytes_can_be_read() {
    let mut rng = Rng::new(Seed::new(4));
    for _ in 0..20_000 {
        let mut bytes = borsh::to_vec(&message(1, any_body(&mut rng))).expect("memory is enough");
        let place = rng.below(bytes.len() as u64) as usize;
        bytes[place] = rng.next_u64() as u8;
        if let Ok(read) = borsh::from_slice::<HartMessage<u8>>(&bytes) {
            let _any = harts().receive(Instant::ZERO, host(1), read);
        }
    }
}
