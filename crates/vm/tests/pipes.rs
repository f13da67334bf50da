//! Commands whose standard input and output the host has in its hands.

use ironloom_core::{Duration, MachineId, Seed};
use ironloom_vm::os::{Exit, Pipe, Signal};
use ironloom_vm::{Command, Config, Event, Fed, Heap, Heard, Image, MachineSpec, Machines, Piped};

struct Stage {
    machines: Machines,
    machine: MachineId,
}

impl Stage {
    fn new(heap: Heap) -> Self {
        let mut machines = Machines::new(Config::default(), Seed::new(7));
        let machine = machines.create(&MachineSpec::new("m", &Image::base()).heap(heap)).unwrap();
        Self { machines, machine }
    }

    fn open(&mut self, line: &str) -> Piped {
        self.machines.open_pipes(self.machine, &Command::shell(line)).unwrap()
    }

    fn run(&mut self, millis: u64) {
        self.machines.run_for(Duration::from_millis(millis));
    }

    /// All that is heard until there is nothing, and whether that was the end.
    fn hear(&mut self, piped: &Piped) -> (Vec<u8>, bool) {
        let mut all = Vec::new();
        for _ in 0..10_000 {
            match self.machines.hear(piped, 1 << 20).unwrap() {
                Heard::Bytes(bytes) => all.extend(bytes),
                Heard::Nothing => return (all, false),
                Heard::End => return (all, true),
            }
        }
        panic!("there is no end of it");
    }

    fn exits(&mut self) -> Vec<Exit> {
        let ended = |event| if let Event::Ended { exit, .. } = event { Some(exit) } else { None };
        std::iter::from_fn(|| self.machines.poll()).filter_map(ended).collect()
    }

    /// The names of all processes.
    fn processes(&mut self) -> String {
        let line = Command::shell("ps -A -o comm=");
        self.machines.run(self.machine, &line, Duration::from_secs(5)).unwrap().text()
    }
}

#[test]
fn what_is_fed_is_heard_in_order_however_much_it_is() {
    for heap in [Heap::Own, Heap::Cell] {
        let mut stage = Stage::new(heap);
        let mut piped = stage.open("cat");
        let all: Vec<u8> = (0..1_000_000_u32).map(|number| (number * 7 / 3) as u8).collect();
        let (mut fed, mut heard) = (0, Vec::new());
        for _ in 0..10_000 {
            while fed < all.len() {
                let end = all.len().min(fed + 5_000);
                match stage.machines.feed(&piped, &all[fed..end]).unwrap() {
                    Fed::Taken(0) => break,
                    Fed::Taken(len) => fed += len,
                    Fed::NobodyReads => panic!("cat reads until the end"),
                }
            }
            if fed == all.len() {
                stage.machines.finish_feeding(&mut piped).unwrap();
            }
            stage.run(1);
            let (bytes, is_end) = stage.hear(&piped);
            heard.extend(bytes);
            if is_end {
                break;
            }
        }
        assert!(heard == all, "{heap:?}: {} of {} bytes came back", heard.len(), all.len());
        assert_eq!(stage.exits().last(), Some(&Exit::Code(0)));
        stage.machines.close_pipes(piped).unwrap();
        assert!(!stage.processes().contains("cat"));
    }
}

#[test]
fn the_host_is_told_once_and_only_if_it_waits() {
    let mut stage = Stage::new(Heap::Own);
    let piped = stage.open("while read line; do echo $line; echo $line; done");
    stage.run(5);
    assert_eq!(stage.machines.poll_pipes(), None, "nobody has asked yet");
    assert_eq!(stage.machines.hear(&piped, 100).unwrap(), Heard::Nothing);
    stage.machines.feed(&piped, b"one\n").unwrap();
    stage.run(5);
    let told = Some((stage.machine, piped.pid()));
    assert_eq!(stage.machines.poll_pipes(), told);
    assert_eq!(stage.machines.poll_pipes(), None, "once is enough for two lines");
    assert_eq!(stage.hear(&piped), (b"one\none\n".to_vec(), false));
}

#[test]
fn who_does_not_read_holds_up_who_feeds() {
    let mut stage = Stage::new(Heap::Own);
    let piped = stage.open("sleep 1; head -c 10 > /dev/null; sleep 1");
    let much = vec![7; 300_000];
    assert_eq!(stage.machines.feed(&piped, &much).unwrap(), Fed::Taken(Pipe::BYTES_MAX));
    assert_eq!(stage.machines.feed(&piped, b"x").unwrap(), Fed::Taken(0));
    stage.run(500);
    assert_eq!(stage.machines.poll_pipes(), None);
    stage.run(1_000);
    assert_eq!(stage.machines.poll_pipes(), Some((stage.machine, piped.pid())));
    assert!(matches!(stage.machines.feed(&piped, b"x").unwrap(), Fed::Taken(1)));
    stage.run(2_000);
    assert_eq!(stage.machines.feed(&piped, b"x").unwrap(), Fed::NobodyReads, "it has ended");
}

#[test]
fn who_is_not_heard_writes_no_more_than_fits() {
    let mut stage = Stage::new(Heap::Own);
    let piped = stage.open("yes");
    stage.run(50);
    let (bytes, is_end) = stage.hear(&piped);
    assert!((1..=Pipe::BYTES_MAX).contains(&bytes.len()) && !is_end, "{}", bytes.len());
    stage.run(50);
    assert!(!stage.hear(&piped).0.is_empty(), "it goes on once it is heard");
    stage.machines.close_pipes(piped).unwrap();
    stage.run(50);
    assert!(!stage.processes().contains("yes"), "writing to nobody ends it");
}

#[test]
fn who_hangs_up_tells_the_command_and_its_children() {
    let mut stage = Stage::new(Heap::Own);
    let piped = stage.open("sleep 100 & sleep 100; echo never");
    stage.run(50);
    assert!(stage.exits().is_empty());
    stage.machines.hang_up(piped).unwrap();
    stage.run(50);
    let exits = stage.exits();
    assert!(exits.contains(&Exit::Signal(Signal::Hangup)), "{exits:?}");
    assert!(!stage.processes().contains("sleep"));
}

#[test]
fn who_ignores_that_is_ended_by_a_signal_that_cannot_be() {
    let mut stage = Stage::new(Heap::Own);
    let script = "os.signal('HUP', 'ignore') print('ready') os.sleep(100)";
    let piped =
        stage.machines.open_pipes(stage.machine, &Command::new("/bin/lua").argument("-e").argument(script));
    let piped = piped.unwrap();
    let pid = piped.pid();
    stage.run(50);
    assert_eq!(stage.hear(&piped).0, b"ready\n");
    stage.machines.hang_up(piped).unwrap();
    stage.run(50);
    assert!(stage.exits().is_empty());
    stage.machines.signal_group(stage.machine, pid, Signal::Kill).unwrap();
    stage.run(50);
    assert_eq!(stage.exits(), [Exit::Signal(Signal::Kill)]);
}

#[test]
fn errors_are_kept_apart_and_what_is_not_there_is_told() {
    let mut stage = Stage::new(Heap::Own);
    let piped = stage.open("no-such-program; echo out");
    stage.run(50);
    assert_eq!(stage.hear(&piped), (b"out\n".to_vec(), true));
    let errors = stage.machines.close_pipes(piped).unwrap();
    assert!(String::from_utf8_lossy(&errors).contains("no-such-program"), "{errors:?}");
    for _ in 0..3_000 {
        // What could not be started leaves nothing open: a machine has room for a thousand.
        let error = stage.machines.open_pipes(stage.machine, &Command::new("/bin/absent")).unwrap_err();
        assert!(error.to_string().contains("/bin/absent"), "{error}");
    }
    let input = Command::new("/bin/cat").input(vec![0; 100_000]);
    assert!(stage.machines.open_pipes(stage.machine, &input).is_err(), "that is more than a pipe holds");
    let input = Command::new("/bin/cat").input("before ");
    let piped = stage.machines.open_pipes(stage.machine, &input).unwrap();
    stage.machines.feed(&piped, b"after").unwrap();
    stage.run(50);
    assert_eq!(stage.hear(&piped).0, b"before after");
}

#[test]
fn connections_that_come_and_go_leave_nothing_open() {
    let mut stage = Stage::new(Heap::Own);
    for round in 0..2_000 {
        let mut piped = stage.open("cat");
        stage.machines.feed(&piped, b"hello").unwrap();
        if round % 2 == 0 {
            stage.machines.finish_feeding(&mut piped).unwrap();
        }
        stage.run(2);
        assert_eq!(stage.hear(&piped), (b"hello".to_vec(), round % 2 == 0));
        stage.machines.hang_up(piped).unwrap();
        stage.run(2);
        while stage.machines.poll_pipes().is_some() {}
    }
    // A shell each, and what it ran.
    assert_eq!(stage.exits().len(), 4_000);
}

#[test]
fn a_machine_that_is_stopped_or_destroyed_ends_what_it_was_doing() {
    let mut stage = Stage::new(Heap::Own);
    let piped = stage.open("cat");
    stage.run(5);
    assert_eq!(stage.hear(&piped), (Vec::new(), false));
    stage.machines.stop(stage.machine).unwrap();
    stage.run(5);
    assert_eq!(stage.machines.poll_pipes(), Some((stage.machine, piped.pid())));
    assert_eq!(stage.hear(&piped), (Vec::new(), true));
    stage.machines.destroy(stage.machine).unwrap();
    assert!(stage.machines.hear(&piped, 100).is_err());
    assert!(stage.machines.close_pipes(piped).is_err());
}
