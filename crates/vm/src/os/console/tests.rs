use ironloom_core::{Rng, Seed};

use super::*;

fn console() -> (Console, ViewerId) {
    let mut console = Console::new(Config::default());
    let viewer = console.attach(Begin::Now).unwrap();
    (console, viewer)
}

fn seen(console: &mut Console, viewer: ViewerId) -> String {
    String::from_utf8(console.take_output(viewer, usize::MAX).unwrap().0.bytes).unwrap()
}

/// What is read after something is typed, piece by piece, and what is shown.
#[track_caller]
fn check(typed: &[u8], pieces: &[&str], shown: &str) {
    let (mut console, viewer) = console();
    let _happened = console.input(typed);
    let mut read = Vec::new();
    while let Ok((bytes, _)) = console.read(1000) {
        read.push(String::from_utf8(bytes).unwrap());
    }
    assert_eq!(read, pieces);
    assert_eq!(seen(&mut console, viewer), shown);
}

#[test]
fn lines_are_edited() {
    check(b"ls\r", &["ls\n"], "ls\r\n");
    check(b"a\nb\n", &["a\n", "b\n"], "a\r\nb\r\n");
    check(b"lx\x7fs\n", &["ls\n"], "lx\x08 \x08s\r\n");
    check(b"\x7f\x15\x17a\n", &["a\n"], "a\r\n");
    check(b"one two  \x17x\n", &["one x\n"], "one two  \x08 \x08\x08 \x08\x08 \x08\x08 \x08\x08 \x08x\r\n");
    check(b"ab\x15c\n", &["c\n"], "ab\x08 \x08\x08 \x08c\r\n");
    check("é€\u{7f}\n".as_bytes(), &["é\n"], "é€\x08 \x08\r\n");
    check("漢\u{7f}\n".as_bytes(), &["\n"], "漢\x08 \x08\x08 \x08\r\n");
    check(b"\x16\x03\x1b[A\n", &["\x03\x1b[A\n"], "^C^[[A\r\n");
    check(b"\x01\x7f\n", &["\n"], "^A\x08 \x08\x08 \x08\r\n");
    check(b"unfinished", &[], "unfinished");
}

#[test]
fn ctrl_d_ends_the_input_once() {
    check(b"\x04", &[""], "");
    check(b"a\n\x04b\n", &["a\n", "", "b\n"], "a\r\nb\r\n");
    check(b"ab\x04cd\n", &["ab", "cd\n"], "abcd\r\n");
}

#[test]
fn a_line_is_read_in_parts_if_asked_for() {
    let (mut console, _) = console();
    let _happened = console.input(b"abc\nd\n\x04");
    assert_eq!(console.read(2).unwrap().0, b"ab");
    assert_eq!(console.read(0).unwrap().0, b"");
    assert_eq!(console.read(9).unwrap().0, b"c\n");
    assert_eq!(console.read_line(9).unwrap().0, b"d\n");
    assert_eq!(console.read(9).unwrap().0, b"");
    assert_eq!(console.read(9), Err(Errno::Again));
}

#[test]
fn signals_forget_what_was_typed() {
    let (mut console, viewer) = console();
    let happened = console.input(b"a\nb\x03c\x1a\x1c");
    let expected = [Signal::Interrupt, Signal::TerminalStop, Signal::Quit].into_iter().collect();
    assert_eq!(happened.signals, expected);
    assert_eq!(console.read(10), Err(Errno::Again));
    assert_eq!(seen(&mut console, viewer), "a\r\nb^Cc^Z^\\");
    assert!(console.typed.is_none());
}

#[test]
fn raw_mode_hands_on_every_byte() {
    let (mut console, viewer) = console();
    let _happened = console.input(b"ab");
    assert_eq!(console.read(10), Err(Errno::Again));
    assert!(console.set_mode(Mode { raw: true, echo: false }).is_readable());
    let happened = console.input(b"\x03\x7f\r");
    assert!(happened.signals.is_empty());
    assert_eq!(console.read_line(10), Err(Errno::Again));
    assert_eq!(console.read(3).unwrap().0, b"ab\x03");
    assert_eq!(console.write(b"x\ny").unwrap().0, 3);
    assert_eq!(seen(&mut console, viewer), "abx\ny");
    let _happened = console.input(b"\nrest");
    assert!(console.set_mode(Mode::default()).is_readable());
    assert_eq!(console.read(10).unwrap().0, b"\x7f\r\n");
    assert_eq!(console.read(10).unwrap().0, b"rest");
}

#[test]
fn a_full_console_can_still_be_interrupted() {
    let (mut console, _) = console();
    let happened = console.input(&b"x".repeat(5000));
    assert_eq!(happened.dropped, 5000 - 4094);
    let _happened = console.input(b"\n");
    assert_eq!(console.input_room(), 0);
    assert_eq!(console.input(b"\n\x04").dropped, 2);
    assert_eq!(console.read(9000).unwrap().0.len(), 4095);
    let _happened = console.input(&b"\n".repeat(5000));
    assert!(console.input_room() <= 1);
    assert!(console.input(b"y\x03").signals.contains(Signal::Interrupt));
    assert_eq!(console.input_room(), 4096);
}

#[test]
fn who_is_slow_is_told_what_was_lost() {
    let config = Config { output_bytes_max: 100, ..Config::default() };
    let mut console = Console::new(config);
    let slow = console.attach(Begin::Now).unwrap();
    for number in 0..100 {
        let _written = console.write(format!("line {number}\n").as_bytes()).unwrap();
    }
    let late = console.attach(Begin::Kept).unwrap();
    let (kept, _) = console.take_output(late, usize::MAX).unwrap();
    let (seen, _) = console.take_output(slow, usize::MAX).unwrap();
    assert_eq!((kept.lost, &kept.bytes), (0, &seen.bytes));
    assert!(seen.bytes.starts_with(b"line 89\r\n") && seen.bytes.ends_with(b"line 99\r\n"));
    assert_eq!(seen.lost + seen.bytes.len() as u64, 10 * 8 + 90 * 9);
    assert!(!console.has_output(slow));
    assert!(console.scrollback().ends_with("line 98\nline 99\n"));
}

#[test]
fn programs_wait_for_the_holder() {
    let (mut console, viewer) = console();
    let other = console.attach(Begin::Now).unwrap();
    console.hold(viewer).unwrap();
    assert_eq!(console.hold(other), Err(Errno::Busy));
    let flood = vec![b'\n'; 20_000];
    assert_eq!(console.write(&flood).unwrap().0, 8192);
    assert_eq!(console.write(&flood), Err(Errno::Again));
    assert!(!console.ready().is_writable());
    let (seen, ready) = console.take_output(viewer, 16_000).unwrap();
    assert!(seen.lost == 0 && seen.bytes.len() == 16_000 && ready.is_writable());
    assert!(console.write(&flood).is_ok());
    assert!(console.detach(viewer).is_writable());
    assert_eq!(console.write(&flood).unwrap().0, 20_000);
    assert_eq!(console.hold(viewer), Err(Errno::Invalid));
}

#[test]
fn a_new_size_is_told_once() {
    let (mut console, _) = console();
    let size = Size { rows: 50, columns: 132 };
    assert!(console.resize(size).signals.contains(Signal::WindowChange));
    assert_eq!(console.resize(size), Happened::default());
    assert_eq!(console.size(), size);
}

#[test]
fn after_it_hung_up_reading_ends() {
    let (mut console, _) = console();
    let _happened = console.input(b"line\n");
    assert!(console.hang_up().signals.contains(Signal::Hangup));
    assert_eq!(console.hang_up(), Happened::default());
    assert_eq!(console.read(10).unwrap().0, b"");
    assert_eq!(console.read_line(10).unwrap().0, b"");
    assert_eq!(console.write(b"x"), Err(Errno::Io));
    assert_eq!(console.input(b"x").dropped, 1);
}

#[test]
fn viewers_are_limited() {
    let mut console = Console::new(Config { viewers_max: 2, ..Config::default() });
    let first = console.attach(Begin::Now).unwrap();
    console.attach(Begin::Now).unwrap();
    assert_eq!(console.attach(Begin::Now), Err(Errno::Busy));
    assert!(console.detach(first).is_none());
    assert_ne!(console.attach(Begin::Now), Ok(first));
    assert_eq!(console.take_output(first, 10), None);
}

#[test]
fn an_idle_console_is_small() {
    assert!(size_of::<Console>() <= 200, "{}", size_of::<Console>());
    let (mut console, _) = console();
    let _happened = console.input(b"ls\n");
    assert_eq!(console.read(10).unwrap().0, b"ls\n");
    assert!(console.typed.is_none());
}

/// Whoever watches sees the line as it will be read: what is shown, drawn on a screen, is what is read.
#[test]
fn what_is_shown_is_what_is_read() {
    for seed in 0..300 {
        let mut rng = Rng::new(Seed::new(seed));
        let (mut console, viewer) = console();
        let keys = b"abc de\x7f\x08\x15\x17\x01\t";
        let mut typed: Vec<u8> = (0..rng.below(60)).map(|_| *rng.choose(keys).unwrap()).collect();
        typed.push(b'\n');
        let _happened = console.input(&typed);
        let mut screen = Vec::new();
        for byte in seen(&mut console, viewer).trim_end_matches("\r\n").bytes() {
            match byte {
                0x08 => drop(screen.pop()),
                // A blank that wipes stands before another backspace; what is drawn behind the cursor is not kept.
                _ => screen.push(byte),
            }
        }
        let line = console.read(1000).unwrap().0;
        let expected: Vec<u8> = line[..line.len() - 1].iter().flat_map(|byte| shown(*byte)).collect();
        assert_eq!(screen, expected, "seed {seed}: {typed:?}");
    }
}

fn shown(byte: u8) -> Vec<u8> {
    if byte < 0x20 { vec![b'^', byte ^ 0x40] } else { vec![byte] }
}

/// Whatever is done with it in whatever order, it keeps its limits.
#[test]
fn keeps_its_limits() {
    for seed in 0..60 {
        let mut rng = Rng::new(Seed::new(seed));
        let config = Config { output_bytes_max: 200, input_bytes_max: 50, viewers_max: 3 };
        let mut console = Console::new(config);
        let mut viewers = Vec::new();
        for _ in 0..400 {
            let bytes: Vec<u8> = (0..rng.below(90)).map(|_| rng.below(256) as u8).collect();
            match rng.below(9) {
                0 | 1 => _ = console.input(&bytes),
                2 => drop(console.write(&bytes)),
                3 => drop(console.read(rng.below(60) as usize)),
                4 => drop(console.read_line(rng.below(60) as usize)),
                5 => viewers.extend(console.attach(Begin::Kept)),
                6 => _ = console.set_mode(Mode { raw: rng.chance(1, 2), echo: rng.chance(1, 2) }),
                7 => viewers.iter().take(1).for_each(|viewer| _ = console.hold(*viewer)),
                _ => {
                    for viewer in &viewers {
                        let _seen = console.take_output(*viewer, rng.below(100) as usize);
                    }
                    if rng.chance(1, 4) {
                        viewers.drain(..).for_each(|viewer| _ = console.detach(viewer));
                    }
                }
            }
            // Lines that become pieces when the mode changes may be more than what could be typed.
            let held = console.typed.as_ref().map_or(0, |typed| typed.typed_bytes());
            assert!(held <= 50, "seed {seed}: {held}");
            assert!(console.output.end() - console.output.begin() <= 200, "seed {seed}");
        }
    }
}
