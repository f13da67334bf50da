//! Programs that go through much with little memory.

use ironloom_core::{Duration, Instant, MachineId, Seed};
use ironloom_vm::os::{Caller, Credentials};
use ironloom_vm::{Command, Image, MachineSpec, Machines};

/// How long a line of the file is.
const LINE_BYTES: usize = 64;
const LINES: usize = (8 << 20) / LINE_BYTES;

struct World {
    machines: Machines,
    id: MachineId,
}

impl World {
    fn new(memory_bytes: usize) -> Self {
        let mut machines = Machines::new(<_>::default(), Seed::new(3));
        let spec = MachineSpec { memory_bytes, ..MachineSpec::new("frugal", &Image::base()) };
        let id = machines.create(&spec).unwrap();
        Self { machines, id }
    }

    /// A machine with 4 MiB of memory, and a file of 8 MiB.
    fn with_file() -> Self {
        let mut world = Self::new(4 << 20);
        let line = |number| format!("line {number:06} {}\n", "word ".repeat(10) + "x");
        let text: String = (1..=LINES).map(line).collect();
        assert_eq!(text.len(), LINES * LINE_BYTES);
        world.write("/tmp/big", &text);
        world
    }

    fn write(&mut self, path: &str, text: &str) {
        let root = Credentials::root();
        let written = self.machines.visit(self.id, |machine| {
            let caller = Caller::system(&root, Instant::ZERO);
            machine.files_mut().write_all(&caller, path.as_bytes(), text.as_bytes(), None)
        });
        written.unwrap().unwrap();
    }

    fn run(&mut self, line: &str) -> String {
        let finished = self.machines.run(self.id, &Command::shell(line), Duration::from_secs(1_000)).unwrap();
        finished.text() + &String::from_utf8_lossy(&finished.errors)
    }

    #[track_caller]
    fn check(&mut self, line: &str, expected: &str) {
        assert_eq!(self.run(line), expected, "{line}");
    }
}

#[test]
fn what_reads_blocks() {
    let mut world = World::with_file();
    let last = world.run("tail -n 1 /tmp/big");
    assert!(last.starts_with("line 131072 word"), "{last}");
    world.check("cat /tmp/big | wc", " 131072 1703936 8388608\n");
    world.check("cat /tmp/big | tail -n 1", &last);
    world.check("head -c -8388600 /tmp/big; cat /tmp/big | head -c -100000 | wc -c", "line 0008288608\n");
    world.check("tr a-z A-Z < /tmp/big | tail -c 4", "D X\n");
    world.check("tee /tmp/copy < /tmp/big | tail -c 2; cmp /tmp/copy /tmp/big && rm /tmp/copy", "x\n");
    world.check(
        "tac /tmp/big | tail -n 1 | cut -c 1-11; cat /tmp/big | tac | head -n 1",
        &format!("line 000001\n{last}"),
    );
    world.check("ls /tmp", "big\n");
}

#[test]
fn what_reads_lines() {
    let mut world = World::with_file();
    world.check("grep -c 'line 0000' /tmp/big", "99\n");
    world.check("cut -c 1-4 /tmp/big | uniq -c", " 131072 line\n");
    world.check("sed -n '$s/ word.*//p' /tmp/big", "line 131072\n");
    world.check(
        "sed -i s/line/LINE/ /tmp/big; tail -n 1 /tmp/big | cut -c 1-11; ls /tmp",
        "LINE 131072\nbig\n",
    );
}

/// Numbers from 0 to 99,999 in an order of their own, some of them twice.
fn numbers() -> Vec<u32> {
    (0..100_000).map(|number| number * 7_919 % 99_991).collect()
}

#[test]
fn many_lines_are_sorted() {
    let mut world = World::new(16 << 20);
    let text: String = numbers().iter().map(|number| format!("{number} {}\n", number % 10)).collect();
    world.write("/tmp/numbers", &text);
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    let joined = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    assert!(world.run("sort /tmp/numbers") == joined(&lines));
    let kept = |text: String| text[text.len().saturating_sub(2_000)..].to_owned();
    lines.dedup();
    assert_eq!(world.run("cat /tmp/numbers | sort -u | tail -c 2000"), kept(joined(&lines)));
    let mut by_key: Vec<&str> = text.lines().collect();
    by_key.sort_by_key(|line| std::cmp::Reverse(line.split(' ').nth(1).map(str::to_owned)));
    assert_eq!(world.run("sort -s -k 2rn /tmp/numbers | tail -c 2000"), kept(joined(&by_key)));
    world.check(
        "cd /tmp; head -n 30000 numbers > n; sort -n -o n n; sort -nc n && tail -n 1 n; ls",
        "99986 6\nn\nnumbers\n",
    );
}

#[test]
fn a_sort_that_is_stopped_leaves_nothing() {
    let mut world = World::new(16 << 20);
    let text: String = numbers().iter().map(|number| format!("{number}\n")).collect();
    world.write("/tmp/numbers", &text);
    world.check("sort /tmp/numbers | head -n 1; ls /tmp", "0\nnumbers\n");
    for seconds in ["0.005", "0.01", "0.02", "0.03"] {
        let line = format!("timeout {seconds} sort /tmp/numbers > /dev/null; echo $?; ls /tmp");
        world.check(&line, "124\nnumbers\n");
    }
    world.check(
        "TMPDIR=/none sort /tmp/numbers; echo $?",
        "2\nsort: cannot create temporary file in '/none': No such file or directory\n",
    );
}
