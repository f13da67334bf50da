//! How a console behaves: [`Config`], [`Mode`], [`Size`].

use ironloom_core::borsh::{BorshDeserialize, BorshSerialize};

/// What a console holds at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// How much of the output is kept, for those who are slow and those who come later.
    pub output_bytes_max: u32,
    /// How much may be typed before it is read.
    pub input_bytes_max: u32,
    /// How many may look at it.
    pub viewers_max: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { output_bytes_max: 16 * 1024, input_bytes_max: 4096, viewers_max: 16 }
    }
}

/// What a console makes of what is typed and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mode {
    /// Bytes reach the program as they are typed, without lines, editing or signals, and are shown as they are written.
    pub raw: bool,
    /// What is typed is shown.
    pub echo: bool,
}

impl Default for Mode {
    fn default() -> Self {
        Self { raw: false, echo: true }
    }
}

/// How many characters a console shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub struct Size {
    /// Lines.
    pub rows: u16,
    /// Characters in a line.
    pub columns: u16,
}

impl Default for Size {
    fn default() -> Self {
        Self { rows: 24, columns: 80 }
    }
}
