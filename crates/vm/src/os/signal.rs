//! [`Signal`]: what processes are told, and what that does to them.

mod dispositions;
mod set;
#[cfg(test)]
mod tests;

use ironloom_core::borsh::{BorshDeserialize, BorshSerialize};
use std::fmt;

pub use dispositions::{Disposition, Dispositions};
pub use set::SignalSet;

macro_rules! signals {
    ($($name:ident $number:literal $text:literal $action:ident $doc:literal,)*) => {
        /// Something that a process is told, with Linux's numbers.
        ///
        /// # Examples
        ///
        /// ```
        /// use ironloom_vm::os::Signal;
        ///
        /// assert_eq!(Signal::parse("SIGTERM"), Some(Signal::Terminate));
        /// assert_eq!(Signal::parse("9"), Some(Signal::Kill));
        /// assert_eq!(Signal::Interrupt.to_string(), "INT");
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
        #[borsh(crate = "ironloom_core::borsh", use_discriminant = true)]
        #[repr(u8)]
        pub enum Signal {
            $(#[doc = $doc] $name = $number,)*
        }

        impl Signal {
            /// All of them, by number.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The signal with a number.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }

            /// The name without `SIG`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What it does to a process that says nothing about it.
            #[must_use]
            pub const fn default_action(self) -> Action {
                match self { $(Self::$name => Action::$action,)* }
            }
        }
    };
}

signals! {
    Hangup 1 "HUP" Terminate "The console is gone.",
    Interrupt 2 "INT" Terminate "Ctrl-C.",
    Quit 3 "QUIT" Terminate "Ctrl-\\.",
    Kill 9 "KILL" Terminate "Ends a process, whatever it says.",
    User1 10 "USR1" Terminate "Whatever two programs agreed on.",
    User2 12 "USR2" Terminate "Whatever two programs agreed on.",
    Pipe 13 "PIPE" Terminate "Nobody reads what was written.",
    Alarm 14 "ALRM" Terminate "The time that was asked for has come.",
    Terminate 15 "TERM" Terminate "Please end.",
    Child 17 "CHLD" Ignore "A child ended or stopped.",
    Continue 18 "CONT" Continue "Go on.",
    Stop 19 "STOP" Stop "Stops a process, whatever it says.",
    TerminalStop 20 "TSTP" Stop "Ctrl-Z.",
    TerminalInput 21 "TTIN" Stop "Read from the console in the background.",
    TerminalOutput 22 "TTOU" Stop "Wrote to the console in the background.",
    WindowChange 28 "WINCH" Ignore "The console has another size.",
}

/// What a signal does to a process that says nothing about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// It ends.
    Terminate,
    /// Nothing.
    Ignore,
    /// It stops until it is told to go on.
    Stop,
    /// It goes on, if it was stopped.
    Continue,
}

impl Signal {
    /// The number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The signal of a name, with or without `SIG` and in any case, or of a number.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(number) = text.parse() {
            return Self::from_number(number);
        }
        let has_prefix = text.get(..3).is_some_and(|prefix| prefix.eq_ignore_ascii_case("SIG"));
        let name = if has_prefix { &text[3..] } else { text };
        Self::ALL.iter().copied().find(|signal| signal.name().eq_ignore_ascii_case(name))
    }

    /// Whether a process may say what it does, which is not so for [`Signal::Kill`] and [`Signal::Stop`].
    #[must_use]
    pub const fn is_catchable(self) -> bool {
        !matches!(self, Self::Kill | Self::Stop)
    }

    /// The exit code that a shell sees of a process that was ended by it.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        128 + self.number()
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
