//! [`Connecting`]: a TCP connection that is on its way.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::error::ConnectError;
use super::readiness::{Side, Spent};
use super::socket::Socket;

/// The future of a connection; dropped, it gives up and closes the socket.
#[derive(Debug)]
#[must_use = "a connection that is not awaited never comes about"]
pub struct Connecting {
    socket: Option<Socket>,
}

impl Connecting {
    pub(super) const fn new(socket: Socket) -> Self {
        Self { socket: Some(socket) }
    }
}

impl Future for Connecting {
    type Output = Result<Socket, ConnectError>;

    /// # Panics
    ///
    /// If it was ready before.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let socket = self.socket.as_ref().expect("nobody polls a future that was ready");
        let source = socket.source();
        loop {
            let seen = source.readiness.glance();
            if !seen.is_ready(Side::Write) {
                ready!(source.wait(context, Side::Write))?;
                continue;
            }
            match outcome(socket) {
                Ok(true) => break,
                Ok(false) => source.readiness.spend(Side::Write, seen, Spent::Refused),
                Err(error) => return Poll::Ready(Err(ConnectError::Refused(error))),
            }
        }
        Poll::Ready(Ok(self.socket.take().expect("it was there above")))
    }
}

/// Whether the connection is there yet.
fn outcome(socket: &Socket) -> io::Result<bool> {
    if let Some(error) = socket.source().io.take_error()? {
        return Err(error);
    }
    match socket.peer_address() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}
