//! How a node listens.

use std::sync::{Arc, mpsc};

use ironloom_core::Duration;
use ironloom_net::door::Driver;
use ironloom_sched::reactor::Address;

use super::paced::Paced;
use super::{Node, NodeError};
use crate::doors::{Begun, Doors, Draining, ListenError, Listener, ListenerInfo};

impl Node {
    /// Begins to listen, under a name that no other listener has; where that is. While the world is built it is waited for.
    ///
    /// # Errors
    ///
    /// If nobody can listen there, what it leads to is not there, or the node has stopped.
    pub fn listen(&self, name: &str, listener: Listener) -> Result<Address, ListenError> {
        if !self.is_running() {
            return Err(ListenError::Stopped);
        }
        let opening = match self.shared.doors.begin(name, listener)? {
            Begun::Done(address) => return Ok(address),
            Begun::Inside(opening) => opening,
        };
        let (address, doors) = (opening.address.clone(), Arc::clone(&self.shared.doors));
        let (answer, opened) = mpsc::sync_channel(1);
        self.shared.running.visit(Box::new(move |driver| {
            // Who does not wait for it any more has stopped.
            let _ = answer.send(doors.open(*opening, driver));
        }));
        self.shared.inbox.wake();
        match opened.recv() {
            Ok(opened) => opened.map(|()| address),
            Err(_) => {
                self.shared.doors.forget(name);
                Err(ListenError::Stopped)
            }
        }
    }

    /// All listeners, by name: where they are, where they lead, and what came in.
    #[must_use]
    pub fn listeners(&self) -> Vec<ListenerInfo> {
        self.shared.doors.list()
    }

    /// Stops listening: nobody may come any more, what is open may end within a time, and is ended then. The name is free
    /// again when nothing is left.
    #[must_use = "it says what had to be ended"]
    pub fn drain(&self, name: &str, within: Duration) -> Draining {
        let draining = self.shared.doors.drain(name, within);
        self.shared.inbox.wake();
        draining
    }
}

/// Begins to listen where the description of a world says.
pub(super) fn listen_as_described(driver: &mut Driver<Paced>, doors: &Doors) -> Result<(), NodeError> {
    let listeners = driver.driven().hold().listeners.clone();
    for (name, table) in listeners {
        let place = format!("listeners.{name}");
        let listener = table.listener(&place).expect("it was looked at when the world was built");
        let begun = doors.begin(&name, listener).and_then(|begun| match begun {
            Begun::Done(_) => Ok(()),
            Begun::Inside(opening) => doors.open(*opening, driver),
        });
        begun.map_err(|error| NodeError::Listen { name, error })?;
    }
    Ok(())
}
