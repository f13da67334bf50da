//! Handshakes: who gets a session, and what everybody else is told.

use super::*;

#[test]
fn who_knows_the_secret_gets_a_session() {
    let (dialled, accepted) = session(0);
    assert_eq!((dialled.peer, accepted.peer), (host(2), host(1)));
    assert!(dialled.is_dialled && !accepted.is_dialled);
}

#[test]
fn a_handshake_takes_what_is_its_own_and_no_more() {
    let mut pair = Pair::new(identity(1), identity(2), 2, 0);
    let (mut to_dial, mut progress) = (Vec::new(), Progress::More);
    for byte in std::mem::take(&mut pair.said) {
        progress = pair.accept.receive(&mut &[byte][..], &mut to_dial).unwrap();
    }
    assert!(matches!(progress, Progress::More));
    assert_eq!((to_dial.len(), pair.dial.wants()), (104, 104));
    let mut claim = Vec::new();
    pair.dial.receive(&mut &to_dial[..], &mut claim).unwrap();
    claim.extend_from_slice(b"later");
    let mut rest = &claim[..];
    to_dial.clear();
    assert!(matches!(pair.accept.receive(&mut rest, &mut to_dial), Ok(Progress::Asked { .. })));
    assert_eq!(rest, b"later");
    assert!(matches!(pair.accept.receive(&mut rest, &mut to_dial), Ok(Progress::Asked { .. })));
    assert!(pair.accept.decide(None, &mut to_dial).is_some());
    assert_eq!(pair.accept.receive(&mut rest, &mut to_dial).unwrap_err(), LinkError::ClosedHere);
    to_dial.extend_from_slice(b"later");
    let mut rest = &to_dial[..];
    assert!(matches!(pair.dial.receive(&mut rest, &mut claim), Ok(Progress::Linked(_))));
    assert_eq!(rest, b"later");
}

#[test]
fn who_does_not_belong_gets_none() {
    let wrong_secret = Identity { secret: Secret::new(b"theirs"), ..identity(1) };
    let other = MachineId::random(&mut Rng::new(Seed::new(4)));
    let wrong_machine = Identity { machine: other, ..identity(1) };
    let refused = |refusal| LinkError::Refused(refusal);
    let called = LinkError::Misdirected { called: host(3), found: host(2) };
    for (dial, to, dialled, accepted) in [
        (wrong_secret, 2, LinkError::Unproven, LinkError::Unproven),
        (wrong_machine, 2, refused(Refusal::Machine), LinkError::Machine { theirs: other }),
        (identity(1), 3, refused(Refusal::Misdirected), called),
        (identity(2), 2, refused(Refusal::UnknownHost), LinkError::Reflected),
    ] {
        let (one, two) = Pair::new(dial, identity(2), to, 0).meet(None, |_, _| {});
        assert_eq!((one.unwrap_err(), two.unwrap_err()), (dialled, accepted));
    }
    for refusal in [Refusal::Crossed, Refusal::Stale, Refusal::UnknownHost, Refusal::Busy] {
        let (one, two) = Pair::new(identity(1), identity(2), 2, 0).meet(Some(refusal), |_, _| {});
        assert_eq!((one.unwrap_err(), two.unwrap_err()), (refused(refusal), LinkError::Replaced));
    }
}

#[test]
fn whatever_bit_is_changed_there_is_no_session() {
    for (step, length) in [(0, 104), (1, 104), (2, 32), (3, 33)] {
        for at in 0..length {
            for bit in 0..8 {
                let mut changed = 0;
                let pair = Pair::new(identity(1), identity(2), 2, 0);
                let (dialled, accepted) = pair.meet(None, |now, bytes| {
                    if now == step {
                        bytes[at] ^= 1 << bit;
                        changed += 1;
                    }
                });
                assert_eq!(changed, 1);
                assert!(dialled.is_err(), "bit {bit} of byte {at} of step {step}");
                // Who accepts has said its last word before the last byte is changed.
                assert_eq!(accepted.is_ok(), step == 3, "bit {bit} of byte {at} of step {step}");
            }
        }
    }
}

#[test]
fn whoever_holds_up_a_mirror_is_noticed() {
    let mut hello = Vec::new();
    let mut dial = Handshake::dial(identity(1), host(2), [0; NONCE_BYTES], &mut hello);
    let mut out = Vec::new();
    assert_eq!(dial.receive(&mut &hello[..], &mut out).unwrap_err(), LinkError::Reflected);
    // In another handshake of the same host it is not even for it.
    let mut accept = Handshake::accept(identity(1), [1; NONCE_BYTES]);
    let misdirected = LinkError::Misdirected { called: host(2), found: host(1) };
    assert!(
        [LinkError::Reflected, misdirected].contains(&accept.receive(&mut &hello[..], &mut out).unwrap_err())
    );
}

#[test]
fn what_was_said_in_another_handshake_proves_nothing() {
    let mut recorded = Vec::new();
    let pair = Pair::new(identity(1), identity(2), 2, 0);
    let (dialled, accepted) = pair.meet(None, |_, bytes| recorded.push(bytes.clone()));
    assert!(dialled.is_ok() && accepted.is_ok());
    // Who accepts has another nonce now, so the claim is not about its answer.
    let mut accept = Handshake::accept(identity(2), [5; NONCE_BYTES]);
    let mut out = Vec::new();
    assert!(matches!(accept.receive(&mut &recorded[0][..], &mut out), Ok(Progress::More)));
    assert_eq!(accept.receive(&mut &recorded[2][..], &mut out).unwrap_err(), LinkError::Unproven);
    // Who dials has another nonce now, so the answer is not about its hello.
    let mut dial = Handshake::dial(identity(1), host(2), [6; NONCE_BYTES], &mut out);
    assert_eq!(dial.receive(&mut &recorded[1][..], &mut out).unwrap_err(), LinkError::Unproven);
}

#[test]
fn whatever_is_received_little_is_kept_and_nothing_panics() {
    let mut rng = Rng::new(Seed::new(1));
    for _ in 0..2_000 {
        let mut accept = Handshake::accept(identity(2), [0; NONCE_BYTES]);
        let mut bytes: Vec<u8> = rng.bytes::<300>().to_vec();
        if rng.chance(1, 2) {
            bytes[..4].copy_from_slice(b"ILHL");
        }
        if rng.chance(1, 2) {
            bytes[4..6].copy_from_slice(&1_u16.to_le_bytes());
        }
        let mut out = Vec::new();
        let error = accept.receive(&mut &bytes[..], &mut out).unwrap_err();
        let is_plain = matches!(error, LinkError::Foreign | LinkError::Version { .. } | LinkError::Unproven);
        assert!(is_plain && out.len() <= 104, "{error:?}");
    }
}
