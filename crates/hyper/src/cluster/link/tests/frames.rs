//! Frames: what was sealed is opened, once and in order, and nothing else is.

use super::*;

/// Some payloads, one a frame; where each frame ends.
fn frames(session: &mut Session, sizes: &[usize]) -> (Vec<u8>, Vec<usize>) {
    let (mut out, mut ends) = (Vec::new(), Vec::new());
    for (index, size) in sizes.iter().enumerate() {
        session.seal(&vec![index as u8; *size], &mut out).unwrap();
        ends.push(out.len());
    }
    (out, ends)
}

#[test]
fn what_was_sealed_is_opened_however_it_is_cut() {
    let mut rng = Rng::new(Seed::new(2));
    for round in 0..200 {
        let (one, mut two) = session(round);
        let mut one = one.packs(round % 2 == 0);
        let (mut sent, mut out) = (Vec::new(), Vec::new());
        for _ in 0..rng.below(20) {
            let mut batch = one.sealer.begin(&mut out);
            for _ in 0..rng.below(4) {
                let bound = [1, 50, 5_000, 90_000][rng.below(4) as usize];
                let payload = vec![rng.next_u64() as u8; rng.below(bound) as usize];
                batch.push(&payload).unwrap();
                sent.push(payload);
            }
            batch.finish();
        }
        let (mut opened, mut rest) = (Vec::new(), &out[..]);
        while !rest.is_empty() {
            let bound = [3, 100, 70_000][rng.below(3) as usize];
            let (piece, after) = rest.split_at(rest.len().min(1 + rng.below(bound) as usize));
            let (payloads, failed) = open_all(&mut two, piece);
            assert_eq!(failed, None);
            opened.extend(payloads);
            rest = after;
        }
        assert_eq!(opened, sent);
        assert_eq!(two.opener.end(), LinkError::Closed);
    }
}

#[test]
fn whatever_bit_is_changed_the_frame_is_not_opened() {
    let mut one = session(0).0.packs(true);
    let (out, ends) = frames(&mut one, &[3, 40, 0, 200]);
    assert!(out.len() < 40 + 200, "the last is packed");
    for at in 0..out.len() {
        for bit in 0..8 {
            let mut changed = out.clone();
            changed[at] ^= 1 << bit;
            let (payloads, failed) = open_all(&mut session(0).1, &changed);
            let before = ends.iter().filter(|end| **end <= at).count();
            let begin = before.checked_sub(1).map_or(0, |last| ends[last]);
            assert_eq!(payloads.len(), before, "bit {bit} of byte {at}");
            // A length that says too little or too much is noticed at the tag, or once there are as many bytes.
            let is_noticed = matches!(failed, Some(LinkError::Tampered { .. } | LinkError::Oversize { .. }));
            assert!(is_noticed || failed.is_none() && at - begin < 4, "bit {bit} of byte {at}: {failed:?}");
        }
    }
}

#[test]
fn repeated_left_out_and_reordered_frames_are_refused() {
    let frame = |sizes: &[usize], which: &[usize]| {
        let (out, ends) = frames(&mut session(0).0, sizes);
        let begins: Vec<usize> = std::iter::once(0).chain(ends.iter().copied()).collect();
        let picked: Vec<u8> =
            which.iter().flat_map(|index| out[begins[*index]..ends[*index]].to_vec()).collect();
        open_all(&mut session(0).1, &picked)
    };
    let sizes = [10, 20, 30];
    assert_eq!(frame(&sizes, &[0, 1, 2]).1, None);
    assert_eq!(frame(&sizes, &[0, 0]).1, Some(LinkError::Replayed { expected: 1, received: 0 }));
    assert_eq!(frame(&sizes, &[0, 1, 0]).1, Some(LinkError::Replayed { expected: 2, received: 0 }));
    assert_eq!(frame(&sizes, &[0, 2]).1, Some(LinkError::Skipped { expected: 1, received: 2 }));
    assert_eq!(frame(&sizes, &[1, 0]).1, Some(LinkError::Skipped { expected: 0, received: 1 }));
}

#[test]
fn a_recorded_session_is_worth_nothing() {
    let (out, _) = frames(&mut session(0).0, &[10, 20]);
    // To another session, and back to who sent it.
    let refused = (Vec::new(), Some(LinkError::Tampered { sequence: 0 }));
    assert_eq!(open_all(&mut session(1).1, &out), refused);
    assert_eq!(open_all(&mut session(0).0, &out), refused);
}

#[test]
fn a_frame_that_is_cut_off_says_nothing() {
    let (out, _) = frames(&mut session(0).0, &[100]);
    for bytes in 1..out.len() {
        let mut two = session(0).1;
        assert_eq!(open_all(&mut two, &out[..bytes]), (Vec::new(), None));
        assert_eq!(two.opener.end(), LinkError::Truncated);
    }
}

#[test]
fn long_frames_are_neither_made_nor_waited_for() {
    let mut one = session(0).0.frame_bytes_max(100);
    let mut out = vec![9];
    assert!(one.seal(&[0; 96], &mut out).is_ok());
    let length = out.len();
    let long = LinkError::Oversize { bytes: 101, limit: 100 };
    assert_eq!(one.seal(&[0; 97], &mut out), Err(long));
    assert_eq!(out.len(), length, "nothing is appended");
    let mut batch = one.sealer.begin(&mut out);
    batch.push(&[1; 50]).unwrap();
    assert_eq!(batch.push(&[2; 50]), Err(LinkError::Oversize { bytes: 108, limit: 100 }));
    batch.finish();
    let mut two = session(0).1.frame_bytes_max(100);
    assert_eq!(open_all(&mut two, &out[1..]), (vec![vec![0; 96], vec![1; 50]], None));
    // An error stays.
    let (bytes, _) = frames(&mut session(0).0, &[200]);
    let mut two = session(0).1.frame_bytes_max(100);
    let long = LinkError::Oversize { bytes: 204, limit: 100 };
    assert_eq!(open_all(&mut two, &bytes[..12]), (Vec::new(), Some(long)));
    assert_eq!(two.open().err(), Some(long));
    assert_eq!(two.opener.end(), long);
}

#[test]
fn an_unfinished_frame_leaves_nothing_behind() {
    let (mut one, mut two) = session(0);
    let mut out = Vec::new();
    one.sealer.begin(&mut out).push(b"never").unwrap();
    one.sealer.begin(&mut out).finish();
    assert!(out.is_empty());
    one.seal(b"first", &mut out).unwrap();
    assert_eq!(open_all(&mut two, &out), (vec![b"first".to_vec()], None));
}

#[test]
fn once_it_is_warm_a_session_needs_no_more_room() {
    let (mut one, mut two) = session(0);
    let mut out = Vec::new();
    let mut room = None;
    one = one.packs(true);
    for _ in 0..1_000 {
        out.clear();
        one.seal(&[1; 4_096], &mut out).unwrap();
        assert_eq!(open_all(&mut two, &out).0.len(), 1);
        let now = (out.capacity(), two.opener.room().len());
        assert_eq!(*room.get_or_insert(now), now);
    }
}
