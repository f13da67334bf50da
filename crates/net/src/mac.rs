//! [`Mac`]: the address of a network card.

use std::fmt;
use std::str::FromStr;

use ironloom_core::MachineId;
use thiserror::Error;

/// The address of a network card: six bytes.
///
/// ```
/// use ironloom_net::Mac;
///
/// let mac: Mac = "02:00:5e:10:00:01".parse().unwrap();
/// assert!(!mac.is_multicast());
/// assert_eq!(mac.to_string(), "02:00:5e:10:00:01");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Mac([u8; 6]);

impl Mac {
    /// Everybody on a network.
    pub const BROADCAST: Self = Self([0xFF; 6]);

    /// What is said of an address that is not known.
    pub const UNSPECIFIED: Self = Self([0; 6]);

    /// The address with these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 6]) -> Self {
        Self(bytes)
    }

    /// The address of a machine's n-th card: locally administered, and the same in every run.
    #[must_use]
    pub fn of_machine(machine: MachineId, card: u16) -> Self {
        let id = machine.uuid().as_u128();
        let folded = (id >> 64) as u64 ^ id as u64;
        // The finisher of SplitMix64 spreads what ids differ in over the bytes that are kept.
        let mut mixed = folded ^ u64::from(card).rotate_left(48);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        Self::local(mixed)
    }

    /// A locally administered address of a single card, from the lower 46 bits of a number.
    #[must_use]
    pub const fn local(number: u64) -> Self {
        let [_, _, a, b, c, d, e, f] = number.to_be_bytes();
        Self([a & 0xFC | 0x02, b, c, d, e, f])
    }

    /// Its bytes, as they are on the wire.
    #[must_use]
    pub const fn bytes(self) -> [u8; 6] {
        self.0
    }

    /// Whether it stands for more than one card.
    #[must_use]
    pub const fn is_multicast(self) -> bool {
        self.0[0] & 1 != 0
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Something is not the address of a network card.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is not a MAC address: write six bytes in hexadecimal with colons between them")]
pub struct MacParseError {
    /// What was read.
    pub text: String,
}

impl FromStr for Mac {
    type Err = MacParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || MacParseError { text: text.to_owned() };
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2).ok_or_else(error)?;
            *byte = u8::from_str_radix(part, 16).map_err(|_| error())?;
        }
        if parts.next().is_some() { Err(error()) } else { Ok(Self(bytes)) }
    }
}
