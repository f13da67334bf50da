//! How a description is read.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::{Content, Description, DescriptionError, Source};

/// How long a description may be, and each file that it names.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// How long each file may be that a computer begins with.
const PART_BYTES_MAX: u64 = 1 << 30;

impl FromStr for Description {
    type Err = DescriptionError;

    /// Reads a description. Files that it takes from the host are not read; [`load`](Description::load) does that.
    fn from_str(text: &str) -> Result<Self, DescriptionError> {
        let mut description: Self = toml::from_str(text)?;
        description.source = Source::new(text);
        Ok(description)
    }
}

impl Description {
    /// Reads a description and the files that it names, whose paths are relative to it.
    ///
    /// ```no_run
    /// use ironloom_node::{Description, World};
    ///
    /// let world = World::new(&Description::load("town/world.toml")?)?;
    /// # Ok::<(), ironloom_node::DescriptionError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If something cannot be read, or is no description.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, DescriptionError> {
        let path = path.as_ref();
        let unreadable = |source| DescriptionError::Read { line: None, path: path.into(), source };
        let bytes = read(path, FILE_BYTES_MAX).map_err(unreadable)?;
        let text = String::from_utf8(bytes)
            .map_err(|error| unreadable(io::Error::new(io::ErrorKind::InvalidData, error)))?;
        let mut description: Self = text.parse()?;
        description.read_files(path.parent().unwrap_or(Path::new("")))?;
        Ok(description)
    }

    /// Puts the bytes of files of the host in the place of their names, which are relative to a directory.
    ///
    /// # Errors
    ///
    /// If one of them cannot be read.
    pub fn read_files(&mut self, directory: &Path) -> Result<(), DescriptionError> {
        let source = self.source.clone();
        for (place, content, bytes_max) in self.contents_mut() {
            let Content::Host(name) = content else { continue };
            let path: PathBuf = directory.join(name);
            *content = match read(&path, bytes_max) {
                Ok(bytes) => Content::Bytes(bytes),
                Err(error) => {
                    return Err(DescriptionError::Read { line: source.line(&place), path, source: error });
                }
            };
        }
        Ok(())
    }

    /// Whatever may be in files of the host, with its places and how long it may be.
    fn contents_mut(&mut self) -> impl Iterator<Item = (String, &mut Content, u64)> {
        let images = self.images.iter_mut().map(|(name, image)| ("images", name, &mut image.files));
        let machines = self.machines.iter_mut().map(|(name, machine)| ("machines", name, &mut machine.files));
        let files = images.chain(machines).flat_map(|(section, name, files)| {
            let place = move |path| format!("{section}.{name}.files.{path}");
            files.iter_mut().map(move |(path, file)| (place(path), &mut file.content, FILE_BYTES_MAX))
        });
        files.chain(self.computers.iter_mut().flat_map(|(name, computer)| {
            let place = move |field| format!("computers.{name}.{field}");
            computer.contents_mut().map(move |(field, content)| (place(field), content, PART_BYTES_MAX))
        }))
    }
}

fn read(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is longer than {} MiB", bytes_max >> 20),
        ));
    }
    Ok(bytes)
}
