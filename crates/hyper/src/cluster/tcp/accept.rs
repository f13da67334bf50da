//! Who connects is let in, or turned away.

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use ironloom_core::Duration;

use super::counts::add;
use super::shared::Shared;
use super::{handshake, link};
use crate::cluster::link::{LinkError, Session};

/// How long nobody is let in when the host of the process has no room for another.
const PAUSE: Duration = Duration::from_millis(10);

/// Lets in who connects, until all is closed.
pub(super) fn listen(shared: &Arc<Shared>, listener: &TcpListener) {
    loop {
        let accepted = listener.accept();
        let mut table = shared.table.lock();
        if table.is_closing {
            return;
        }
        let Ok((stream, _)) = accepted else {
            let deadline = shared.after(PAUSE);
            while !table.is_closing && shared.wait(&mut table, deadline) {}
            continue;
        };
        if table.handshakes >= shared.config.handshakes_max {
            add(&shared.tally.turned_away, 1);
            continue;
        }
        table.handshakes += 1;
        drop(table);
        if shared.spawn("link", move |shared| receive(shared, stream)).is_err() {
            shared.table.lock().handshakes -= 1;
            add(&shared.tally.turned_away, 1);
        }
    }
}

fn receive(shared: &Arc<Shared>, stream: TcpStream) {
    let session = introduce(shared, &stream);
    shared.table.lock().handshakes -= 1;
    if let Err(error) = session.and_then(|session| link::run(shared, stream, session)) {
        shared.fault(error);
    }
}

fn introduce(shared: &Shared, stream: &TcpStream) -> Result<Session, LinkError> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(shared.config.handshake_timeout.into()))?;
    handshake::accept(shared, stream, shared.after(shared.config.handshake_timeout))
}
