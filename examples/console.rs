//! A shell in a machine, at your terminal: a small Unix whose programs are Luau scripts. Ctrl-C goes to the machine,
//! Ctrl-] leads back. Without a terminal, lines from standard input are typed: `echo 'ls /' | … --example console`; and if
//! there are none, a short session shows what there is to see.
//!
//! `cargo run --release --example console`

use std::error::Error;
use std::io::{IsTerminal as _, Read as _, Write as _, stdin, stdout};
use std::process::{Command as Host, Stdio};

use ironloom_node::core::{Clock, Duration, MachineId, Seed, WallClock};
use ironloom_node::vm::os::console::Size;
use ironloom_node::vm::{Command, Config, ConsoleId, Image, MachineSpec, Machines};

const SESSION: &str = "uname -a
ls /
for n in 1 2 3; do echo $n small steps; done | sort -r | tee /tmp/steps
grep -c small /tmp/steps
ps
lua -e 'print(os.hostname(), os.time(), math.random(6))'
cat /bin/true
rm -rf /bin/ls; ls
";
const LEAVE: u8 = 0x1d; // Ctrl-]
const END: &[u8] = b"\x04"; // Ctrl-D, what stands for the end of input at a terminal

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A machine, and its shell on a console.
struct Session {
    machines: Machines,
    console: ConsoleId,
    /// The last that the shell has written.
    last: Vec<u8>,
}

impl Session {
    fn new(size: Size) -> Result<Self> {
        let mut machines = Machines::new(Config::default(), Seed::new(7));
        let machine: MachineId = machines.create(&MachineSpec::new("loom", &Image::base()))?;
        machines.boot(machine)?;
        let shell = Command::new("/bin/sh").argument("-i").directory("/root");
        let console = machines.open_console(machine, size, &shell)?;
        Ok(Self { machines, console, last: Vec::new() })
    }

    fn is_open(&mut self) -> Result<bool> {
        Ok(self.machines.is_console_open(self.console)?)
    }

    /// Shows what was written since.
    fn show(&mut self) -> Result<()> {
        while let Some(seen) = self.machines.see(self.console, 64 << 10)? {
            stdout().write_all(&seen.bytes)?;
            self.last = seen.bytes;
        }
        Ok(stdout().flush()?)
    }

    /// Types all of it, as fast as there is room.
    fn type_all(&mut self, mut bytes: &[u8]) -> Result<()> {
        self.last.clear();
        while !bytes.is_empty() && self.is_open()? {
            let taken = self.machines.type_in(self.console, bytes)?;
            bytes = &bytes[taken..];
            self.machines.run_for(Duration::from_millis(1));
            self.show()?;
        }
        Ok(())
    }

    /// Lets time go by until the shell asks for more, or is gone, or a minute is over.
    fn wait(&mut self) -> Result<()> {
        let minute = self.machines.now().saturating_add(Duration::from_secs(60));
        while self.machines.now() < minute && self.is_open()? && !self.last.ends_with(b"# ") {
            self.machines.run_for(Duration::from_millis(1));
            self.show()?;
        }
        Ok(())
    }
}

/// Types lines, each when the shell asks for it.
fn dictate(lines: &str) -> Result<()> {
    let mut session = Session::new(Size::default())?;
    session.wait()?;
    for line in lines.lines() {
        session.type_all(format!("{line}\n").as_bytes())?;
        session.wait()?;
    }
    session.type_all(END)?;
    session.wait()?;
    println!();
    Ok(())
}

/// What `stty` of the host says of the terminal, or does with it.
fn stty(arguments: &[&str]) -> Result<String> {
    let output = Host::new("stty").args(arguments).stdin(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn size() -> Result<Size> {
    let text = stty(&["size"])?;
    let (rows, columns) = text.split_once(' ').ok_or("stty does not know the size of the terminal")?;
    let size = Size { rows: rows.parse()?, columns: columns.parse()? };
    Ok(if size.columns == 0 { Size::default() } else { size }) // Some terminals have no size.
}

/// Lets a person type; the machine's time is the clock's.
fn converse() -> Result<()> {
    let (mut session, clock) = (Session::new(size()?)?, WallClock::start());
    let (mut bytes, mut pauses) = ([0; 4096], 0);
    while session.is_open()? {
        // The terminal gives what was typed at once, and nothing after a tenth of a second.
        let count = stdin().read(&mut bytes)?;
        let typed = &bytes[..count];
        let end = typed.iter().position(|byte| *byte == LEAVE);
        session.machines.run_until(clock.now());
        session.type_all(&typed[..end.unwrap_or(count)])?;
        session.show()?;
        if end.is_some() {
            break;
        }
        pauses += u32::from(count == 0);
        if pauses == 10 {
            pauses = 0;
            session.machines.resize(session.console, size()?)?;
        }
    }
    Ok(())
}

fn main() -> Result<()> {
    if stdin().is_terminal() {
        let before = stty(&["-g"])?;
        println!("A machine of its own. Ctrl-] leads back.");
        stty(&["raw", "-echo", "min", "0", "time", "1"])?;
        let conversed = converse();
        stty(&[before.as_str()])?;
        println!();
        return conversed;
    }
    let mut lines = String::new();
    stdin().read_to_string(&mut lines)?;
    dictate(if lines.trim().is_empty() { SESSION } else { &lines })
}
