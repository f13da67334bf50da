//! Disks.

use std::io::Write as _;
use std::sync::Arc;

use ironloom_blob::{MemoryStore, Volume, volume};
use proptest::prelude::*;

use super::*;
use crate::board::{BlockDevice, FileDisk};

fn header(kind: u32, sector: u64) -> [u8; 16] {
    let mut header = [0; 16];
    header[..4].copy_from_slice(&kind.to_le_bytes());
    header[8..].copy_from_slice(&sector.to_le_bytes());
    header
}

fn read(driver: &mut Driver, sector: u64, bytes: u32) -> (u8, Vec<u8>) {
    let header = header(0, sector);
    let (_, mut bytes) = driver.request(&[Part::Read(&header), Part::Write(bytes), Part::Write(1)], false);
    (bytes.pop().unwrap(), bytes)
}

fn write(driver: &mut Driver, sector: u64, bytes: &[u8]) -> u8 {
    let header = header(1, sector);
    driver.request(&[Part::Read(&header), Part::Read(bytes), Part::Write(1)], false).1[0]
}

fn clear(driver: &mut Driver, kind: u32, sector: u64, sectors: u32, flags: u32) -> u8 {
    let header = header(kind, 0);
    let range = [&sector.to_le_bytes()[..], &sectors.to_le_bytes()[..], &flags.to_le_bytes()[..]].concat();
    driver.request(&[Part::Read(&header), Part::Read(&range), Part::Write(1)], false).1[0]
}

#[test]
fn what_is_written_is_read() {
    let mut driver = Driver::new(disk(1 << 20), EVENT_IDX | INDIRECT, 1);
    assert_eq!(driver.get(0x100), 2_048);
    assert_eq!(write(&mut driver, 3, &[0xAB; 1_024]), 0);
    let (status, bytes) = read(&mut driver, 2, 2_048);
    assert_eq!(status, 0);
    assert_eq!((bytes[0], bytes[512], bytes[1_535], bytes[1_536]), (2, 0xAB, 0xAB, 5));
    let header = header(8, 0);
    let (_, name) = driver.request(&[Part::Read(&header), Part::Write(20), Part::Write(1)], true);
    assert_eq!(&name[..5], b"loom\0");
}

#[test]
fn a_status_may_share_a_piece_with_data() {
    let mut driver = Driver::new(disk(4_096), 0, 1);
    let header = header(0, 7);
    let (written, bytes) = driver.request(&[Part::Read(&header), Part::Write(513)], false);
    assert_eq!((written, bytes[0], bytes[511], bytes[512]), (513, 7, 7, 0));
}

#[test]
fn what_is_not_on_the_disk_fails() {
    let mut driver = Driver::new(disk(4_096), 0, 1);
    assert_eq!(read(&mut driver, 8, 512).0, 1);
    assert_eq!(read(&mut driver, u64::MAX, 512).0, 1);
    assert_eq!(read(&mut driver, 0, 100).0, 1);
    assert_eq!(write(&mut driver, 7, &[0; 1_024]), 1);
    assert_eq!(clear(&mut driver, 13, 7, 2, 0), 1);
    assert_eq!(clear(&mut driver, 13, u64::MAX, 2, 0), 1);
    assert_eq!(clear(&mut driver, 13, 0, u32::MAX, 0), 1);
    assert_eq!(clear(&mut driver, 11, 0, 1, 1), 2);
    let header = header(99, 0);
    assert_eq!(driver.request(&[Part::Read(&header), Part::Write(1)], false).1, [2]);
    assert_eq!(driver.get(register::VIRTIO_MMIO_STATUS), 0xF, "none of this breaks the device");
}

#[test]
fn ranges_are_cleared() {
    let mut driver = Driver::new(disk(1 << 20), 0, 1);
    assert_eq!(clear(&mut driver, 13, 5, 2, 1), 0);
    assert_eq!(clear(&mut driver, 11, 9, 1, 0), 0);
    let (_, bytes) = read(&mut driver, 4, 2_048);
    assert_eq!((bytes[0], bytes[512], bytes[1_024], bytes[1_536]), (4, 0, 0, 7));
}

#[test]
fn a_file_of_the_host_is_a_disk() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&[1; 8_192]).unwrap();
    let device = Box::new(FileDisk::new(file.try_clone().unwrap(), false).unwrap());
    let mut driver = Driver::new(Attachment::Disk { device, serial: String::new() }, EVENT_IDX, 1);
    assert_eq!(write(&mut driver, 1, &[2; 512]), 0);
    assert_eq!(clear(&mut driver, 13, 2, 14, 0), 0);
    let (_, bytes) = read(&mut driver, 0, 8_192);
    assert_eq!((bytes[0], bytes[512], bytes[1_024], bytes[8_191]), (1, 2, 0, 0));
    let flush = header(4, 0);
    assert_eq!(driver.request(&[Part::Read(&flush), Part::Write(1)], false).1, [0]);
    assert!(driver.board.fork().is_err(), "two machines would write one file");

    let device = Box::new(FileDisk::new(file, true).unwrap());
    let mut driver = Driver::new(Attachment::Disk { device, serial: String::new() }, u64::MAX, 1);
    assert_eq!(driver.features >> 5 & 1, 1);
    assert_eq!(write(&mut driver, 1, &[3; 512]), 1);
    assert_eq!(clear(&mut driver, 13, 1, 1, 0), 1);
    assert_eq!(read(&mut driver, 1, 512), (0, vec![2; 512]));
    assert!(driver.board.fork().is_ok());
}

proptest! {
    #[test]
    fn a_volume_behaves_as_bytes_in_memory(
        requests in proptest::collection::vec((0..3u8, 0..2_048u64, 1..64u32, any::<u8>()), 1..40)
    ) {
        let volume = Volume::create(Arc::new(MemoryStore::new()), 1 << 20, volume::Config::default()).unwrap();
        let mut model = MemoryDisk::new(vec![0; 1 << 20]);
        let device = Box::new(volume);
        let mut driver = Driver::new(Attachment::Disk { device, serial: String::new() }, EVENT_IDX, 1);
        for (kind, sector, sectors, fill) in requests {
            let fits = sector + u64::from(sectors) <= 2_048;
            let bytes = vec![fill; sectors as usize * 512];
            let status = match kind {
                0 => {
                    let (status, found) = read(&mut driver, sector, sectors * 512);
                    let mut expected = bytes;
                    if fits {
                        model.read_at(sector * 512, &mut expected).unwrap();
                        prop_assert_eq!(found, expected);
                    }
                    status
                }
                1 => {
                    if fits {
                        model.write_at(sector * 512, &bytes).unwrap();
                    }
                    write(&mut driver, sector, &bytes)
                }
                _ => {
                    if fits {
                        model.write_zeroes(sector * 512, bytes.len() as u64, false).unwrap();
                    }
                    clear(&mut driver, 13, sector, sectors, 0)
                }
            };
            prop_assert_eq!(status == 0, fits);
        }
    }
}
