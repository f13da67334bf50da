//! [`DescriptionError`]: what is wrong with a description, and where.

use std::path::PathBuf;

use ironloom_blob::tree::TreeError;
use ironloom_hyper::computer::ComputerError;
use ironloom_net::fabric::FabricError;
use ironloom_net::topology::TopologyError;
use ironloom_vm::{Errno, MachineError};
use thiserror::Error;

use super::Description;

/// What is wrong with a description, and where.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DescriptionError {
    /// It is not TOML, or not what a description holds. It says the line.
    #[error("{0}")]
    Syntax(#[from] toml::de::Error),
    /// It makes no sense.
    #[error("{}{wrong}", line_text(*.line))]
    Wrong {
        /// The line, if it was read from a text.
        line: Option<usize>,
        /// What is wrong.
        wrong: Box<Wrong>,
    },
    /// A file of the host cannot be read.
    #[error("{}{}: {source}", line_text(*.line), .path.display())]
    Read {
        /// The line in which it is named, unless it is the description itself.
        line: Option<usize>,
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Whoever wanted the world does not want it any more.
    #[error("the world was given up before it was built")]
    GivenUp,
}

/// What makes no sense.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Wrong {
    /// A name means nothing or two things, or the network cannot be like that.
    #[error(transparent)]
    Topology(#[from] TopologyError),
    /// An image is laid over itself.
    #[error("{place}: the image is laid over itself")]
    Circle {
        /// Where.
        place: String,
    },
    /// A value is out of its range.
    #[error("{place}: {reason}")]
    Value {
        /// Where.
        place: String,
        /// What it has to be.
        reason: String,
    },
    /// A file or user cannot be put on an image.
    #[error("{place}: {errno}")]
    Contents {
        /// Where.
        place: String,
        /// Why not.
        errno: Errno,
    },
    /// An image cannot be made.
    #[error("{place}: {error}")]
    Image {
        /// Where.
        place: String,
        /// Why not.
        error: TreeError,
    },
    /// The network does not take something.
    #[error("{place}: {error}")]
    Network {
        /// Where.
        place: String,
        /// Why not.
        error: FabricError,
    },
    /// A machine cannot be made.
    #[error("{place}: {error}")]
    Machine {
        /// Where.
        place: String,
        /// Why not.
        error: MachineError,
    },
    /// A computer cannot be made.
    #[error("{place}: {error}")]
    Computer {
        /// Where.
        place: String,
        /// Why not.
        error: ComputerError,
    },
}

impl Wrong {
    #[expect(clippy::needless_pass_by_value, reason = "an error that becomes text is at its end")]
    pub(crate) fn value(place: impl Into<String>, reason: impl ToString) -> Self {
        Self::Value { place: place.into(), reason: reason.to_string() }
    }

    fn place(&self) -> Option<&str> {
        match self {
            Self::Topology(error) => error.place(),
            Self::Circle { place }
            | Self::Value { place, .. }
            | Self::Contents { place, .. }
            | Self::Image { place, .. }
            | Self::Network { place, .. }
            | Self::Machine { place, .. }
            | Self::Computer { place, .. } => Some(place),
        }
    }
}

impl Description {
    /// What is wrong, with its line.
    pub(crate) fn wrong(&self, wrong: impl Into<Wrong>) -> DescriptionError {
        let wrong = wrong.into();
        let line = wrong.place().and_then(|place| self.source.line(place));
        DescriptionError::Wrong { line, wrong: Box::new(wrong) }
    }
}

fn line_text(line: Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!("line {line}: "))
}
