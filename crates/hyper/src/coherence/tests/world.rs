//! Hosts with a memory each, as the tests drive them.
//!
//! A page has two words, in different lines: so a page that is told by what changed shows what it was applied to.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use ironloom_blob::BlobId;
use ironloom_core::{Duration, Instant};

use crate::PAGE_BYTES;
use crate::cluster::{Epoch, HostId, HostSet};
use crate::coherence::{
    Coherence, CoherenceConfig, Content, Held, LINE_BYTES, Message, Output, Page, Released, Tell,
};

pub(super) type Words = [u64; 2];

pub(super) fn host(number: u8) -> HostId {
    HostId::new(number).unwrap()
}

pub(super) fn hosts(count: u8) -> HostSet {
    (0..count).map(host).collect()
}

pub(super) fn config(pages: u32) -> CoherenceConfig {
    CoherenceConfig { grain_pages: 1, ..CoherenceConfig::new(pages) }
}

pub(super) fn impatient(pages: u32) -> CoherenceConfig {
    CoherenceConfig { hold: Duration::from_nanos(0), ..config(pages) }
}

fn page_of(words: Words) -> [u8; PAGE_BYTES as usize] {
    let mut page = [0; PAGE_BYTES as usize];
    page[..8].copy_from_slice(&words[0].to_le_bytes());
    page[LINE_BYTES..][..8].copy_from_slice(&words[1].to_le_bytes());
    page
}

fn words_of(page: &[u8; PAGE_BYTES as usize]) -> Words {
    let word = |at: usize| u64::from_le_bytes(page[at..][..8].try_into().unwrap());
    [word(0), word(LINE_BYTES)]
}

/// Under what a page is in a store that has every page.
fn name_of(words: Words) -> BlobId {
    let mut name = [0; 32];
    name[..8].copy_from_slice(&words[0].to_le_bytes());
    name[8..16].copy_from_slice(&words[1].to_le_bytes());
    BlobId::from_bytes(name)
}

fn words_named(name: BlobId) -> Words {
    let word = |at: usize| u64::from_le_bytes(name.as_bytes()[at..][..8].try_into().unwrap());
    [word(0), word(8)]
}

/// What says all of a page: the name of some, as if their host had them in the store only.
fn whole(words: Words) -> Content {
    let is_aside = words != [0; 2] && words[0].wrapping_add(words[1]) % 16 == 15;
    if is_aside { Content::Stored(name_of(words)) } else { Content::of(&page_of(words)) }
}

/// A page in a host's memory.
#[derive(Debug, Clone, Copy, Hash, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) words: Words,
    base: Words,
    /// What harts may really do: what the memory was told last.
    pub(super) access: Held,
}

/// A host: the protocol, and a memory that does as it says.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) coherence: Coherence,
    pub(super) frames: BTreeMap<Page, Frame>,
    /// Accesses that are being taken away.
    pub(super) releases: Vec<(Page, Held, Option<Tell>)>,
    /// What has come since this was emptied.
    pub(super) installed: Vec<Page>,
    pub(super) lost: Vec<Page>,
}

impl Hash for Node {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let coherence = &self.coherence;
        (&coherence.links, &coherence.inbox, &coherence.directory, &coherence.copies).hash(state);
        (&coherence.requests, &coherence.duties, &coherence.giving, &coherence.drain).hash(state);
        (&coherence.settling, coherence.quiesced).hash(state);
        (&self.frames, &self.releases).hash(state);
    }
}

impl Node {
    /// A host of a machine whose first host has all pages that are loaded, with the same words in each.
    pub(super) fn new(config: &CoherenceConfig, here: HostId, hosts: HostSet, loaded: u32) -> Self {
        let coherence =
            Coherence::new(config.clone(), here, hosts, Epoch::new(1), host(0), |page| page.get() < loaded);
        let mut node = Self::around(coherence);
        if here == host(0) {
            let frame = Frame { words: LOADED, base: LOADED, access: Held::Write };
            node.frames = (0..loaded).map(|page| (Page::new(page), frame)).collect();
        }
        node
    }

    pub(super) fn around(coherence: Coherence) -> Self {
        Self {
            coherence,
            frames: BTreeMap::new(),
            releases: Vec::new(),
            installed: Vec::new(),
            lost: Vec::new(),
        }
    }

    pub(super) fn access(&self, page: Page) -> Held {
        self.frames.get(&page).map_or(Held::Nothing, |frame| frame.access)
    }

    pub(super) fn read(&self, page: Page) -> Words {
        assert!(self.access(page) >= Held::Read, "{page} may be read");
        self.frames[&page].words
    }

    pub(super) fn write(&mut self, page: Page, slot: usize, value: u64) {
        assert!(self.access(page) == Held::Write, "{page} may be written");
        self.frames.get_mut(&page).unwrap().words[slot] = value;
    }

    /// Does what the protocol says; messages go to `send`.
    pub(super) fn settle(&mut self, mut send: impl FnMut(HostId, Message)) {
        while let Some(output) = self.coherence.poll() {
            match output {
                Output::Send { to, message } => send(to, message),
                Output::Install { page, held, content } => self.install(page, held, &content),
                Output::Release { page, keep, tell } => self.releases.push((page, keep, tell)),
                Output::Forget { page } => drop(self.frames.remove(&page)),
                Output::Lost { page, .. } => self.lost.push(page),
            }
        }
    }

    fn install(&mut self, page: Page, held: Held, content: &Content) {
        let frame = self.frames.get(&page);
        assert!(
            frame.is_some() || content.is_complete(),
            "what is told of {page} is relative to what is here"
        );
        let words = if let Content::Stored(name) = content {
            words_named(*name)
        } else {
            let mut bytes = page_of(frame.map_or([0; 2], |frame| frame.words));
            assert!(content.apply(&mut bytes));
            words_of(&bytes)
        };
        self.frames.insert(page, Frame { words, base: words, access: held });
        self.installed.push(page);
    }

    /// Access that was to be taken away is gone.
    pub(super) fn release(&mut self, now: Instant, which: usize) {
        let (page, keep, tell) = self.releases.remove(which);
        let frame = self.frames.get_mut(&page).unwrap();
        frame.access = frame.access.min(keep);
        let Frame { words, base, .. } = *frame;
        let content = tell.map(|tell| match tell {
            Tell::Whole => whole(words),
            Tell::Since => Content::since(&page_of(base), &page_of(words)),
        });
        if content.is_some() {
            frame.base = words;
        }
        self.coherence.released(now, page, Released { content, changed: words != base });
    }
}

/// The words of pages that are loaded.
pub(super) const LOADED: Words = [11, 12];

/// Nobody may do with a page what others must not do at that time, and who may read sees what was written last.
pub(super) fn check<'a>(nodes: impl Iterator<Item = &'a Node> + Clone, page: Page, last: Option<Words>) {
    let (mut readers, mut writers) = (0, 0);
    for node in nodes {
        let access = node.access(page);
        readers += usize::from(access >= Held::Read);
        writers += usize::from(access == Held::Write);
        if let (Some(last), true) = (last, access >= Held::Read) {
            assert_eq!(node.read(page), last, "{page} at {} is as it was written", node.coherence.here);
        }
    }
    assert!(writers == 0 || readers == 1, "{page} has {writers} writers and {readers} readers");
}
