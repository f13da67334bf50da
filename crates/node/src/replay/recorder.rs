//! [`Recorder`]: writes down what comes to a world.

use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender};
use std::thread::JoinHandle;

use ironloom_blob::BlobId;
use ironloom_core::trace::Digest;
use ironloom_core::{Instant, borsh};
use ironloom_net::door::{Crossing, Journal};
use parking_lot::Mutex;

use super::{Basis, Entry, Log, ReplayError};

/// How much is written at once, if there is so much.
const CHUNK_BYTES: usize = 64 << 10;

/// How many chunks wait for the disk at most; then whoever has another waits as well.
const CHUNKS_WAITING: usize = 16;

/// Writes down what comes to a world: gathers it, and has a thread of its own that gives it to the disk.
pub(crate) struct Recorder {
    gathered: Vec<u8>,
    /// How many steps are not among it yet.
    steps: u32,
    /// When it was first asked whether there is anything, and there was.
    since: Option<Instant>,
    /// Whether somebody has looked at all that has happened.
    pub(crate) is_settled: bool,
    writer: Option<(SyncSender<Message>, JoinHandle<()>)>,
    /// Why nothing is written any more, until somebody was told.
    failure: Arc<Mutex<Option<String>>>,
}

enum Message {
    Chunk(Vec<u8>),
    /// Says when all that came before is written.
    Flush(SyncSender<()>),
}

impl Recorder {
    /// Begins a log.
    pub(super) fn begin(log: &Log, basis: Basis) -> Result<Arc<Mutex<Self>>, ReplayError> {
        let last = log.begin(basis)?;
        let failure = Arc::<Mutex<Option<String>>>::default();
        let writer = Writer { log: log.clone(), last, number: 0, failure: Arc::clone(&failure) };
        let writer = Some(writer.start()?);
        let recorder =
            Self { gathered: Vec::new(), steps: 0, since: None, is_settled: true, writer, failure };
        let recorder = Arc::new(Mutex::new(recorder));
        log.written_by(&recorder);
        Ok(recorder)
    }

    /// A window runs, or the time of a command is over.
    pub(crate) fn step(&mut self) {
        self.is_settled = true;
        self.steps += 1;
        if self.steps == u32::MAX {
            self.end_steps();
        }
    }

    /// Writes down what comes next.
    pub(crate) fn write(&mut self, entry: &Entry) {
        self.end_steps();
        self.gather(entry);
        self.is_settled = matches!(entry, Entry::Idle(_) | Entry::Order(_) | Entry::Settle);
    }

    /// Whether there is enough to be written at once.
    pub(crate) const fn is_full(&self) -> bool {
        self.gathered.len() >= CHUNK_BYTES
    }

    /// Since when something is not on its way to the disk, by the clock of whoever asks now and then.
    pub(crate) fn gathered_since(&mut self, now: Instant) -> Option<Instant> {
        let has_gathered = self.steps > 0 || !self.gathered.is_empty();
        self.since = has_gathered.then(|| self.since.unwrap_or(now));
        self.since
    }

    /// Sends what there is on its way to the disk, with what it amounts to.
    pub(crate) fn seal(&mut self, at: Instant, digest: Digest) {
        self.end_steps();
        self.gather(&Entry::Mark(at, digest));
        self.send();
    }

    /// Returns when all that came so far is written.
    pub(crate) fn flush(&mut self) {
        self.end_steps();
        self.send();
        let (done, is_done) = mpsc::sync_channel(1);
        if let Some((writer, _)) = &self.writer
            && writer.send(Message::Flush(done)).is_ok()
        {
            // If the writer ends, there is nothing to wait for.
            let _ = is_done.recv();
        }
    }

    /// Why nothing is written any more; it is told once.
    pub(crate) fn take_failure(&mut self) -> Option<String> {
        self.failure.lock().take()
    }

    fn end_steps(&mut self) {
        let steps = std::mem::take(&mut self.steps);
        if steps > 0 {
            self.gather(&Entry::Steps(steps));
        }
    }

    fn gather(&mut self, entry: &Entry) {
        borsh::to_writer(&mut self.gathered, entry).expect("memory takes everything");
    }

    fn send(&mut self) {
        if self.gathered.is_empty() {
            return;
        }
        self.since = None;
        let chunk = std::mem::take(&mut self.gathered);
        if let Some((writer, _)) = &self.writer {
            // A writer that has failed has said so.
            let _ = writer.send(Message::Chunk(chunk));
        }
    }
}

/// Writes the rest.
impl Drop for Recorder {
    fn drop(&mut self) {
        self.end_steps();
        self.send();
        if let Some((writer, thread)) = self.writer.take() {
            drop(writer);
            let _ = thread.join(); // What it has to say, nobody asks any more.
        }
    }
}

/// Gives chunks to the disk.
struct Writer {
    log: Log,
    last: BlobId,
    number: u64,
    failure: Arc<Mutex<Option<String>>>,
}

impl Writer {
    #[expect(clippy::disallowed_methods, reason = "writing waits for the disk, which no worker may")]
    fn start(self) -> Result<(SyncSender<Message>, JoinHandle<()>), ReplayError> {
        let (sender, messages) = mpsc::sync_channel(CHUNKS_WAITING);
        let thread = std::thread::Builder::new().name("ironloom-log".to_owned());
        let thread = thread.spawn(move || self.run(&messages));
        let thread = thread.map_err(|error| ReplayError::Store(error.to_string()))?;
        Ok((sender, thread))
    }

    fn run(mut self, messages: &mpsc::Receiver<Message>) {
        while let Ok(message) = messages.recv() {
            match message {
                Message::Chunk(entries) => match self.log.add(self.last, self.number + 1, &entries) {
                    Ok(id) => (self.last, self.number) = (id, self.number + 1),
                    Err(error) => {
                        // A log with a hole tells another story. What is there is good up to here.
                        *self.failure.lock() = Some(error.to_string());
                        return;
                    }
                },
                Message::Flush(done) => drop(done),
            }
        }
    }
}

/// Writes down what doors let into a network.
pub(crate) struct Scribe(pub(crate) Arc<Mutex<Recorder>>);

impl Journal for Scribe {
    fn record(&mut self, _: Instant, crossing: &Crossing) {
        self.0.lock().write(&Entry::Crossing(Box::new(crossing.clone())));
    }
}
