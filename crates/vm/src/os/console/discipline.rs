//! The line discipline: what a byte that was typed does.

use super::{Console, Happened};
use crate::os::{Ready, Signal};

const CTRL_C: u8 = 0x03;
const CTRL_D: u8 = 0x04;
const BELL: u8 = 0x07;
const BACKSPACE: u8 = 0x08;
const CTRL_U: u8 = 0x15;
const CTRL_V: u8 = 0x16;
const CTRL_W: u8 = 0x17;
const CTRL_Z: u8 = 0x1a;
const CTRL_BACKSLASH: u8 = 0x1c;
const DELETE: u8 = 0x7f;

impl Console {
    /// Takes bytes that were typed in line mode.
    pub(super) fn type_line(&mut self, bytes: &[u8]) -> Happened {
        let mut happened = Happened::default();
        // The echo of one byte is short; it is handed on in pieces so that much input needs little memory.
        for piece in bytes.chunks(256) {
            let mut echo = Vec::new();
            for byte in piece {
                self.type_byte(*byte, &mut echo, &mut happened);
            }
            self.show(&echo);
        }
        happened
    }

    fn type_byte(&mut self, byte: u8, echo: &mut Vec<u8>, happened: &mut Happened) {
        let typed = self.typed.get_or_insert_default();
        if std::mem::take(&mut typed.is_literal) {
            return self.insert(byte, echo, happened);
        }
        match byte {
            CTRL_C => self.signal(Signal::Interrupt, byte, echo, happened),
            CTRL_Z => self.signal(Signal::TerminalStop, byte, echo, happened),
            CTRL_BACKSLASH => self.signal(Signal::Quit, byte, echo, happened),
            CTRL_D => self.finish(b"", echo, happened),
            CTRL_V => typed.is_literal = true,
            BACKSPACE | DELETE => {
                let columns = typed.erase().unwrap_or(0);
                self.rub_out(columns, echo);
            }
            CTRL_W => {
                let columns = typed.erase_word();
                self.rub_out(columns, echo);
            }
            CTRL_U => {
                let columns = typed.erase_line();
                self.rub_out(columns, echo);
            }
            b'\r' | b'\n' => self.finish(b"\n", echo, happened),
            _ => self.insert(byte, echo, happened),
        }
    }

    /// Tells the foreground, and forgets what was typed before.
    fn signal(&mut self, signal: Signal, byte: u8, echo: &mut Vec<u8>, happened: &mut Happened) {
        happened.signals.insert(signal);
        self.typed = None;
        self.echo(byte, echo);
    }

    fn finish(&mut self, end: &[u8], echo: &mut Vec<u8>, happened: &mut Happened) {
        let max = self.config.input_bytes_max as usize;
        if !self.typed.get_or_insert_default().finish(end, max) {
            happened.dropped += 1;
            return echo.push(BELL);
        }
        happened.ready |= Ready::READABLE;
        if self.mode.echo {
            echo.extend_from_slice(end);
        }
    }

    fn insert(&mut self, byte: u8, echo: &mut Vec<u8>, happened: &mut Happened) {
        let max = self.config.input_bytes_max as usize;
        if self.typed.get_or_insert_default().push(byte, max) {
            self.echo(byte, echo);
        } else {
            happened.dropped += 1;
            echo.push(BELL);
        }
    }

    fn echo(&self, byte: u8, echo: &mut Vec<u8>) {
        match byte {
            _ if !self.mode.echo => {}
            0..0x20 | DELETE => echo.extend_from_slice(&[b'^', byte ^ 0x40]),
            _ => echo.push(byte),
        }
    }

    /// Wipes columns before the cursor.
    fn rub_out(&self, columns: usize, echo: &mut Vec<u8>) {
        if self.mode.echo {
            (0..columns).for_each(|_| echo.extend_from_slice(b"\x08 \x08"));
        }
    }
}
