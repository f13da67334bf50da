//! The files of `/proc` about the machine, as Linux writes them.

use std::fmt::Write as _;

use super::node::MachineFile;
use super::{MachineFacts, NetworkView};

pub(super) fn text(file: MachineFile, facts: &MachineFacts) -> String {
    match file {
        MachineFile::CpuInfo => processors(facts),
        MachineFile::FileSystems => "nodev\tproc\nnodev\tdevtmpfs\n\tironloom\n".to_owned(),
        MachineFile::LoadAverage => {
            let [one, five, fifteen] = facts.load;
            let MachineFacts { running, processes, last_pid, .. } = facts;
            format!("{one:.2} {five:.2} {fifteen:.2} {running}/{processes} {last_pid}\n")
        }
        MachineFile::MemoryInfo => memory(facts),
        MachineFile::Mounts => concat!(
            "/dev/root / ironloom rw,relatime 0 0\n",
            "proc /proc proc rw,nosuid,nodev,noexec,relatime 0 0\n",
            "dev /dev devtmpfs rw,nosuid 0 0\n",
        )
        .to_owned(),
        MachineFile::Uptime => {
            format!("{:.2} {:.2}\n", facts.uptime.as_secs_f64(), facts.idle.as_secs_f64())
        }
        MachineFile::Version => {
            format!("{} version {} {}\n", facts.sysname, facts.release, facts.version)
        }
    }
}

fn processors(facts: &MachineFacts) -> String {
    let mut text = String::new();
    for core in 0..facts.cores {
        let MachineFacts { processor, cores, .. } = facts;
        let _ = writeln!(
            text,
            "processor\t: {core}\nvendor_id\t: Ironloom\nmodel name\t: {processor}\ncpu cores\t: {cores}\n"
        );
    }
    text
}

fn memory(facts: &MachineFacts) -> String {
    let total = facts.memory_bytes / 1_024;
    let free = facts.memory_bytes.saturating_sub(facts.memory_used_bytes) / 1_024;
    let rows = [
        ("MemTotal:", total),
        ("MemFree:", free),
        ("MemAvailable:", free),
        ("Buffers:", 0),
        ("Cached:", 0),
        ("SwapTotal:", 0),
        ("SwapFree:", 0),
    ];
    rows.iter().fold(String::new(), |mut text, (name, kibibytes)| {
        let _ = writeln!(text, "{name:<15} {kibibytes:>8} kB");
        text
    })
}

/// A table of the network under its heading.
pub(super) fn network(table: NetworkView, rows: &str) -> String {
    let heading = match table {
        NetworkView::Interfaces => concat!(
            "Inter-|   Receive                                                |  Transmit\n",
            " face |bytes    packets errs drop fifo frame compressed multicast",
            "|bytes    packets errs drop fifo colls carrier compressed\n",
        ),
        NetworkView::Neighbours => {
            "IP address       HW type     Flags       HW address            Mask     Device\n"
        }
        NetworkView::Tcp => concat!(
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt",
            "   uid  timeout inode\n",
        ),
        NetworkView::Udp => concat!(
            "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt",
            "   uid  timeout inode ref pointer drops\n",
        ),
        NetworkView::Routes => {
            "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
        }
    };
    format!("{heading}{rows}")
}
