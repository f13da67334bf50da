//! What is written is read as what it was.

use proptest::prelude::*;

use super::super::*;
use super::any;

proptest! {
    #[test]
    fn what_is_written_is_read_as_what_it_was(frame in any::frame()) {
        let bytes = frame.to_bytes();
        prop_assert_eq!(bytes.len(), frame.wire_len());
        prop_assert_eq!(Frame::parse(bytes), Ok(frame));
    }

    #[test]
    fn what_is_read_is_written_as_what_says_the_same(frame in any::frame(), at in any::<u16>(), value: u8) {
        let mut bytes = frame.to_bytes().to_vec();
        let at = usize::from(at) % bytes.len();
        bytes[at] = value;
        if let Ok(frame) = Frame::parse(bytes.into()) {
            prop_assert_eq!(Frame::parse(frame.to_bytes()), Ok(frame));
        }
    }
}

#[test]
fn what_does_not_fit_among_options_is_left_out() {
    let options = Options {
        timestamps: Some(Timestamps { value: 1, echo: 2 }),
        received: Some((0..6).map(|at| (at, at + 1)).collect()),
        ..Options::default()
    };
    let written = options.emit();
    assert_eq!((written.len(), options.wire_len()), (40, 40));
    assert_eq!(Options::parse(&written).unwrap().received.as_deref(), Some(&[(0, 1), (1, 2), (2, 3)][..]));
}

#[test]
fn options_are_told_from_each_other() {
    let check =
        |bytes: &[u8], expected: Result<Options, Malformed>| assert_eq!(Options::parse(bytes), expected);
    let wrong = |kind, length| Err(Malformed::Option { kind, length });
    check(&[], Ok(Options::default()));
    check(&[1, 1, 0, 9, 9], Ok(Options::default()));
    check(&[254, 4, 1, 2, 3, 3, 99], Ok(Options { window_shift: Some(14), ..Options::default() }));
    check(&[1, 2], wrong(2, 0));
    check(&[2, 0, 5, 5], wrong(2, 0));
    check(&[2, 1, 5, 5], wrong(2, 1));
    check(&[2, 5, 5, 5, 5], wrong(2, 5));
    check(&[254, 9, 0], wrong(254, 9));
    check(&[5, 2], wrong(5, 2));
    check(&[5, 9, 0, 0, 0, 0, 0, 0, 0], wrong(5, 9));
    check(&[8, 10, 0], wrong(8, 10));
}

#[test]
fn a_packet_that_is_too_large_to_be_told_is_written_nevertheless() {
    let payload = Payload::from(vec![1; 70_000]);
    let packet = Packet {
        source: [10, 0, 0, 1].into(),
        target: [10, 0, 0, 2].into(),
        hops: 64,
        service: 0,
        identification: 0,
        may_fragment: true,
        transport: Transport::Udp(Datagram { source: 1, target: 2, payload }),
    };
    let mut bytes = Vec::new();
    packet.emit(&mut bytes);
    assert_eq!((bytes.len(), packet.wire_len(), &bytes[2..4]), (70_028, 70_028, &[0, 0][..]));
    assert!(matches!(Packet::parse(bytes.into()), Err(Malformed::Length { layer: Layer::Ip, .. })));
}
