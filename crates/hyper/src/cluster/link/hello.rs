//! [`Hello`]: what each side says first.
//!
//! ```text
//!  0      4         6      7    8      9         16        32    40      72      104
//!  | ILHL | version | from | to | code | zeroes  | machine | run | nonce | proof |
//! ```

use ironloom_core::MachineId;

use super::error::{LinkError, Refusal};
use super::identity::{Identity, Incarnation, NONCE_BYTES, Secret};
use crate::cluster::HostId;

/// The version of everything that hosts say to each other.
pub(super) const VERSION: u16 = 1;

pub(super) const HELLO_BYTES: usize = 104;
const SAID_BYTES: usize = 72;
const MAGIC: &[u8; 4] = b"ILHL";

pub(super) type HelloBytes = [u8; HELLO_BYTES];

/// What one side says of itself; whether it is so is for who reads it to find out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hello {
    pub(super) machine: MachineId,
    pub(super) from: u8,
    pub(super) to: u8,
    pub(super) run: Incarnation,
    /// Why nothing will come of it; zero if something may.
    pub(super) code: u8,
    pub(super) nonce: [u8; NONCE_BYTES],
}

impl Hello {
    pub(super) fn of(identity: &Identity, to: u8, nonce: [u8; NONCE_BYTES]) -> Self {
        let Identity { machine, here, run, .. } = *identity;
        Self { machine, from: here.number(), to, run, code: 0, nonce }
    }

    /// The bytes of it, with a proof that is also over what was said `before`.
    pub(super) fn encode(&self, secret: &Secret, purpose: &[u8; 8], before: &[u8]) -> HelloBytes {
        let mut bytes = [0; HELLO_BYTES];
        bytes[..4].copy_from_slice(MAGIC);
        bytes[4..6].copy_from_slice(&VERSION.to_le_bytes());
        bytes[6..9].copy_from_slice(&[self.from, self.to, self.code]);
        bytes[16..32].copy_from_slice(self.machine.uuid().as_bytes());
        bytes[32..40].copy_from_slice(&self.run.get().to_le_bytes());
        bytes[40..SAID_BYTES].copy_from_slice(&self.nonce);
        let proof = secret.prove(purpose, &[before, &bytes[..SAID_BYTES]].concat());
        bytes[SAID_BYTES..].copy_from_slice(&proof);
        bytes
    }

    /// Reads what the other side says, if it is proven.
    pub(super) fn decode(
        bytes: &HelloBytes,
        secret: &Secret,
        purpose: &[u8; 8],
        before: &[u8],
    ) -> Result<Self, LinkError> {
        if &bytes[..4] != MAGIC {
            return Err(LinkError::Foreign);
        }
        let theirs = u16::from_le_bytes([bytes[4], bytes[5]]);
        if theirs != VERSION {
            return Err(LinkError::Version { theirs, ours: VERSION });
        }
        let proof = secret.prove(purpose, &[before, &bytes[..SAID_BYTES]].concat());
        if !is_same(&proof, &bytes[SAID_BYTES..]) {
            return Err(LinkError::Unproven);
        }
        Ok(Self {
            machine: borsh::from_slice(&bytes[16..32]).expect("any sixteen bytes name a machine"),
            from: bytes[6],
            to: bytes[7],
            code: bytes[8],
            run: Incarnation::new(u64::from_le_bytes(bytes[32..40].try_into().expect("it has eight bytes"))),
            nonce: bytes[40..SAID_BYTES].try_into().expect("it has as many bytes"),
        })
    }

    /// Who says it, if it is a host of this machine that speaks to this host.
    pub(super) fn host(&self, identity: &Identity) -> Result<HostId, (LinkError, u8)> {
        let found = HostId::new(self.from);
        let Some(host) = found else {
            return Err((LinkError::UnknownHost { number: self.from }, Refusal::UnknownHost.code()));
        };
        if self.machine != identity.machine {
            return Err((LinkError::Machine { theirs: self.machine }, Refusal::Machine.code()));
        }
        if host == identity.here {
            return Err((LinkError::Reflected, Refusal::UnknownHost.code()));
        }
        match HostId::new(self.to) {
            Some(to) if to == identity.here => Ok(host),
            Some(called) => {
                Err((LinkError::Misdirected { called, found: identity.here }, Refusal::Misdirected.code()))
            }
            None => Err((LinkError::UnknownHost { number: self.to }, Refusal::Misdirected.code())),
        }
    }
}

/// Whether two proofs are the same, in a time that does not tell where they differ.
pub(super) fn is_same(ours: &[u8], theirs: &[u8]) -> bool {
    ours.len() == theirs.len() && ours.iter().zip(theirs).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}
