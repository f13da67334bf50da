//! Frames on the wire: known bytes, and properties of any.
