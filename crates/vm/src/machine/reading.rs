//! Reading by lines, by numbers of bytes, and to the end.

use crate::Errno;

use super::Machine;
use super::description::Object;

/// How much is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// A line, without its end.
    Line,
    /// A line with its end.
    WholeLine,
    /// Everything up to the end.
    All,
    /// At most so many bytes: what there is, but at least one.
    Bytes(usize),
}

/// How much is gathered for one line, or for everything, if nothing is said.
pub(crate) const GATHERED_BYTES_MAX: usize = 16 << 20;
/// From how much on it is looked at what all descriptions have gathered: the machine's memory is for all of them.
const LITTLE_BYTES: usize = 64 << 10;

impl Machine {
    /// Reads; nothing is the end. What was gathered stays with the description when there is not enough yet.
    ///
    /// # Errors
    ///
    /// [`Errno::Again`] if there is not enough yet, [`Errno::TooBig`] if a line or everything is longer than `bytes_max`,
    /// and what the object fails with.
    pub(crate) fn read(
        &mut self,
        description: u32,
        wanted: Wanted,
        bytes_max: usize,
    ) -> Result<Option<Vec<u8>>, Errno> {
        let mut searched = 0;
        loop {
            let open = self.open.get_mut(description).ok_or(Errno::BadHandle)?;
            if let Some(bytes) = take(&mut open.ahead, wanted, bytes_max, &mut searched) {
                return Ok(Some(bytes));
            }
            let gathered = open.ahead.len();
            if gathered >= bytes_max {
                return Err(Errno::TooBig);
            }
            if gathered > LITTLE_BYTES && self.gathered() > self.table.memory_bytes {
                return Err(Errno::NoMemory);
            }
            let open = self.open.get_mut(description).ok_or(Errno::BadHandle)?;
            let max = match (wanted, &open.object) {
                (Wanted::Bytes(max), _) => max,
                // A line at a time, or what follows would be lost to who reads after this process.
                (_, Object::File(_)) => 4 << 10,
                _ => usize::MAX,
            };
            let bytes = self.fetch(description, max)?;
            let open = self.open.get_mut(description).ok_or(Errno::BadHandle)?;
            if bytes.is_empty() {
                let rest = std::mem::take(&mut open.ahead);
                return Ok((!rest.is_empty() || wanted == Wanted::All).then_some(rest));
            }
            if wanted == Wanted::Bytes(max) && open.ahead.is_empty() {
                return Ok(Some(bytes));
            }
            open.ahead.extend_from_slice(&bytes);
        }
    }

    /// How much all descriptions have gathered.
    fn gathered(&self) -> u64 {
        self.open.iter().map(|(_, open)| open.ahead.capacity() as u64).sum()
    }
}

/// What is wanted, if it is there.
fn take(ahead: &mut Vec<u8>, wanted: Wanted, bytes_max: usize, searched: &mut usize) -> Option<Vec<u8>> {
    match wanted {
        Wanted::All => None,
        Wanted::Bytes(0) => Some(Vec::new()),
        Wanted::Bytes(_) if ahead.is_empty() => None,
        Wanted::Bytes(max) => Some(cut(ahead, max)),
        Wanted::Line | Wanted::WholeLine => {
            let known = ahead.len().min(bytes_max);
            let end =
                ahead[*searched..known].iter().position(|byte| *byte == b'\n').map(|end| *searched + end);
            *searched = known;
            let mut line = cut(ahead, end? + 1);
            if wanted == Wanted::Line {
                line.pop();
            }
            Some(line)
        }
    }
}

fn cut(ahead: &mut Vec<u8>, length: usize) -> Vec<u8> {
    if length >= ahead.len() {
        return std::mem::take(ahead);
    }
    ahead.drain(..length).collect()
}
