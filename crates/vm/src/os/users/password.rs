//! [`PasswordConfig`]: how passwords are hashed, and what checking one may cost.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use ironloom_core::Rng;

/// How passwords are hashed: Argon2id, as strings of the PHC.
///
/// The defaults are far below what protects people's passwords. They protect those of a simulated machine from its own
/// users, and thousands of machines hash on the cores of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordConfig {
    /// How much memory a hash takes, in kibibytes; at least 8 for each lane.
    pub memory_kib: u32,
    /// How often it goes over that memory; at least once.
    pub passes: u32,
    /// How many lanes the memory has.
    pub lanes: u32,
    /// How much memory the check of a hash that was made elsewhere may take.
    pub memory_kib_max: u32,
    /// How often it may go over that memory.
    pub passes_max: u32,
    /// How many lanes it may have.
    pub lanes_max: u32,
    /// How long a password may be.
    pub password_bytes_max: usize,
}

impl Default for PasswordConfig {
    fn default() -> Self {
        Self {
            memory_kib: 64,
            passes: 1,
            lanes: 1,
            memory_kib_max: 1_024,
            passes_max: 4,
            lanes_max: 4,
            password_bytes_max: 1_024,
        }
    }
}

impl PasswordConfig {
    fn argon(&self) -> Option<Argon2<'static>> {
        let params = Params::new(self.memory_kib, self.passes, self.lanes, None).ok()?;
        Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }

    /// The hash of a password, with a salt of its own; `None` if the password is too long or the configuration makes no
    /// sense.
    pub(super) fn hash(&self, password: &[u8], rng: &mut Rng) -> Option<String> {
        if password.len() > self.password_bytes_max {
            return None;
        }
        let salt: [u8; 16] = rng.bytes();
        let hash: PasswordHash = self.argon()?.hash_password_with_salt(password, &salt).ok()?;
        Some(hash.to_string())
    }

    /// Whether a hash is that of this password; what is no hash is nobody's. Hashes are compared in constant time.
    pub(super) fn verify(&self, password: &[u8], hash: &[u8]) -> bool {
        let Some(argon) = self.argon() else {
            return false;
        };
        if password.len() > self.password_bytes_max {
            return false;
        }
        match self.readable(hash) {
            Some(hash) => argon.verify_password(password, &hash).is_ok(),
            None => {
                // As long as somebody's would take, so that nobody learns who there is.
                let mut out = [0; Params::DEFAULT_OUTPUT_LEN];
                let _ = argon.hash_password_into(password, b"nobody's salt is", &mut out);
                false
            }
        }
    }

    /// What checking a hash costs: how many kibibytes are gone over.
    pub(super) fn cost(&self, hash: &[u8]) -> u64 {
        let params = self.readable(hash).and_then(|hash| Params::try_from(&hash).ok());
        let (memory, passes) =
            params.map_or((self.memory_kib, self.passes), |params| (params.m_cost(), params.t_cost()));
        u64::from(memory) * u64::from(passes)
    }

    /// A hash that is one, and that costs no more than it may.
    fn readable(&self, hash: &[u8]) -> Option<PasswordHash> {
        let hash = PasswordHash::new(std::str::from_utf8(hash).ok()?).ok()?;
        let is_argon = Algorithm::try_from(hash.algorithm.as_str()).is_ok();
        let params = Params::try_from(&hash).ok().filter(|_| is_argon)?;
        let fits = params.m_cost() <= self.memory_kib_max
            && params.t_cost() <= self.passes_max
            && params.p_cost() <= self.lanes_max;
        (fits && hash.salt.is_some() && hash.hash.is_some()).then_some(hash)
    }
}
