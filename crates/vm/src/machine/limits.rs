//! [`Limits`]: what a machine may have.

/// What a machine may have, and each of its processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Processes, with those that ended and were not waited for.
    pub processes_max: usize,
    /// Threads of all processes together.
    pub tasks_max: usize,
    /// Descriptors of one process.
    pub descriptors_max: usize,
    /// Open files, pipes and sockets of all processes together.
    pub descriptions_max: usize,
    /// How long a script may be, before it is compiled.
    pub source_bytes_max: usize,
    /// How much is read at once by calls that read everything.
    pub read_bytes_max: u64,
    /// How long all arguments of a process may be together.
    pub arguments_bytes_max: usize,
    /// How much is shown in a window: written to consoles, and to what is kept of the output of commands and of children
    /// without streams of their own. Who shows more waits for the next window. Pipes, files and sockets are not counted.
    pub output_bytes_per_window: usize,
    /// How much is kept of what a [command](crate::Command) writes, of each of its two outputs: the end of it.
    pub command_output_bytes_max: usize,
    /// How much is kept for its parent of what a child without streams of its own writes: the end of it.
    pub child_output_bytes_max: usize,
    /// How much is kept of what is written to a console, for those who are slow and those who come later.
    pub console_output_bytes_max: u32,
    /// How much one core does in a window, in safepoints: ends of loops, calls and returns.
    pub safepoints_per_core: u32,
    /// After how many safepoints it is another thread's turn.
    pub slice_safepoints: u32,
    /// For how many safepoints more a thread may go on where it cannot be stopped, before it is ended.
    pub grace_safepoints: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            processes_max: 256,
            tasks_max: 1_024,
            descriptors_max: 256,
            descriptions_max: 1_024,
            source_bytes_max: 1 << 20,
            read_bytes_max: 16 << 20,
            arguments_bytes_max: 256 << 10,
            output_bytes_per_window: 64 << 10,
            command_output_bytes_max: 1 << 20,
            child_output_bytes_max: 64 << 10,
            console_output_bytes_max: 16 << 10,
            safepoints_per_core: 200_000,
            slice_safepoints: 10_000,
            grace_safepoints: 1_000_000,
        }
    }
}
