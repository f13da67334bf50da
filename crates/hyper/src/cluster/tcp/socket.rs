//! What the standard library does not say of a socket: to write to it without blocking, while it blocks in reading.

use std::io;
use std::net::TcpStream;

use socket2::SockRef;

/// `MSG_DONTWAIT`, and `MSG_NOSIGNAL` where there is such a thing.
#[cfg(any(target_os = "linux", target_os = "android"))]
const AT_ONCE: i32 = 0x40 | 0x4000;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const AT_ONCE: i32 = 0x80;

/// Writes as much as the socket takes at once, which may be nothing.
pub(super) fn write_at_once(stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match SockRef::from(stream).send_with_flags(bytes, AT_ONCE) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
