//! A hundred mebibytes each way, and not a byte that differs.

use std::sync::Arc;

use bytes::Bytes;
use ironloom_core::{Rng, Seed};
use ironloom_net::http::{File, FileServer, Files};

use crate::town::{Scene, Town};
use crate::web::Clerk;

/// How many bytes are carried.
const LEN: usize = 100 << 20;

const DOWN: &str = "10.91.0.4";
const UP: &str = "10.91.0.5";

/// The same bytes whenever they are asked for.
fn content() -> Bytes {
    let mut bytes = vec![0; LEN];
    Rng::new(Seed::new(100)).fill(&mut bytes);
    bytes.into()
}

pub(crate) fn serve(town: &mut Town) {
    let content = content();
    let file = File { content: content.clone(), kind: "application/octet-stream".to_owned() };
    let files = Files::from([("/content".to_owned(), file)]);
    town.add(DOWN, Box::new(FileServer::new(80, Arc::new(files))));
    town.add(UP, Box::new(Clerk::new(content)));
}

pub(crate) fn both_ways(scene: &Scene) {
    let path = scene.folder.path().join("content");
    let curl = "curl -sS --max-time 50 -w '%{time_total} s\n'";
    let said = scene.run(&format!("{curl} -o {} http://{DOWN}/content", path.display()));
    println!("100 MiB from a machine: {}", said.trim());
    assert!(std::fs::read(&path).unwrap() == content(), "what arrived differs from what was sent");
    let said = scene.run(&format!("{curl} -T {} http://{UP}/", path.display()));
    println!("100 MiB to a machine: {}", said.trim().replace('\n', ", "));
    assert!(said.contains(&format!("{LEN} bytes as expected")), "{said}");
}
