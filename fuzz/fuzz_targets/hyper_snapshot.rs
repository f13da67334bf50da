//! Whatever a snapshot says, a computer is restored from it or it is refused; what was restored runs.

#![no_main]

use std::sync::{Arc, LazyLock};

use ironloom_blob::link::Linked;
use ironloom_blob::{BlobId, BlobStore, Durability, MemoryStore, PinName, Spare};
use ironloom_core::frame::{self, Frame};
use ironloom_core::{Duration, Rng, Seed};
use ironloom_hyper::board::{Attachment, BlockDevice, BoardError, DiskState, Input, MemoryDisk, layout};
use ironloom_hyper::{Computer, ComputerConfig, GuestAddress};
use ironloom_net::Mac;
use libfuzzer_sys::fuzz_target;

const MEMORY_BYTES: u64 = 2 << 20;
const DISK_BYTES: u64 = 64 << 10;
const BODY_BYTES_MAX: usize = 1 << 20;

/// A snapshot that is sound, in its parts.
struct Sound {
    store: Arc<MemoryStore>,
    links: Vec<BlobId>,
    kind: u16,
    version: u16,
    body: Vec<u8>,
}

static SOUND: LazyLock<Sound> = LazyLock::new(|| {
    let store = Arc::new(MemoryStore::new());
    let snapshot = computer().snapshot(&(store.clone() as Arc<dyn BlobStore>)).unwrap();
    store.set_pin(&"sound".parse::<PinName>().unwrap(), None, Some(snapshot)).unwrap();
    let content = store.get(snapshot).unwrap().to_vec();
    let linked = Linked::parse(&content).unwrap();
    let (frame, _) = Frame::split(linked.body(), BODY_BYTES_MAX).unwrap().unwrap();
    let (kind, version, body) = (frame.kind, frame.version, frame.body.to_vec());
    Sound { links: linked.links().collect(), store, kind, version, body }
});

/// A computer with a device of each kind, whose rings are set up, and something that waits in each.
fn computer() -> Computer {
    let mut computer = Computer::new(ComputerConfig::new(MEMORY_BYTES).harts(2)).unwrap();
    let device = Box::new(MemoryDisk::new(vec![0; DISK_BYTES as usize]));
    computer.attach(Attachment::Disk { device, serial: "disk".into() }).unwrap();
    computer.attach(Attachment::Net { mac: Mac::local(1), mtu: 1_500 }).unwrap();
    let console = computer.attach(Attachment::Console).unwrap();
    computer.attach(Attachment::Entropy).unwrap();
    let mut program = vec![0; 32 << 10];
    Rng::new(Seed::new(8)).fill(&mut program);
    computer.boot(&driver()).unwrap();
    computer.memory().write_bytes(GuestAddress::new(layout::MEMORY + 0x1_0000), &program).unwrap();
    computer.run_for(Duration::from_micros(100)).unwrap();
    computer.type_in(b"typed");
    computer.type_in_debug(b"typed");
    computer.handle(Input::Console(console, b"typed"));
    computer
}

/// A program that makes all devices ready and then runs what is at 64 KiB.
fn driver() -> Vec<u8> {
    use ironloom_hyper::isa::{Assembler, registers::*};
    let rings = layout::MEMORY as u32 + 0x8000;
    let writes: [(i32, u32); 14] = [
        (0x70, 3),
        (0x24, 1),
        (0x20, 1),
        (0x24, 0),
        (0x20, 1 << 28 | 1 << 29),
        (0x70, 0xB),
        (0x38, 16),
        (0x80, rings),
        (0x90, rings + 0x400),
        (0xA0, rings + 0x800),
        (0x44, 1),
        (0x30, 1),
        (0x44, 0),
        (0x70, 0xF),
    ];
    let mut text = Assembler::new(GuestAddress::new(layout::MEMORY));
    for slot in 0..4 {
        text.li(T0, layout::VIRTIO + slot * layout::VIRTIO_BYTES);
        for (register, value) in writes {
            text.li(T1, value.into()).sw(T1, register, T0);
        }
    }
    text.li(T0, layout::MEMORY + 0x1_0000).jr(T0);
    text.finish().unwrap().bytes().to_vec()
}

fn open(state: &DiskState) -> Result<Box<dyn BlockDevice>, BoardError> {
    Ok(Box::new(MemoryDisk::new(vec![0; state.size.min(DISK_BYTES) as usize])))
}

fuzz_target!(|bytes: &[u8]| {
    let sound = &*SOUND;
    let Some((kind, rest)) = bytes.split_first() else { return };
    let mut body = sound.body.clone();
    match kind % 4 {
        0 => body = rest.to_vec(),
        1 => {
            // From somewhere on it is something else.
            let Some((at, rest)) = rest.split_first_chunk() else { return };
            body.truncate(usize::from(u16::from_le_bytes(*at)) % sound.body.len());
            body.extend_from_slice(rest);
        }
        _ => {
            for change in rest.as_chunks::<4>().0 {
                let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % body.len();
                body[at] = change[2];
                // Numbers of more than a byte.
                let after = usize::from(change[3] % 9).min(body.len() - at);
                body[at..at + after].fill(change[2]);
            }
        }
    }
    let frame = Frame { kind: sound.kind, version: sound.version, body: &body };
    let mut framed = Vec::new();
    frame::encode_body(frame, usize::MAX >> 1, &mut framed).unwrap();
    let snapshot = Linked::encode(&sound.links, &framed);
    let snapshot = sound.store.put(&snapshot, Durability::Buffered).unwrap();
    let restored = Computer::restore(sound.store.clone(), snapshot, &mut open);
    sound.store.collect(Spare::Racing);
    let Ok(mut computer) = restored else { return };
    for _ in 0..2 {
        let _ = computer.run_for(Duration::from_micros(30));
        computer.type_in(&[b'x'; 100]);
        let mut outputs = 0;
        while computer.poll().is_some() {
            outputs += 1;
        }
        assert!(outputs < 1 << 20);
    }
    let _ = computer.fork().unwrap().run_for(Duration::from_micros(10));
});
