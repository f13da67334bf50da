//! What attackers and accidents do, and what they do not: memory stays bounded, counters tell what happened, and others
//! do not notice.

mod common;

#[path = "bad_days/broken.rs"]
mod broken;
#[path = "bad_days/floods.rs"]
mod floods;
#[path = "bad_days/loops.rs"]
mod loops;
#[path = "bad_days/neighbours.rs"]
mod neighbours;
#[path = "bad_days/storms.rs"]
mod storms;
