//! Dependencies point down the layers, and nothing heavy hides in what a user links.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// The layers of the design, lowest first. A crate may depend on those before it.
pub(crate) const LAYERS: [&str; 8] = [
    "ironloom-core",
    "ironloom-blob",
    "ironloom-sched",
    "ironloom-state",
    "ironloom-net",
    "ironloom-hyper",
    "ironloom-vm",
    "ironloom-node",
];

/// What may be used by tests and benches, but never reach a program that depends on Ironloom.
const FOR_TESTS_ONLY: [&str; 4] = ["criterion", "proptest", "loom", "cargo_metadata"];

pub(crate) fn metadata() -> Metadata {
    MetadataCommand::new().exec().expect("cargo describes the workspace")
}

pub(crate) fn library<'a>(metadata: &'a Metadata, name: &str) -> &'a Package {
    let found = metadata.workspace_packages().into_iter().find(|package| package.name == name);
    found.unwrap_or_else(|| panic!("the workspace has no {name}"))
}

fn height(name: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| *layer == name)
}

#[test]
fn dependencies_point_down() {
    let metadata = metadata();
    for layer in LAYERS {
        for dependency in &library(&metadata, layer).dependencies {
            if let Some(below) = height(&dependency.name) {
                assert!(
                    below < height(layer).expect("it is one"),
                    "{layer} depends on {}, which is not below it",
                    dependency.name
                );
            }
        }
    }
}

#[test]
fn every_crate_is_in_the_table_of_layers() {
    let metadata = metadata();
    let crates: BTreeSet<&str> = metadata
        .workspace_packages()
        .into_iter()
        .filter(|package| package.manifest_path.as_str().contains("/crates/"))
        .map(|package| package.name.as_str())
        .collect();
    assert_eq!(crates, BTreeSet::from(LAYERS));
}

#[test]
fn no_user_of_the_libraries_builds_what_only_tests_need() {
    let metadata = metadata();
    let graph = metadata.resolve.as_ref().expect("cargo resolved the graph");
    let mut reached = BTreeSet::new();
    let mut open = vec![library(&metadata, "ironloom-node").id.clone()];
    while let Some(package) = open.pop() {
        let node = graph.nodes.iter().find(|node| node.id == package).expect("the graph is whole");
        for dependency in &node.deps {
            let linked = dependency.dep_kinds.iter().any(|kind| {
                let under_loom = kind.target.as_ref().is_some_and(|target| target.to_string() == "cfg(loom)");
                kind.kind != DependencyKind::Development && !under_loom
            });
            if linked && reached.insert(dependency.pkg.clone()) {
                open.push(dependency.pkg.clone());
            }
        }
    }
    let names: BTreeSet<&str> = reached.iter().map(|id| metadata[id].name.as_str()).collect();
    assert!(names.contains("ironloom-core") && names.contains("borsh"), "the walk reaches what it should");
    for name in FOR_TESTS_ONLY {
        assert!(!names.contains(name), "ironloom-node brings {name} along");
    }
}
