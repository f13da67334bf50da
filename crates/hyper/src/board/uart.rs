//! [`Uart`]: a 16550 serial port.
//!
//! What the guest writes leaves at once, so that the line is never busy, unless nobody takes what was written: then the
//! transmitter stays full until somebody does. What comes in waits in a queue with a limit, of which the guest sees its
//! FIFO. Its interrupt is a level.

use std::collections::VecDeque;

use borsh::{BorshDeserialize, BorshSerialize};

/// What comes in, and what goes out; with the divisor latch open, the lower half of the divisor.
const DATA: u64 = 0;
/// Which interrupts are wanted; with the divisor latch open, the upper half of the divisor.
const INTERRUPTS: u64 = 1;
/// Read: which interrupt there is. Written: what the FIFOs do.
const IDENTIFICATION: u64 = 2;
const LINE_CONTROL: u64 = 3;
const MODEM_CONTROL: u64 = 4;
const LINE_STATUS: u64 = 5;
const MODEM_STATUS: u64 = 6;
const SCRATCH: u64 = 7;

const WANTS_DATA: u8 = 1;
const WANTS_EMPTY: u8 = 2;
const WANTS_LINE: u8 = 4;
const WANTS_MODEM: u8 = 8;

const NONE: u8 = 1;
const IS_MODEM: u8 = 0;
const IS_EMPTY: u8 = 2;
const IS_DATA: u8 = 4;
const IS_LINE: u8 = 6;
const HAS_FIFO: u8 = 0xC0;

const FIFO_ENABLE: u8 = 1;
const FIFO_CLEAR_INPUT: u8 = 2;

const LATCH: u8 = 0x80;
const LOOPBACK: u8 = 0x10;

const READY: u8 = 1;
const OVERRUN: u8 = 2;
const EMPTY: u8 = 0x60;

/// The serial port of a board.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Uart {
    divisor: u16,
    interrupts: u8,
    has_fifo: bool,
    line_control: u8,
    modem_control: u8,
    scratch: u8,
    overrun: bool,
    /// The lower half of the modem status: what has changed since it was read.
    modem_changes: u8,
    /// Whether the transmitter became empty and the guest was not told.
    emptied: bool,
    input: VecDeque<u8>,
    output: Vec<u8>,
    input_bytes_max: u32,
    output_bytes_max: u32,
}

impl Uart {
    pub(super) fn new(input_bytes_max: u32, output_bytes_max: u32) -> Self {
        Self {
            divisor: 12,
            interrupts: 0,
            has_fifo: false,
            line_control: 3,
            modem_control: 0,
            scratch: 0,
            overrun: false,
            modem_changes: 0,
            emptied: false,
            input: VecDeque::new(),
            output: Vec::new(),
            input_bytes_max,
            output_bytes_max,
        }
    }

    /// Keeps to these limits, whatever it said itself; what is over them is lost.
    pub(super) fn limit(&mut self, input_bytes_max: u32, output_bytes_max: u32) {
        self.input.truncate(input_bytes_max as usize);
        self.output.truncate(output_bytes_max as usize);
        (self.input_bytes_max, self.output_bytes_max) = (input_bytes_max, output_bytes_max);
    }

    /// Whether it interrupts.
    pub(super) fn level(&self) -> bool {
        self.interrupt() != NONE
    }

    /// How many bytes may be given to [`receive`](Self::receive).
    pub(super) fn room(&self) -> usize {
        (self.input_bytes_max as usize).saturating_sub(self.input.len())
    }

    /// Takes bytes that came over the line; how many, the rest does not fit.
    pub(super) fn receive(&mut self, bytes: &[u8]) -> usize {
        let taken = bytes.len().min(self.room());
        self.input.extend(&bytes[..taken]);
        taken
    }

    /// Hands over what the guest has written.
    pub(super) fn take_output(&mut self) -> Option<Vec<u8>> {
        if self.output.is_empty() {
            return None;
        }
        self.emptied |= self.is_full();
        Some(std::mem::take(&mut self.output))
    }

    /// Reads a register; `None` if there is none of this width.
    pub(super) fn read(&mut self, offset: u64, width: u8) -> Option<u64> {
        is_register(offset, width)?;
        let is_latch = self.line_control & LATCH != 0;
        let value = match offset {
            DATA if is_latch => self.divisor as u8,
            DATA => self.input.pop_front().unwrap_or(0),
            INTERRUPTS if is_latch => (self.divisor >> 8) as u8,
            INTERRUPTS => self.interrupts,
            IDENTIFICATION => self.identify(),
            LINE_CONTROL => self.line_control,
            MODEM_CONTROL => self.modem_control,
            LINE_STATUS => self.line_status(),
            MODEM_STATUS => self.modem_status(),
            SCRATCH => self.scratch,
            _ => 0,
        };
        Some(u64::from(value))
    }

    /// Writes a register; `None` if there is none of this width.
    pub(super) fn write(&mut self, offset: u64, width: u8, value: u8) -> Option<()> {
        is_register(offset, width)?;
        let is_latch = self.line_control & LATCH != 0;
        match offset {
            DATA if is_latch => self.divisor = self.divisor & 0xFF00 | u16::from(value),
            DATA => self.transmit(value),
            INTERRUPTS if is_latch => self.divisor = self.divisor & 0xFF | u16::from(value) << 8,
            INTERRUPTS => self.set_interrupts(value),
            IDENTIFICATION => self.control_fifo(value),
            LINE_CONTROL => self.line_control = value,
            MODEM_CONTROL => self.set_modem_control(value & 0x1F),
            SCRATCH => self.scratch = value,
            _ => {}
        }
        Some(())
    }

    fn is_full(&self) -> bool {
        self.output.len() >= self.output_bytes_max as usize
    }

    fn transmit(&mut self, byte: u8) {
        if self.modem_control & LOOPBACK != 0 {
            self.overrun |= self.receive(&[byte]) == 0;
        } else if !self.is_full() {
            self.output.push(byte);
        }
        self.emptied = !self.is_full();
    }

    fn set_interrupts(&mut self, value: u8) {
        let newly = value & !self.interrupts & 0x0F;
        self.interrupts = value & 0x0F;
        self.emptied |= newly & WANTS_EMPTY != 0 && !self.is_full();
    }

    fn control_fifo(&mut self, value: u8) {
        let enable = value & FIFO_ENABLE != 0;
        if enable != self.has_fifo || value & FIFO_CLEAR_INPUT != 0 {
            self.input.clear();
        }
        self.has_fifo = enable;
    }

    fn set_modem_control(&mut self, value: u8) {
        let before = self.modem_lines();
        self.modem_control = value;
        let after = self.modem_lines();
        let changes = (before ^ after) >> 4;
        // The ring indicator counts only when it falls.
        self.modem_changes |= changes & 0b1011 | changes & 0b0100 & (before >> 4);
    }

    /// The upper half of the modem status: a line that is there, or what the guest loops back.
    fn modem_lines(&self) -> u8 {
        if self.modem_control & LOOPBACK == 0 {
            return 0xB0;
        }
        let set = self.modem_control;
        (set & 2) << 3 | (set & 1) << 5 | (set & 4) << 4 | (set & 8) << 4
    }

    fn modem_status(&mut self) -> u8 {
        self.modem_lines() | std::mem::take(&mut self.modem_changes)
    }

    fn line_status(&mut self) -> u8 {
        let ready = if self.input.is_empty() { 0 } else { READY };
        let overrun = if std::mem::take(&mut self.overrun) { OVERRUN } else { 0 };
        let empty = if self.is_full() { 0 } else { EMPTY };
        ready | overrun | empty
    }

    /// The interrupt of the highest priority.
    fn interrupt(&self) -> u8 {
        let wants = |what| self.interrupts & what != 0;
        if wants(WANTS_LINE) && self.overrun {
            IS_LINE
        } else if wants(WANTS_DATA) && !self.input.is_empty() {
            IS_DATA
        } else if wants(WANTS_EMPTY) && self.emptied {
            IS_EMPTY
        } else if wants(WANTS_MODEM) && self.modem_changes != 0 {
            IS_MODEM
        } else {
            NONE
        }
    }

    fn identify(&mut self) -> u8 {
        let interrupt = self.interrupt();
        if interrupt == IS_EMPTY {
            self.emptied = false;
        }
        interrupt | if self.has_fifo { HAS_FIFO } else { 0 }
    }
}

fn is_register(offset: u64, width: u8) -> Option<()> {
    // Some drivers read the port in words; only the first byte is a register then.
    (matches!(width, 1 | 2 | 4) && offset <= SCRATCH).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uart() -> Uart {
        Uart::new(8, 4)
    }

    fn read(uart: &mut Uart, offset: u64) -> u8 {
        uart.read(offset, 1).unwrap() as u8
    }

    fn write(uart: &mut Uart, offset: u64, value: u8) {
        uart.write(offset, 1, value).unwrap();
    }

    #[test]
    fn what_is_written_goes_out_until_nobody_takes_it() {
        let mut uart = uart();
        for byte in b"hello" {
            write(&mut uart, DATA, *byte);
        }
        assert_eq!(read(&mut uart, LINE_STATUS), 0);
        assert_eq!(uart.take_output().as_deref(), Some(&b"hell"[..]));
        assert_eq!(read(&mut uart, LINE_STATUS), EMPTY);
        assert_eq!(uart.take_output(), None);
    }

    #[test]
    fn what_comes_in_is_read_in_order_and_has_a_limit() {
        let mut uart = uart();
        assert_eq!(uart.receive(b"0123456789"), 8);
        write(&mut uart, INTERRUPTS, WANTS_DATA);
        assert!(uart.level());
        assert_eq!(read(&mut uart, IDENTIFICATION) & 0xF, IS_DATA);
        let read: Vec<u8> = (0..8).map(|_| read(&mut uart, DATA)).collect();
        assert_eq!((read.as_slice(), uart.level(), uart.room()), (&b"01234567"[..], false, 8));
    }

    #[test]
    fn the_transmitter_interrupts_once_each_time_it_becomes_empty() {
        let mut uart = uart();
        write(&mut uart, INTERRUPTS, WANTS_EMPTY);
        assert!(uart.level());
        assert_eq!(read(&mut uart, IDENTIFICATION), IS_EMPTY);
        assert!(!uart.level());
        for _ in 0..4 {
            write(&mut uart, DATA, b'x');
        }
        assert!(!uart.level(), "it is full");
        uart.take_output();
        assert!(uart.level());
        write(&mut uart, INTERRUPTS, 0);
        assert!(!uart.level());
        assert_eq!(read(&mut uart, IDENTIFICATION), NONE);
    }

    #[test]
    fn it_can_speak_to_itself() {
        let mut uart = uart();
        write(&mut uart, MODEM_CONTROL, LOOPBACK | 0b1010);
        assert_eq!(read(&mut uart, MODEM_STATUS) & 0xF0, 0x90);
        write(&mut uart, DATA, b'a');
        assert_eq!((uart.take_output(), read(&mut uart, DATA)), (None, b'a'));
        for _ in 0..9 {
            write(&mut uart, DATA, b'b');
        }
        assert_eq!(read(&mut uart, LINE_STATUS) & OVERRUN, OVERRUN);
    }

    #[test]
    fn the_latch_hides_data_and_fifos_are_seen() {
        let mut uart = uart();
        write(&mut uart, LINE_CONTROL, LATCH);
        write(&mut uart, DATA, 0x34);
        write(&mut uart, INTERRUPTS, 0x12);
        assert_eq!((read(&mut uart, DATA), read(&mut uart, INTERRUPTS)), (0x34, 0x12));
        write(&mut uart, LINE_CONTROL, 3);
        assert_eq!((uart.take_output(), read(&mut uart, INTERRUPTS)), (None, 0));
        write(&mut uart, IDENTIFICATION, FIFO_ENABLE);
        assert_eq!(read(&mut uart, IDENTIFICATION), HAS_FIFO | NONE);
        write(&mut uart, SCRATCH, 0x5A);
        assert_eq!(read(&mut uart, SCRATCH), 0x5A);
        assert_eq!((uart.read(8, 1), uart.read(0, 8), uart.write(0, 8, 0)), (None, None, None));
    }
}
