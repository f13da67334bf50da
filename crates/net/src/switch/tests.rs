//! What a switch does with frames.
