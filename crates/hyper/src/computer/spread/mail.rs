//! [`Mail`]: what is said about pages, put together so that many messages to a host are sent at once.

use super::Post;
use super::message::HostMessage;
use crate::cluster::HostId;
use crate::coherence;

/// How many bytes are put together before they are sent: so many stay in the caches of who seals and who opens them.
const LARGE_BYTES: usize = 64 << 10;

/// Messages about pages that are not sent yet, in the order in which they were said.
#[derive(Debug, Default)]
pub(super) struct Mail {
    bytes: Vec<u8>,
    /// To whom each message goes, and where it ends.
    letters: Vec<(HostId, usize)>,
}

impl Mail {
    pub(super) fn add(&mut self, to: HostId, message: coherence::Message) {
        borsh::to_writer(&mut self.bytes, &HostMessage::Page(message)).expect("a vector takes everything");
        self.letters.push((to, self.bytes.len()));
    }

    /// Whether it is time to send.
    pub(super) const fn is_large(&self) -> bool {
        self.bytes.len() >= LARGE_BYTES
    }

    /// Sends all, to each host at once.
    pub(super) fn send(&mut self, post: &dyn Post) {
        let mut left =
            self.letters.iter().fold(crate::cluster::HostSet::EMPTY, |hosts, (to, _)| hosts.with(*to));
        while let Some(host) = left.first() {
            left = left.without(host);
            let mut begin = 0;
            let messages: Vec<&[u8]> = self
                .letters
                .iter()
                .filter_map(|(to, end)| {
                    let message = &self.bytes[std::mem::replace(&mut begin, *end)..*end];
                    (*to == host).then_some(message)
                })
                .collect();
            post.send_all(host, &messages);
        }
        self.bytes.clear();
        self.letters.clear();
    }
}
