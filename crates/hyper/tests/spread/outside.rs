//! What is outside of a computer: a disk with a file system, and a network with a web server.

use std::process::Command;
use std::sync::Arc;

use ironloom_blob::{MemoryStore, Volume, volume};
use ironloom_core::{MachineId, Rng, Seed};
use ironloom_net::dhcp::{RangePool, Server, ServerConfig, ServerService};
use ironloom_net::fabric::{Config, MachineSpec, Place, StationId};
use ironloom_net::http::{File, FileServer, Files};
use ironloom_net::link::LinkProfile;
use ironloom_net::{Fabric, switch};

/// A network with a server of addresses at 10.0.0.1, a web server at 10.0.0.80, and a door.
pub(crate) fn network() -> (Fabric, StationId) {
    let mut fabric = Fabric::new(Config::default(), Seed::new(7));
    let lan = fabric.add_switch("lan", Place::Apart, switch::Config::default()).unwrap();
    let door = fabric.add_door("door", Place::Beside(lan)).unwrap();
    fabric.connect(lan, door, LinkProfile::default(), LinkProfile::default()).unwrap();
    let mut rng = Rng::new(Seed::new(8));
    let mut add = |fabric: &mut Fabric, name: &str, address: &str| {
        let id = MachineId::random(&mut rng);
        let address = Some(address.parse().unwrap());
        fabric.add_machine(&MachineSpec { address, ..MachineSpec::new(id, name, lan) }).unwrap();
        id
    };
    let pool = RangePool::new([10, 0, 0, 100].into(), [10, 0, 0, 199].into());
    let config = ServerConfig::new([10, 0, 0, 1].into(), "10.0.0.0/24".parse().unwrap());
    let id = add(&mut fabric, "dhcp", "10.0.0.1/24");
    fabric.serve(id, Box::new(ServerService::new(Server::new(config, pool)))).unwrap();
    let page = File { content: "a page of the fabric\n".into(), kind: "text/plain".to_owned() };
    let large = File { content: vec![b'x'; 1 << 20].into(), kind: "text/plain".to_owned() };
    let files = Files::from([("/index.html".to_owned(), page), ("/large".to_owned(), large)]);
    let id = add(&mut fabric, "web", "10.0.0.80/24");
    fabric.serve(id, Box::new(FileServer::new(80, Arc::new(files)))).unwrap();
    (fabric, door)
}

/// A volume that holds a file system with one file in it, if the host can make one.
pub(crate) fn volume() -> Option<Volume> {
    let directory = tempfile::tempdir().unwrap();
    let (tree, image) = (directory.path().join("tree"), directory.path().join("image"));
    std::fs::create_dir(&tree).unwrap();
    std::fs::write(tree.join("greeting"), "hello from the host\n").unwrap();
    let made = Command::new("mke2fs")
        .args(["-q", "-t", "ext4", "-d"])
        .args([&tree, &image])
        .arg("32M")
        .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
        .status();
    if !made.is_ok_and(|status| status.success()) {
        println!("mke2fs is not installed: there is no disk to mount");
        return None;
    }
    let mut file = std::fs::File::open(&image).unwrap();
    let volume = Volume::create(Arc::new(MemoryStore::new()), 0, volume::Config::default()).unwrap();
    volume.import(&mut file).unwrap();
    Some(volume)
}
