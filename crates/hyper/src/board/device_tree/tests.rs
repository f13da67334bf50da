//! Device trees are written so that others understand them, and read so that nothing goes wrong.

use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::*;
use crate::board::BoardConfig;

fn tree(harts: u16) -> Vec<u8> {
    let board = Board::new(BoardConfig { harts, ..BoardConfig::new(256 << 20) }).unwrap();
    let boot = Boot { command_line: "console=ttyS0".into(), initrd: Some((0x8800_0000, 0x8900_0000)) };
    board.device_tree(&boot).unwrap()
}

#[test]
fn a_board_tells_about_its_parts() {
    let bytes = tree(2);
    let tree = DeviceTree::parse(&bytes).unwrap();
    assert_eq!(tree.bytes().len(), bytes.len());
    assert_eq!(tree.property("/cpus/cpu@1", "reg"), Some(&[0, 0, 0, 1][..]));
    assert_eq!(tree.property("/cpus/cpu@2", "reg"), None);
    assert_eq!(tree.property("/soc/serial@10000000", "compatible"), Some(&b"ns16550a\0"[..]));
    assert_eq!(
        tree.property("/memory@80000000", "reg"),
        Some(&[0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0][..])
    );
    let extensions = tree.property("/cpus/cpu@0", "riscv,isa-extensions").unwrap();
    assert!(extensions.starts_with(b"i\0m\0a\0f\0d\0c\0zicntr\0"));
    assert_eq!(tree.property("/chosen", "rng-seed").map(<[u8]>::len), Some(SEED_BYTES));
    assert_eq!(tree.property("/", "model"), Some(&b"ironloom,virt\0"[..]));
}

#[test]
fn the_compiler_of_device_trees_has_nothing_to_say() {
    let compiler = Command::new("dtc")
        .args(["-I", "dtb", "-O", "dts", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut compiler) = compiler else {
        println!("dtc is not installed: nothing to compare with");
        return;
    };
    compiler.stdin.take().unwrap().write_all(&tree(3)).unwrap();
    let output = compiler.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("console=ttyS0"));
}

#[test]
fn what_is_no_device_tree_is_refused() {
    let bytes = tree(1);
    assert_eq!(
        DeviceTree::parse(&bytes[..20]).unwrap_err().to_string(),
        "device tree has 20 bytes and needs 40"
    );
    assert!(matches!(DeviceTree::parse(&bytes[..200]), Err(DeviceTreeError::Short { .. })));
    let mut wrong = bytes.clone();
    wrong[0] = 0;
    assert!(matches!(DeviceTree::parse(&wrong), Err(DeviceTreeError::Magic { .. })));
    let mut wrong = bytes.clone();
    wrong[23] = 1;
    assert!(matches!(DeviceTree::parse(&wrong), Err(DeviceTreeError::Version { found: 1 })));
}

#[test]
fn nodes_have_a_deepest() {
    let mut tree = FdtWriter::new().unwrap();
    let nodes: Vec<_> =
        (0..60).map(|depth| tree.begin_node(if depth == 0 { "" } else { "n" }).unwrap()).collect();
    nodes.into_iter().rev().for_each(|node| tree.end_node(node).unwrap());
    assert!(DeviceTree::parse(&tree.finish().unwrap()).is_ok());
    let mut bytes = tests::tree(1);
    let structure = u32::from_be_bytes(bytes[8..12].try_into().unwrap()) as usize;
    for token in bytes[structure..].as_chunks_mut::<8>().0 {
        *token = [0, 0, 0, 1, 0, 0, 0, 0];
    }
    assert_eq!(DeviceTree::parse(&bytes).unwrap_err(), DeviceTreeError::Deep);
}

proptest! {
    #[test]
    fn a_damaged_tree_is_read_or_refused(changes in proptest::collection::vec((0..4_096usize, any::<u8>()), 1..8)) {
        let mut bytes = tree(1);
        for (at, value) in changes {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        if let Ok(tree) = DeviceTree::parse(&bytes) {
            let depth = tree.items().fold(0i32, |depth, item| match item {
                Item::Begin { .. } => depth + 1,
                Item::End => depth - 1,
                Item::Property { .. } => depth,
            });
            prop_assert_eq!(depth, 0);
            let _ = tree.property("/chosen", "bootargs");
        }
    }
}
