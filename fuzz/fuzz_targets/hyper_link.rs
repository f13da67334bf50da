//! Whatever comes over a stream, a handshake and a session take it or refuse it; nothing that was not sealed is opened.

#![no_main]

use ironloom_core::{MachineId, Rng, Seed};
use ironloom_hyper::cluster::HostId;
use ironloom_hyper::cluster::link::{
    Handshake, Identity, Incarnation, NONCE_BYTES, Progress, Secret, Session,
};
use libfuzzer_sys::fuzz_target;

const FRAME_BYTES_MAX: usize = 4_096;

fn identity(number: u8) -> Identity {
    let machine = MachineId::random(&mut Rng::new(Seed::new(1)));
    let here = HostId::new(number).unwrap();
    Identity { machine, here, run: Incarnation::new(1), secret: Secret::new(b"fuzzed") }
}

/// A handshake of two, in which the bytes of one step are changed if there is anything to change.
fn meet(step: usize, changes: &[u8]) -> Option<(Session, Session)> {
    let mut to_accept = Vec::new();
    let mut dial = Handshake::dial(identity(0), HostId::new(1).unwrap(), [1; NONCE_BYTES], &mut to_accept);
    let mut accept = Handshake::accept(identity(1), [2; NONCE_BYTES]);
    let mut accepted = None;
    for now in 0..2 {
        change(&mut to_accept, if step == 2 * now { changes } else { &[] });
        let mut to_dial = Vec::new();
        if let Ok(Progress::Asked { .. }) = accept.receive(&mut &to_accept[..], &mut to_dial) {
            accepted = accept.decide(None, &mut to_dial);
        }
        change(&mut to_dial, if step == 2 * now + 1 { changes } else { &[] });
        to_accept.clear();
        if let Progress::Linked(session) = dial.receive(&mut &to_dial[..], &mut to_accept).ok()? {
            return Some((session, accepted?));
        }
    }
    None
}

/// Bytes are replaced, as pairs of a place and a value say.
fn change(bytes: &mut [u8], changes: &[u8]) {
    for pair in changes.as_chunks::<2>().0 {
        if let Some(byte) = bytes.get_mut(usize::from(pair[0])) {
            *byte = pair[1];
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, rest)) = bytes.split_first() else { return };
    // What nobody has said.
    let mut out = Vec::new();
    let mut accept = Handshake::accept(identity(1), [2; NONCE_BYTES]);
    assert!(!matches!(
        accept.receive(&mut &rest[..], &mut out),
        Ok(Progress::Asked { .. } | Progress::Linked(_))
    ));
    assert!(out.len() <= 104);
    // What was changed on the way.
    let _ = meet(usize::from(kind % 4), rest);
    let (from, to) = meet(0, &[]).expect("nothing is changed");
    let mut from = from.packs(*kind >= 128);
    let mut to = to.frame_bytes_max(FRAME_BYTES_MAX);
    let mut sealed = Vec::new();
    let payloads: Vec<&[u8]> = rest.chunks(usize::from(*kind) + 1).collect();
    for payload in &payloads {
        from.seal(payload, &mut sealed).expect("it is short");
    }
    change(&mut sealed, rest);
    let (mut stream, mut opened) = (&sealed[..], 0);
    loop {
        to.feed(&mut stream);
        loop {
            match to.open() {
                Ok(Some(frame)) => {
                    for payload in frame {
                        assert_eq!(payload, payloads[opened]);
                        opened += 1;
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(to.open().err(), Some(error));
                    return;
                }
            }
        }
        if stream.is_empty() {
            return;
        }
    }
});
