//! Consoles and who may read from them, and how processes stand back.

use ironloom_core::{Duration, MachineId, Seed};
use ironloom_vm::os::console::Size;
use ironloom_vm::{Command, Config, ConsoleId, Heap, Image, MachineSpec, Machines};

/// A machine with a shell on a console.
struct Terminal {
    machines: Machines,
    machine: MachineId,
    console: ConsoleId,
}

impl Terminal {
    fn new(heap: Heap) -> Self {
        let mut machines = Machines::new(Config::default(), Seed::new(7));
        let machine = machines.create(&MachineSpec::new("m", &Image::base()).heap(heap)).unwrap();
        let size = Size { rows: 24, columns: 80 };
        let console = machines.open_console(machine, size, &Command::new("/bin/sh")).unwrap();
        let mut terminal = Self { machines, machine, console };
        terminal.see();
        terminal
    }

    /// What was written after a while.
    fn see(&mut self) -> String {
        self.machines.run_for(Duration::from_millis(300));
        let mut all = Vec::new();
        while let Some(seen) = self.machines.see(self.console, 1 << 16).unwrap() {
            all.extend(seen.bytes);
        }
        String::from_utf8(all).unwrap().replace('\r', "")
    }

    fn type_in(&mut self, text: &str) -> String {
        self.machines.type_in(self.console, text.as_bytes()).unwrap();
        self.see()
    }

    fn run(&mut self, line: &str) -> String {
        let finished =
            self.machines.run(self.machine, &Command::shell(line), Duration::from_secs(10)).unwrap();
        finished.text() + &String::from_utf8_lossy(&finished.errors)
    }
}

#[test]
fn who_reads_in_the_background_is_stopped_until_it_is_in_front() {
    for heap in [Heap::Own, Heap::Cell] {
        let mut terminal = Terminal::new(heap);
        let shown = terminal.type_in("cat &\n");
        assert!(shown.contains("[1]"), "{heap:?}: {shown}");
        let listed = terminal.run("ps -A -o stat=,tty=,comm=");
        assert!(listed.contains("T pts/0 cat\n"), "{heap:?}: {listed}");
        // What is typed is for the shell.
        let shown = terminal.type_in("echo for the shell\n");
        assert!(shown.contains("\nfor the shell\n"), "{heap:?}: {shown}");
        // In front it goes on.
        let shown = terminal.type_in(
            "lua -e 'os.tty{foreground = tonumber((...))} os.sleep(1)' $! & sleep 0.2\nfor the cat\n",
        );
        assert!(shown.contains("[2] 6\nfor the cat\n"), "{heap:?}: {shown}");
    }
}

#[test]
fn who_ignores_that_or_is_an_orphan_reads_nothing() {
    let mut terminal = Terminal::new(Heap::Own);
    let script = "os.signal(\"TTIN\", \"ignore\") print(io.read())";
    let shown = terminal.type_in(&format!("lua -e '{script}' &\n"));
    assert!(shown.contains("nil\tinput/output error\tEIO\n"), "{shown}");
    let script = "os.signal(\"TTIN\", function() print(\"told\") end) print(io.read())";
    let shown = terminal.type_in(&format!("lua -e '{script}' &\n"));
    assert!(shown.contains("told\n") && shown.contains("EINTR\n"), "{shown}");
    let script = "os.spawn(\"lua\", {\"-e\", \"os.sleep(0.1) print(io.read())\"}, {group = true, stdin = \"inherit\"})";
    let shown = terminal.type_in(&format!("lua -e '{script}'\n"));
    assert!(shown.contains("EIO\n"), "{shown}");
}

#[test]
fn who_stops_itself_goes_on_where_it_was() {
    let mut terminal = Terminal::new(Heap::Cell);
    let script = "print(os.kill(os.pid(), \"STOP\")) print(\"after\")";
    let shown = terminal
        .type_in(&format!("lua -e '{script}' & sleep 0.1; echo $(ps -p $! -o stat=); kill -CONT $!; wait\n"));
    assert!(shown.contains("\nT\n") && shown.contains("true\nafter\n"), "{shown}");
}

#[test]
fn processes_show_their_console() {
    let mut terminal = Terminal::new(Heap::Own);
    let shown = terminal.type_in("ps -o tty=,comm=; cut -d ' ' -f 7 /proc/$$/stat\n");
    assert!(shown.contains("pts/0 sh\n") && shown.contains("\n34816\n"), "{shown}");
    assert_eq!(terminal.run("ps -p $$ -o tty=; cut -d ' ' -f 7 /proc/$$/stat"), "?\n0\n");
}

#[test]
fn who_is_nicer_gets_less() {
    let counting =
        "local nice, name = ... os.nice(tonumber(nice)) os.sleep(0.1) local count, ends = 0, os.uptime() + 1
        while os.uptime() < ends do for i = 1, 100 do count += 1 end end
        fs.write('/tmp/' .. name, tostring(count))";
    for heap in [Heap::Own, Heap::Cell] {
        let mut machines = Machines::new(Config::default(), Seed::new(7));
        let machine = machines.create(&MachineSpec::new("m", &Image::base()).heap(heap)).unwrap();
        for (nice, name) in [("0", "usual"), ("10", "nice"), ("19", "nicest")] {
            let command = Command::new("/bin/lua").argument("-e").argument(counting);
            machines.spawn(machine, &command.argument(nice).argument(name)).unwrap();
        }
        machines.run_for(Duration::from_secs(3));
        let cat = Command::shell("cd /tmp; for name in usual nice nicest; do cat $name; echo; done");
        let text = machines.run(machine, &cat, Duration::from_secs(1)).unwrap().text();
        let counts: Vec<f64> = text.lines().map(|line| line.parse().unwrap()).collect();
        let shares = [counts[1] / counts[0], counts[2] / counts[0]];
        assert!((0.4..0.6).contains(&shares[0]) && (0.03..0.08).contains(&shares[1]), "{heap:?}: {shares:?}");
    }
}
