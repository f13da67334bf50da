//! [`Device`]: what is in `/dev`.

use ironloom_core::Rng;

use crate::os::Errno;

/// Something in `/dev`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Device {
    /// Empty, and swallows everything.
    Null,
    /// Zeros without end.
    Zero,
    /// Zeros without end, and always full.
    Full,
    /// Random bytes of the machine.
    Random,
    /// The console of whoever opens it.
    Tty,
    /// A descriptor of whoever opens it.
    Descriptor(u32),
}

impl Device {
    /// The devices by name, in the order of bytes.
    pub(super) const NAMED: [(&'static str, Self); 9] = [
        ("full", Self::Full),
        ("null", Self::Null),
        ("random", Self::Random),
        ("stderr", Self::Descriptor(2)),
        ("stdin", Self::Descriptor(0)),
        ("stdout", Self::Descriptor(1)),
        ("tty", Self::Tty),
        ("urandom", Self::Random),
        ("zero", Self::Zero),
    ];

    /// Whether it stands for something that the process has, so that only its owner knows how to read and write it.
    #[must_use]
    pub const fn is_borrowed(self) -> bool {
        matches!(self, Self::Tty | Self::Descriptor(_))
    }

    /// Reads; how many bytes that were.
    ///
    /// # Errors
    ///
    /// If it is [borrowed](Self::is_borrowed).
    ///
    /// ```
    /// use ironloom_core::{Rng, Seed};
    /// use ironloom_vm::os::{Device, Errno};
    ///
    /// let mut rng = Rng::new(Seed::new(1));
    /// let mut out = [7; 4];
    /// assert_eq!(Device::Null.read(&mut out, &mut rng), Ok(0));
    /// assert_eq!(Device::Zero.read(&mut out, &mut rng), Ok(4));
    /// assert_eq!(out, [0; 4]);
    /// assert_eq!(Device::Tty.read(&mut out, &mut rng), Err(Errno::NotSupported));
    /// ```
    pub fn read(self, out: &mut [u8], rng: &mut Rng) -> Result<usize, Errno> {
        match self {
            Self::Null => return Ok(0),
            Self::Zero | Self::Full => out.fill(0),
            Self::Random => rng.fill(out),
            Self::Tty | Self::Descriptor(_) => return Err(Errno::NotSupported),
        }
        Ok(out.len())
    }

    /// Takes what is written to it, all of it.
    ///
    /// # Errors
    ///
    /// If it is full, or [borrowed](Self::is_borrowed).
    pub const fn swallow(self, bytes: &[u8]) -> Result<(), Errno> {
        match self {
            Self::Full if !bytes.is_empty() => Err(Errno::NoSpace),
            Self::Null | Self::Zero | Self::Full | Self::Random => Ok(()),
            Self::Tty | Self::Descriptor(_) => Err(Errno::NotSupported),
        }
    }
}
