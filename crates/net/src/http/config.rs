//! [`Config`]: how much a connection of HTTP may hold.

/// The most fields that a head can have, whatever the configuration says.
pub(super) const FIELDS_MAX: usize = 128;

/// How much one connection may hold, and what it understands.
///
/// ```
/// let config = ironloom_net::http::Config { body_bytes_max: 1 << 20, ..Default::default() };
/// let server = ironloom_net::http::Server::new(config);
/// assert!(server.wants_input());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// The longest head, from the first byte of the first line to the empty line.
    pub head_bytes_max: u16,
    /// The most fields of a head; 128 are never passed.
    pub head_fields_max: usize,
    /// The longest body, after it was taken out of its chunks.
    pub body_bytes_max: u64,
    /// How many bytes the extensions of all chunks of a body may have together.
    pub chunk_extension_bytes_max: u32,
    /// How many bytes the fields after a body may have.
    pub trailer_bytes_max: u16,
    /// How many requests may be on their way at once: read and not answered, or sent and not answered.
    pub pipelined_requests_max: usize,
    /// No further request is read while more bytes than these wait to be sent.
    pub output_bytes_max: usize,
    /// Whether a first request without a version, as HTTP/0.9 has it, is served.
    pub version_0_9: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            head_bytes_max: 16 << 10,
            head_fields_max: 64,
            body_bytes_max: 1 << 30,
            chunk_extension_bytes_max: 1 << 10,
            trailer_bytes_max: 8 << 10,
            pipelined_requests_max: 32,
            output_bytes_max: 256 << 10,
            version_0_9: true,
        }
    }
}

impl Config {
    pub(super) fn fields_max(&self) -> usize {
        self.head_fields_max.min(FIELDS_MAX)
    }
}
