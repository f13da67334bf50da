use std::net::Ipv4Addr;

use proptest::prelude::*;
use smoltcp::wire::{DhcpPacket, DhcpRepr};

use super::{Message, MessageError, MessageKind, Options};
use crate::Mac;

const MAC: Mac = Mac::new([2, 0, 0, 0, 0, 7]);

fn full() -> Message {
    let address = |last| Ipv4Addr::new(10, 0, 0, last);
    Message {
        seconds: 3,
        is_broadcast: true,
        client: address(1),
        yours: address(2),
        relay: address(3),
        options: Options {
            server: Some(address(4)),
            requested: Some(address(5)),
            client_id: vec![255, 1, 2, 3],
            host_name: "web".to_owned(),
            wanted: vec![1, 3, 6],
            bytes_max: Some(1_400),
            lease: Some(3_600),
            renew: Some(1_800),
            rebind: Some(3_150),
            mask: Some(Ipv4Addr::new(255, 255, 255, 0)),
            broadcast: Some(address(255)),
            routers: vec![address(6), address(7)],
            name_servers: vec![address(8)],
            domain: "lan".to_owned(),
            mtu: Some(9_000),
            reason: "because".to_owned(),
        },
        ..Message::new(MessageKind::Ack, 0xDEAD_BEEF, MAC)
    }
}

#[test]
fn what_is_written_is_read_back() {
    let bytes = full().emit();
    assert!(bytes.len() >= 300);
    assert_eq!(Message::parse(&bytes), Ok(full()));
    assert_eq!(Message::new(MessageKind::Discover, 1, MAC).emit().len(), 300);
}

/// The client of `smoltcp` reads what is written here.
#[test]
fn others_read_it_alike() {
    let bytes = full().emit();
    let packet = DhcpPacket::new_checked(&bytes[..]).unwrap();
    let read = DhcpRepr::parse(&packet).unwrap();
    let options = full().options;
    assert_eq!((read.transaction_id, read.your_ip, read.broadcast), (0xDEAD_BEEF, full().yours, true));
    assert_eq!((read.lease_duration, read.subnet_mask), (options.lease, options.mask));
    assert_eq!((read.server_identifier, read.requested_ip), (options.server, options.requested));
    assert_eq!(read.dns_servers.unwrap()[..], options.name_servers[..]);
}

#[test]
fn others_are_refused() {
    let good = full().emit();
    let with = |place: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[place] = value;
        Message::parse(&bytes)
    };
    assert_eq!(Message::parse(&good[..239]), Err(MessageError::Size { bytes: 239 }));
    assert_eq!(Message::parse(&[0; 1_501]), Err(MessageError::Size { bytes: 1_501 }));
    assert_eq!(with(1, 6), Err(MessageError::Hardware));
    assert_eq!(with(2, 16), Err(MessageError::Hardware));
    assert_eq!(with(236, 0), Err(MessageError::Magic));
    // A client cannot confirm, and there are only eight types.
    assert_eq!(with(0, 1), Err(MessageError::Kind));
    assert_eq!(with(242, 9), Err(MessageError::Kind));
    assert_eq!(Message::parse(&good[..240]), Err(MessageError::Kind));
}

#[test]
fn what_is_too_long_is_left_out() {
    let mut message = full();
    message.options.client_id = vec![1; 400];
    message.options.wanted = vec![2; 255];
    message.options.host_name = "h".repeat(255);
    message.options.domain = "d".repeat(255);
    message.options.reason = "r".repeat(255);
    let bytes = message.emit();
    assert!(bytes.len() <= Message::BYTES_MAX);
    let read = Message::parse(&bytes).unwrap();
    assert_eq!((read.options.lease, read.options.client_id.len()), (Some(3_600), 255));
    assert_eq!((read.options.domain.len(), read.options.reason.len()), (255, 0));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), rest in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Message::parse(&bytes);
        let mut message = full().emit();
        message.truncate(240);
        message.extend(rest);
        if let Ok(read) = Message::parse(&message) {
            // What could be read is written so that it is read back; only what cannot be shown is lost.
            prop_assert_eq!(Message::parse(&read.emit()), Ok(read));
        }
    }
}
