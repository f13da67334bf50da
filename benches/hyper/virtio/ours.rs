//! [`Ours`]: Linux in our machine.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ironloom_benches::now;
use ironloom_blob::{MemoryStore, PinName, Volume, volume};
use ironloom_hyper::board::{Attachment, BlockDevice, Input, MemoryDisk, Output, Slot};
use ironloom_hyper::computer::Pause;
use ironloom_hyper::{Computer, ComputerConfig};
use ironloom_net::{Mac, fabric};

use crate::guest::Guest;
use crate::network::Network;
use crate::{DISK_BYTES, MEMORY_BYTES, Machine, PROMPT, noise};

/// How much time goes by between two looks at who has something to say to whom.
const STEP: ironloom_core::Duration = ironloom_core::Duration::from_micros(100);

/// What disks are made of.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// Memory.
    Memory,
    /// Volumes of a store in memory.
    Volume,
}

impl Kind {
    fn disk(self, content: Option<&[u8]>) -> Box<dyn BlockDevice> {
        match self {
            Self::Memory => Box::new(MemoryDisk::new(
                content.map_or_else(|| vec![0; DISK_BYTES as usize], <[u8]>::to_vec),
            )),
            Self::Volume => {
                let store = Arc::new(MemoryStore::new());
                let volume = Volume::create(store, DISK_BYTES, volume::Config::default())
                    .expect("the size is possible");
                if let Some(content) = content {
                    volume.write_at(0, content).expect("it fits");
                }
                // Without a pin, what was written could not be moved from the volume to its store.
                let name = "disk".parse::<PinName>().expect("it is a name");
                volume.pin(&name).expect("there is no other");
                Box::new(volume)
            }
        }
    }
}

/// Linux in our machine.
pub(crate) struct Ours {
    computer: Computer,
    network: Network,
    card: Slot,
    text: String,
}

impl Ours {
    /// Boots Linux.
    pub(crate) fn new(guest: &Guest, kind: Kind) -> Self {
        let mut computer = Computer::new(ComputerConfig::new(MEMORY_BYTES)).expect("the machine is made");
        for content in [Some(noise(DISK_BYTES)), None] {
            let device = kind.disk(content.as_deref());
            let disk = Attachment::Disk { device, serial: String::new() };
            computer.attach(disk).expect("there is a slot");
        }
        let net = Attachment::Net { mac: Mac::local(7), mtu: 1_500 };
        let card = computer.attach(net).expect("there is a slot");
        guest.boot(&mut computer);
        let mut ours = Self { computer, network: Network::new(), card, text: String::new() };
        ours.until_prompt();
        ours
    }

    fn step(&mut self) {
        let until = self.computer.now().saturating_add(STEP);
        let pause = self.computer.run_until(until).expect("the machine runs");
        assert_eq!(pause, Pause::Deadline, "the machine stopped");
        self.network.fabric.run_until(until);
        while let Some(output) = self.computer.poll() {
            match output {
                Output::Serial(bytes) => self.text.push_str(&String::from_utf8_lossy(&bytes)),
                Output::Frame(_, frame) => {
                    let input = fabric::Input::Frame { port: self.network.door, frame };
                    self.network.fabric.handle(until, input).expect("the door is there");
                }
                other => panic!("nobody says {other:?}"),
            }
        }
        while let Some(output) = self.network.fabric.poll() {
            if let fabric::Output::Frame { frame, .. } = output {
                self.computer.handle(Input::Frame(self.card, &frame));
            }
        }
    }

    fn until_prompt(&mut self) -> String {
        loop {
            if let Some(at) = self.text.find(PROMPT) {
                let said = self.text[..at].to_owned();
                self.text.drain(..at + PROMPT.len());
                return said;
            }
            self.step();
        }
    }
}

impl Machine for Ours {
    fn run(&mut self, line: &str) -> (Duration, String) {
        let begun = Begun::new(&self.computer);
        self.computer.type_in(line.as_bytes());
        self.computer.type_in(b"\n");
        let said = self.until_prompt();
        let took = begun.tell(&self.computer, line);
        (took, said)
    }

    fn page(&self) -> String {
        "http://10.0.0.80/page".to_owned()
    }

    fn fetch(&mut self) -> (Duration, u64) {
        let begun = Begun::new(&self.computer);
        let fetched = self.network.fetch();
        while !fetched.is_over.load(Ordering::Relaxed) {
            self.step();
        }
        let took = begun.tell(&self.computer, "fetch");
        (took, fetched.bytes.load(Ordering::Relaxed))
    }
}

/// What had been done when something began.
struct Begun {
    at: Instant,
    processor: u64,
    retired: u64,
}

impl Begun {
    fn new(computer: &Computer) -> Self {
        Self { at: now(), processor: processor_nanos(), retired: computer.retired() }
    }

    /// Says what was done since, for on a host that is shared the time of the processor tells more; how long it took.
    fn tell(&self, computer: &Computer, what: &str) -> Duration {
        let took = now() - self.at;
        let processor = processor_nanos() - self.processor;
        let retired = computer.retired() - self.retired;
        let milliseconds = |nanos: u64| nanos / 1_000_000;
        println!(
            "{:>6} ms, {:>6} ms of the processor, {:>5} million instructions: {what}",
            took.as_millis(),
            milliseconds(processor),
            retired / 1_000_000
        );
        took
    }
}

/// How long this thread has had a processor, where the host tells; else 0.
fn processor_nanos() -> u64 {
    let said = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    said.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
}
