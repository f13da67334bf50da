//! Somebody at the console of a guest: types lines and reads what they print.

use ironloom_core::{Duration, Instant};
use ironloom_hyper::Computer;
use ironloom_hyper::board::{Input, Output, Slot};
use ironloom_hyper::computer::{ComputerError, Pause};
use ironloom_net::Fabric;
use ironloom_net::fabric::{self, StationId};

const PROMPT: &str = "ironloom# ";

/// How much time goes by between two looks at what the guest says.
const STEP: Duration = Duration::from_millis(2);

/// The most of its own time that the guest takes for one thing.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a computer lets time go by.
type Run = fn(&mut Computer, Instant) -> Result<Pause, ComputerError>;

/// The console of a guest.
pub(crate) struct Console<'a> {
    pub(crate) computer: &'a mut Computer,
    run: Run,
    text: String,
    read: usize,
    /// The card of the guest, and the network that it is at.
    network: Option<(Slot, Fabric, StationId)>,
}

impl<'a> Console<'a> {
    pub(crate) fn new(computer: &'a mut Computer, run: Run) -> Self {
        Self { computer, run, text: String::new(), read: 0, network: None }
    }

    /// Lets the guest's card be at a network, by its door.
    pub(crate) fn connect(&mut self, card: Slot, (fabric, door): (Fabric, StationId)) {
        self.network = Some((card, fabric, door));
    }

    fn step(&mut self) -> Pause {
        let until = self.computer.now().saturating_add(STEP);
        let pause = (self.run)(self.computer, until).unwrap();
        while let Some(output) = self.computer.poll() {
            match (output, &mut self.network) {
                (Output::Serial(bytes), _) => self.text.push_str(&String::from_utf8_lossy(&bytes)),
                (Output::Frame(_, frame), Some((_, fabric, port))) => {
                    fabric.handle(until, fabric::Input::Frame { port: *port, frame }).unwrap();
                }
                _ => {}
            }
        }
        if let Some((card, fabric, _)) = &mut self.network {
            fabric.run_until(until);
            while let Some(output) = fabric.poll() {
                if let fabric::Output::Frame { frame, .. } = output {
                    self.computer.handle(Input::Frame(*card, &frame));
                }
            }
        }
        pause
    }

    /// Lets time go by until something is so.
    pub(crate) fn wait(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let deadline = self.computer.now().saturating_add(PATIENCE);
        while !is_so(self) {
            let pause = self.step();
            assert!(
                pause == Pause::Deadline && self.computer.now() < deadline,
                "{pause:?} at {} without {what} after:\n{}",
                self.computer.now(),
                self.text
            );
        }
    }

    /// Lets time go by until the guest says something; what it said before that.
    fn until(&mut self, wanted: &str) -> String {
        self.wait(wanted, |console| console.text[console.read..].contains(wanted));
        let (said, rest) = self.text[self.read..].split_once(wanted).expect("it was said");
        let said = said.to_owned();
        self.read = self.text.len() - rest.len();
        said
    }

    /// Lets the guest boot, and not break the lines that are typed.
    pub(crate) fn boot(&mut self) {
        self.until(PROMPT);
        self.line("stty cols 1000");
    }

    /// Lets the guest run a line; what that prints.
    pub(crate) fn line(&mut self, line: &str) -> String {
        let (before, after) = (self.computer.now(), line.len() + 1);
        assert_eq!(self.computer.type_in(format!("{line}\n").as_bytes()), after);
        self.until("\n");
        let said = self.until(PROMPT).replace('\r', "");
        println!("{} {line}\n{said}", self.computer.now().saturating_since(before));
        said
    }

    /// How many KiB a line of `/proc/meminfo` says.
    pub(crate) fn meminfo(&mut self, name: &str) -> u64 {
        let said = self.line(&format!("grep {name}: /proc/meminfo"));
        let number = said.split_whitespace().nth(1).and_then(|number| number.parse().ok());
        number.unwrap_or_else(|| panic!("{name}: {said}"))
    }

    /// Lets the guest power itself off.
    pub(crate) fn power_off(&mut self) -> Pause {
        self.computer.type_in(b"poweroff -f\n");
        loop {
            let pause = self.step();
            if pause != Pause::Deadline {
                return pause;
            }
        }
    }
}
