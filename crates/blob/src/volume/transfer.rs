//! Raw images in and out.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use super::extent::is_zero;
use super::{Volume, VolumeError};

/// How much of an image is in memory at once.
const BUFFER_BYTES: usize = 1 << 20;

impl Volume {
    /// Appends a raw image, as far as it can be read, and returns how many bytes it has. A new volume of no bytes is
    /// then that image. Zeroes are not stored.
    ///
    /// An image of more than [`dirty_bytes_max`](super::Config::dirty_bytes_max) needs a volume with a pin.
    ///
    /// # Errors
    ///
    /// If the image cannot be read, the volume would be too large, or a write fails; what was read before is there.
    pub fn import(&self, image: &mut dyn Read) -> Result<u64, VolumeError> {
        let start = self.size();
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut bytes = 0;
        loop {
            let length = fill(image, &mut buffer).map_err(failed("reading the image", bytes))?;
            if length == 0 {
                return Ok(bytes);
            }
            self.resize(start + bytes + length as u64)?;
            self.write_data(start + bytes, &buffer[..length])?;
            bytes += length as u64;
        }
    }

    /// Writes what is not zero into a part of the volume that is.
    fn write_data(&self, offset: u64, data: &[u8]) -> Result<(), VolumeError> {
        let geometry = self.state.read().geometry;
        for piece in geometry.span(offset, offset + data.len() as u64).pieces() {
            let part = &data[piece.place()];
            if !is_zero(part) {
                self.write_at(offset + piece.at as u64, part)?;
            }
        }
        Ok(())
    }

    /// Writes everything that the volume contains now, zeroes too, and returns how many bytes that were. Writes that
    /// happen meanwhile are not seen.
    ///
    /// It goes on reading what the volume stands on now. If somebody takes snapshots and collects meanwhile, the caller
    /// keeps the present snapshot pinned until this returns, under a name of its own.
    ///
    /// # Errors
    ///
    /// If the volume cannot be read or the image not be written.
    pub fn export(&self, image: &mut dyn Write) -> Result<u64, VolumeError> {
        let volume = self.fork();
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut bytes = 0;
        while bytes < volume.size() {
            let length = (volume.size() - bytes).min(BUFFER_BYTES as u64) as usize;
            volume.read_at(bytes, &mut buffer[..length])?;
            image.write_all(&buffer[..length]).map_err(failed("writing the image", bytes))?;
            bytes += length as u64;
        }
        image.flush().map_err(failed("writing the image", bytes))?;
        Ok(bytes)
    }

    /// Like [`export`](Self::export), but leaves out the extents that are all zeroes, so that a new file has holes
    /// there. Takes time for what there is, not for the size. Returns how many bytes were written.
    ///
    /// `image` must be empty; what it contains where nothing is written would stay.
    ///
    /// It goes on reading what the volume stands on now. If somebody takes snapshots and collects meanwhile, the caller
    /// keeps the present snapshot pinned until this returns, under a name of its own.
    ///
    /// # Errors
    ///
    /// If the volume cannot be read or the image not be written.
    pub fn export_sparse<W: Write + Seek>(&self, image: &mut W) -> Result<u64, VolumeError> {
        let volume = self.fork();
        let (size, extent_bytes) = (volume.size(), volume.extent_bytes());
        let mut buffer = vec![0; extent_bytes as usize];
        let (mut bytes, mut end, mut next) = (0, 0, 0);
        while let Some(index) = volume.next_extent(next)?.filter(|index| index * extent_bytes < size) {
            let offset = index * extent_bytes;
            let part = &mut buffer[..(size - offset).min(extent_bytes) as usize];
            volume.read_at(offset, part)?;
            write_part(image, offset, part).map_err(failed("writing the image", bytes))?;
            bytes += part.len() as u64;
            end = offset + part.len() as u64;
            next = index + 1;
        }
        if end < size {
            // The last byte gives the file its length.
            write_part(image, size - 1, &[0]).map_err(failed("writing the image", bytes))?;
        }
        image.flush().map_err(failed("writing the image", bytes))?;
        Ok(bytes)
    }
}

fn write_part<W: Write + Seek>(image: &mut W, offset: u64, part: &[u8]) -> io::Result<()> {
    image.seek(SeekFrom::Start(offset))?;
    image.write_all(part)
}

/// Reads until the buffer is full or the image ends; returns how much there is.
fn fill(image: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match image.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

fn failed(action: &'static str, bytes: u64) -> impl FnOnce(io::Error) -> VolumeError {
    move |error| VolumeError::Image { action, bytes, source: Arc::new(error) }
}
