//! Captures and flow logs.
