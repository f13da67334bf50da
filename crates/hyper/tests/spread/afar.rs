//! Devices on one host, used by harts that are all on another.

use ironloom_core::{Duration, Instant};
use ironloom_hyper::Computer;
use ironloom_hyper::board::{Attachment, Ending, Slot};
use ironloom_hyper::computer::Pause;
use ironloom_net::Mac;

use crate::console::Console;
use crate::guest::Guest;
use crate::hosts::Hosts;
use crate::outside::{network, volume};

const HARTS: u16 = 2;
const COMMAND_LINE: &str = "console=ttyS0 panic=-1 quiet ip=dhcp";

/// A computer with a disk and a network card, the latter in that slot.
fn computer(guest: &Guest) -> Option<(Computer, Slot)> {
    let mut computer = Guest::empty(HARTS);
    let disk = Attachment::Disk { device: Box::new(volume()?), serial: "loom-0".into() };
    computer.attach(disk).unwrap();
    let card = computer.attach(Attachment::Net { mac: Mac::local(7), mtu: 1_500 }).unwrap();
    guest.boot(&mut computer, COMMAND_LINE);
    Some((computer, card))
}

#[test]
fn harts_use_a_disk_and_a_network_that_are_on_another_host() {
    let Some(guest) = Guest::get() else { return };
    let Some((first, card)) = computer(&guest) else { return };
    let Some((second, _)) = computer(&guest) else { return };
    let mut hosts = Hosts::join(vec![first, second], |share| {
        let elsewhere = share.hosts.without(share.devices).first().unwrap();
        share.harts.fill(elsewhere);
    });
    let parts = hosts.hosts.clone();
    let [first, second] = &mut hosts.computers[..] else { unreachable!("there are two") };
    let end = Pause::Ended(Ending::PowerOff { code: 0 });
    std::thread::scope(|scope| {
        let forever = Instant::ZERO.saturating_add(Duration::from_secs(3_600));
        let other = scope.spawn(move || second.run_freely_until(forever).unwrap());
        let mut console = Console::new(first, Computer::run_freely_until);
        console.connect(card, network());
        console.boot();
        let greeting = console.line("mount -t ext4 /dev/vda /mnt && cat /mnt/greeting");
        assert_eq!(greeting, "hello from the host\n");
        let sums = console.line(
            "seq 20000 > /mnt/numbers; md5sum < /mnt/numbers; umount /mnt; mount /dev/vda /mnt; md5sum < /mnt/numbers",
        );
        let sums: Vec<&str> = sums.lines().collect();
        assert!(sums.len() == 2 && sums[0].len() > 32 && sums[0] == sums[1], "{sums:?}");
        assert_eq!(console.line("wget -q -O - http://10.0.0.80/"), "a page of the fabric\n");
        let pings = console.line("ping -c 3 -i 0.2 10.0.0.80");
        assert!(pings.contains("3 packets received"), "{pings}");
        assert_eq!(console.power_off(), end);
        assert_eq!(other.join().unwrap(), end);
    });
    println!("{:?}", parts[0].counters());
    assert_eq!(parts[0].share().devices, parts[0].id());
    let retired = hosts.computers[0].retired();
    assert_eq!(retired, 0, "no hart ran where the devices are");
}
