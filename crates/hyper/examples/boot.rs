use ironloom_core::Duration;
use ironloom_hyper::board::Output;
use ironloom_hyper::computer::Kernel;
use ironloom_hyper::{Computer, ComputerConfig};
use std::io::Write;
fn main() {
    let harts: u16 = std::env::args().nth(1).map_or(1, |n| n.parse().unwrap());
    let image = std::fs::read("/tmp/guest/Image").unwrap();
    let initramfs = std::fs::read("/tmp/guest/initramfs.cpio").unwrap();
    let mut computer = Computer::new(ComputerConfig::new(256 << 20).harts(harts)).unwrap();
    let args: Vec<String> = std::env::args().collect();
    let line = format!("console=ttyS0 panic=-1 {}", args.get(3).cloned().unwrap_or_default());
    computer
        .boot_kernel(&Kernel { image: &image, initramfs: Some(&initramfs), command_line: &line })
        .unwrap();
    let seconds: f64 = std::env::args().nth(2).map_or(5.0, |n| n.parse().unwrap());
    let start = std::time::Instant::now();
    let mut text = Vec::new();
    let mut sent = false;
    let mut shell = None;
    while start.elapsed().as_secs_f64() < seconds {
        let pause = if args.get(4).is_some() {
            let d = computer.now().saturating_add(Duration::from_millis(10));
            computer.run_freely_until(d).unwrap()
        } else {
            computer.run_for(Duration::from_millis(10)).unwrap()
        };
        while let Some(o) = computer.poll() {
            if let Output::Serial(b) = o {
                text.extend_from_slice(&b);
                std::io::stdout().write_all(&b).unwrap();
                std::io::stdout().flush().unwrap();
            }
        }
        if !matches!(pause, ironloom_hyper::computer::Pause::Deadline) {
            println!("{pause:?}");
            break;
        }
        if !sent && text.windows(9).any(|w| w == b"ironloom#") {
            shell = Some((start.elapsed(), computer.retired()));
            computer.type_in(b"uname -a; cat /proc/cpuinfo; poweroff -f\n");
            sent = true;
        }
    }
    eprintln!(
        "shell {shell:?} wall {:?} guest {} retired {} pc {:x}",
        start.elapsed(),
        computer.now(),
        computer.retired(),
        computer.hart(0).unwrap().pc()
    );
}
