//! [`Identity`]: who a host says it is, and the [`Secret`] by which it shows it.

use std::fmt;

use ironloom_core::MachineId;

use crate::cluster::HostId;

/// How many bytes a number has that is used in one handshake and never again.
pub const NONCE_BYTES: usize = 32;

/// What the hosts of a machine know and nobody else.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; 32]);

impl Secret {
    /// The secret that is made of these bytes, which should hold at least 128 bits that nobody can guess.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(blake3::derive_key("ironloom hyper 2026 secret of the hosts of a machine", bytes))
    }

    /// What proves that somebody knows the secret and has heard what is hashed.
    pub(super) fn prove(&self, purpose: &[u8; 8], heard: &[u8]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(purpose).update(heard);
        *hasher.finalize().as_bytes()
    }

    /// A number that was never used before and that nobody can guess, if `run` and `count` together were never used.
    #[must_use]
    pub fn nonce(&self, run: Incarnation, count: u64) -> [u8; NONCE_BYTES] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&run.get().to_le_bytes());
        bytes[8..].copy_from_slice(&count.to_le_bytes());
        self.prove(b"nonce\0\0\0", &bytes)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Tells the runs of a host apart: a host that starts again takes a higher number than it ever had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Incarnation(u64);

impl Incarnation {
    /// The run with this number; what the clock on the wall shows when the host starts will do.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "run-{}", self.0)
    }
}

/// Who a host says it is.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The machine that it is part of.
    pub machine: MachineId,
    /// Which of the machine's hosts it is.
    pub here: HostId,
    /// Which run of that host it is.
    pub run: Incarnation,
    /// What it knows.
    pub secret: Secret,
}
