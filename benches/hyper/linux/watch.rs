//! [`Watch`]: a person at the console of a machine, who waits for the prompt, starts the mix, and notes the times.

use std::time::Duration;

/// What the guest's shell says when it waits.
const PROMPT: &str = "ironloom# ";
/// What is typed then.
const COMMAND: &[u8] = b"/extra/mix\n";

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// From the machine's start to the first prompt.
    pub(crate) shell: Duration,
    /// What the machine had retired by then, if that is known.
    pub(crate) shell_instructions: u64,
    /// The kernels of the mix in their order; the last is the sum of all.
    pub(crate) kernels: Vec<Kernel>,
}

/// A kernel of the mix.
#[derive(Debug)]
pub(crate) struct Kernel {
    /// Its name.
    pub(crate) name: String,
    /// What it computed.
    pub(crate) checksum: String,
    /// How long the host took for it.
    pub(crate) took: Duration,
    /// What the machine retired meanwhile, if that is known.
    pub(crate) instructions: u64,
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Wait for more.
    Wait,
    /// Type this.
    Type(&'static [u8]),
    /// All was seen.
    Done,
}

/// Where the watcher is.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    line: String,
    report: Report,
    /// When the mix was started, and what had been retired then.
    began: Option<(Duration, u64)>,
    /// The same for the kernel that runs.
    last: (Duration, u64),
}

impl Watch {
    /// The console showed something, so long after the start; so many instructions were retired.
    pub(crate) fn saw(&mut self, bytes: &[u8], now: Duration, retired: u64) -> Next {
        for byte in bytes {
            match byte {
                b'\n' => {
                    let line = std::mem::take(&mut self.line);
                    if self.line(line.trim_end(), now, retired) {
                        return Next::Done;
                    }
                }
                byte => self.line.push(char::from(*byte)),
            }
        }
        if self.began.is_none() && self.line.contains(PROMPT) {
            self.report.shell = now;
            self.report.shell_instructions = retired;
            self.began = Some((now, retired));
            self.last = (now, retired);
            return Next::Type(COMMAND);
        }
        Next::Wait
    }

    /// Notes a line; whether it was the last one.
    fn line(&mut self, line: &str, now: Duration, retired: u64) -> bool {
        let words: Vec<_> = line.split(' ').collect();
        let (["mix", name, _, checksum, _], Some(began)) = (&words[..], self.began) else { return false };
        let is_sum = *name == "all";
        let (start, before) = if is_sum { began } else { self.last };
        self.report.kernels.push(Kernel {
            name: (*name).to_owned(),
            checksum: (*checksum).to_owned(),
            took: now - start,
            instructions: retired - before,
        });
        self.last = (now, retired);
        is_sum
    }

    /// What was seen.
    pub(crate) fn into_report(self) -> Report {
        self.report
    }
}
