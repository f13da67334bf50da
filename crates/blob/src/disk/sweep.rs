//! Collection: what nothing keeps is dropped, and its space is given back.

use super::DiskStore;
use super::index::{Age, SHARDS};
use super::segment::LiveChange;
use crate::medium::Medium;
use crate::{BlobError, Collected, Spare};

impl<M: Medium> DiskStore<M> {
    /// Drops what no pin keeps, and gives back the space, while puts and gets go on.
    ///
    /// A blob that is put, again or for the first time, while it runs is not dropped; `spare` says what else is not.
    /// A second collection waits for the first.
    ///
    /// # Errors
    ///
    /// If the medium fails, or of what a pin keeps a blob is absent or one with links is corrupt: then it is not known
    /// what that keeps, and nothing is dropped. Put it again, or remove the pin.
    pub fn collect(&self, spare: Spare) -> Result<Collected, BlobError> {
        let maintenance = self.maintenance.lock();
        self.writer.check()?;
        self.begin_collection()?;
        let marked = self.mark();
        let swept = marked.map(|()| self.sweep(spare));
        self.end_collection();
        let mut collected = swept?;
        collected.freed_bytes = self.compact(&maintenance)?;
        Ok(collected)
    }

    fn sweep(&self, spare: Spare) -> Collected {
        let mut collected = Collected::default();
        for shard in 0..SHARDS {
            self.index.retain(shard, |_, entry| {
                let keep = match entry.age {
                    Age::New | Age::Reached => true,
                    Age::Recent => spare == Spare::Recent,
                    Age::Old => false,
                };
                if keep {
                    collected.kept += 1;
                } else {
                    collected.dropped += 1;
                    self.segments.count(entry, LiveChange::Left);
                }
                keep
            });
        }
        collected
    }
}
