//! The house rules that no compiler checks.

use std::fs;
use std::path::Path;

use crate::layers::{LAYERS, library, metadata};

fn read(path: impl AsRef<Path>) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_crate_says_what_it_does_in_the_same_words_everywhere() {
    let (metadata, readme) = (metadata(), read("README.md"));
    for layer in LAYERS {
        let phrase = library(&metadata, layer).description.clone().expect("a crate has a description");
        let folder = layer.strip_prefix("ironloom-").expect("every crate has the prefix");
        let first = read(format!("crates/{folder}/src/lib.rs")).lines().next().map(str::to_owned);
        assert_eq!(first, Some(format!("//! {phrase}")), "the first line of {layer}");
        let row = format!("| [`{layer}`](crates/{folder}) | {phrase} |");
        assert!(readme.contains(&row), "the README has no row `{row}`");
    }
}

#[test]
fn every_crate_follows_the_workspace() {
    for layer in LAYERS {
        let folder = layer.strip_prefix("ironloom-").expect("every crate has the prefix");
        let manifest = read(format!("crates/{folder}/Cargo.toml"));
        for line in ["bench = false", "[lints]\nworkspace = true", "edition.workspace = true"] {
            assert!(manifest.contains(line), "{layer} lacks `{line}`");
        }
        let own_version = manifest.lines().any(|line| line.contains(" = \"") && line.contains("version = "));
        assert!(!own_version, "{layer} names a version that belongs into the workspace");
    }
}

#[test]
fn every_dependency_is_defended_in_one_comment() {
    let manifest = read("Cargo.toml");
    let start = manifest.find("[workspace.dependencies]").expect("the workspace has dependencies");
    let table = manifest[start..].split("\n[").next().expect("a split has a first part");
    let foreign = table.lines().filter(|line| line.contains(" = ") && !line.starts_with("ironloom-"));
    assert!(foreign.clone().count() > 10, "the table was found");
    for line in foreign {
        let comment = line.split_once(" # ").map_or("", |(_, comment)| comment);
        assert!(comment.len() > 10, "`{line}` does not say what it is for");
    }
}

#[test]
fn the_readme_names_every_example() {
    let readme = read("README.md");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    for entry in fs::read_dir(folder).expect("there are examples") {
        let name = entry.expect("an entry").file_name().into_string().expect("a plain name");
        // An example of several files is a folder with a `main.rs`.
        let example = name.strip_suffix(".rs").unwrap_or(&name);
        assert!(
            readme.contains(&format!("--example {example}`")),
            "the README does not show `--example {example}`"
        );
        let name = if name == example { format!("{name}/main.rs") } else { name.clone() };
        let text = read(format!("examples/{name}"));
        assert!(text.starts_with("//! "), "{name} does not say what it shows");
        assert!(
            text.contains(&format!("//! `cargo run --release --example {example}")),
            "{name} does not say how to run it"
        );
        assert!(text.lines().count() <= 150, "{name} is longer than a manual page");
    }
}

#[test]
fn every_link_in_the_documents_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let documents = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root.join(name));
    let docs = fs::read_dir(root.join("docs")).expect("there are documents");
    let docs = docs.map(|entry| entry.expect("an entry").path());
    for document in documents.into_iter().chain(docs) {
        let text = read(&document);
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        for (target, _) in targets {
            let file = target.split('#').next().expect("a split has a first part");
            let folder = document.parent().expect("a document is in a folder");
            assert!(folder.join(file).exists(), "{}: the link to {target} is dead", document.display());
        }
    }
}
