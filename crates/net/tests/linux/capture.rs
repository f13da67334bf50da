//! What passed the door, as `tshark` sees it.

use std::fs::File;
use std::path::Path;

use ironloom_net::capture::Capture;

use crate::namespace::{has, shell, skip};
use crate::town::{Town, open_capture};

/// What is wrong with a frame, if anything is.
const WRONG: &str = "_ws.malformed || ip.checksum.status==0 || tcp.checksum.status==0 || udp.checksum.status==0 || icmp.checksum.status==0";

pub(crate) fn begin(town: &mut Town, folder: &Path) -> Capture<File> {
    town.tap();
    open_capture(File::create(folder.join("door.pcapng")).unwrap())
}

/// Checks that `tshark` finds nothing wrong, and that it would have found something.
pub(crate) fn check(capture: Capture<File>, folder: &Path) {
    let frames = capture.counts().frames;
    capture.finish().unwrap();
    if !has("tshark") {
        return skip("tshark is not installed, so nobody looks at what was captured");
    }
    let path = folder.join("door.pcapng");
    let (all, wrong) = (count(&path, ""), count(&path, WRONG));
    println!("tshark: {all} frames, {wrong} wrong");
    assert_eq!(all, frames);
    assert_eq!(wrong, 0, "{}", shell(&command(&path, WRONG)).1);
    let damaged = folder.join("damaged.pcapng");
    damage(&path, &damaged);
    assert_eq!(count(&damaged, WRONG), 1);
}

fn command(path: &Path, filter: &str) -> String {
    let checks = "-o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE -o udp.check_checksum:TRUE";
    format!("tshark -n -r {} {checks} -Y '{filter}' 2>/dev/null", path.display())
}

fn count(path: &Path, filter: &str) -> u64 {
    let (is_done, said) = shell(&format!("{} | wc -l", command(path, filter)));
    assert!(is_done, "{said}");
    said.trim().parse().unwrap()
}

/// Copies a capture, with a bit of the last packet of IP that differs.
fn damage(from: &Path, to: &Path) {
    let mut bytes = std::fs::read(from).unwrap();
    let word = |at: usize, bytes: &[u8]| u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
    let (mut at, mut last) = (0, None);
    while at < bytes.len() {
        // An enhanced packet block: type, length, interface, time, lengths, frame.
        if word(at, &bytes) == 6 && bytes[at + 28 + 12..at + 28 + 14] == [8, 0] {
            last = Some(at + 28 + 14);
        }
        at += word(at + 4, &bytes) as usize;
    }
    // The time to live, which only the checksum of the header guards.
    bytes[last.expect("there is a packet") + 8] ^= 0x40;
    std::fs::write(to, bytes).unwrap();
}
