//! [`CommandEnd`]: a process on a machine as the other half of a connection.

use std::sync::Arc;

use ironloom_core::{Clock, Duration, Instant};
use ironloom_net::Payload;
use ironloom_net::door::Gone;
use ironloom_vm::os::Exit;
use ironloom_vm::{Fed, Heard, Piped};

use crate::world::Core;

/// How long whoever is outside may go on after the process has ended. Who goes on is not listened to, but a connection that is
/// closed with something unread is reset, and with it what the process said last.
pub(super) const LEAVE_WITHIN: Duration = Duration::from_secs(2);

/// How much is heard at once.
const HEARD_BYTES_MAX: usize = 64 << 10;

/// How much of what a process wrote to its standard error is told in a log.
const COMPLAINT_BYTES_MAX: usize = 200;

/// A process on a machine as the other half of a connection.
pub(super) struct CommandEnd {
    /// Nothing once it was closed.
    piped: Option<Piped>,
    exit: Option<Exit>,
    clock: Arc<dyn Clock>,
    /// Until when whoever is outside may go on, once the process has ended.
    leaves_at: Option<Instant>,
    /// The last of what it wrote to its standard error.
    complaint: Option<String>,
}

impl CommandEnd {
    pub(super) fn new(piped: Piped, clock: Arc<dyn Clock>) -> Self {
        Self { piped: Some(piped), exit: None, clock, leaves_at: None, complaint: None }
    }

    /// The process, while it is listened to.
    pub(super) const fn piped(&self) -> Option<&Piped> {
        self.piped.as_ref()
    }

    /// The process has ended. What it wrote before is still heard.
    pub(super) const fn ended(&mut self, exit: Exit) {
        self.exit = Some(exit);
    }

    pub(super) const fn has_ended(&self) -> bool {
        self.exit.is_some()
    }

    pub(super) fn send(&self, core: &mut Core, payload: &Payload) -> Result<usize, Gone> {
        let Some(piped) = &self.piped else { return Ok(payload.len()) };
        let mut given = 0;
        for piece in payload.pieces() {
            match core.feed(piped, piece).map_err(|_| Gone)? {
                Fed::Taken(taken) => {
                    given += taken;
                    if taken < piece.len() {
                        break;
                    }
                }
                // It goes on without: that is no reason to break off what it has to say.
                Fed::NobodyReads => return Ok(payload.len()),
            }
        }
        Ok(given)
    }

    pub(super) fn receive(&mut self, core: &mut Core, bytes_max: usize) -> Result<Option<Payload>, Gone> {
        let Some(piped) = &self.piped else { return Ok(Some(Payload::EMPTY)) };
        match core.hear_command(piped, bytes_max.min(HEARD_BYTES_MAX)).map_err(|_| Gone)? {
            Heard::Bytes(bytes) => Ok(Some(bytes::Bytes::from(bytes).into())),
            Heard::Nothing if self.exit.is_none() => Ok(None),
            // Those that it started in the background may still have its output.
            Heard::Nothing | Heard::End => Ok(Some(Payload::EMPTY)),
        }
    }

    pub(super) fn finish(&mut self, core: &mut Core) {
        if let Some(piped) = &mut self.piped {
            // If its machine is gone, that is found next.
            let _ = core.finish_feeding(piped);
        }
    }

    /// Whether the process has ended, and whoever is outside had time to notice. It is asked after all was told.
    pub(super) fn listens_no_more(&mut self) -> bool {
        if self.exit.is_none() {
            return false;
        }
        let now = self.clock.now();
        *self.leaves_at.get_or_insert_with(|| now.saturating_add(LEAVE_WITHIN)) <= now
    }

    /// Closes the pipes. A process that has not ended closed its output before, and goes on alone.
    pub(super) fn close(&mut self, core: &mut Core) {
        if let Some(piped) = self.piped.take() {
            let errors = core.close_piped(piped);
            self.complaint = complaint_of(&errors);
        }
    }

    /// Whoever is outside is gone: a process that has not ended is told so, and ended if it does not listen.
    pub(super) fn abort(&mut self, core: &mut Core) {
        match self.piped.take() {
            Some(piped) if self.exit.is_none() => core.hang_up(piped),
            piped => {
                self.piped = piped;
                self.close(core);
            }
        }
    }

    /// What a log is told: how the process failed, if it did.
    pub(super) fn failure(&self) -> Option<String> {
        let how = match self.exit? {
            Exit::Code(0) => return None,
            Exit::Code(code) => format!("exit {code}"),
            Exit::Signal(signal) => format!("killed by {}", signal.name()),
        };
        Some(match &self.complaint {
            Some(complaint) => format!("{how}: {complaint}"),
            None => how,
        })
    }
}

/// The last line of what a process wrote to its standard error, on one line whatever it is.
fn complaint_of(errors: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(errors);
    let line = text.trim_end().lines().last()?;
    let end = line.floor_char_boundary(COMPLAINT_BYTES_MAX);
    Some(line[..end].escape_debug().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_one_line_with_an_end() {
        assert_eq!(complaint_of(b"first\nlast\x1b[2J\n\n").unwrap(), "last\\u{1b}[2J");
        assert_eq!(complaint_of(b"\n"), None);
        let long = complaint_of("ü".repeat(5_000).as_bytes()).unwrap();
        assert!(long.len() <= COMPLAINT_BYTES_MAX && long.ends_with('ü'));
    }
}
