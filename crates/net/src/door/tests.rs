//! What enters and leaves through doors.

#[cfg(feature = "publish")]
mod clerk;
mod ends;
#[cfg(all(feature = "tap", target_os = "linux"))]
mod tap;
#[cfg(feature = "publish")]
mod tcp;
#[cfg(feature = "publish")]
mod udp;

use std::net::Ipv4Addr;
use std::sync::Arc;

use ironloom_core::{Instant, MachineId, Seed};
use parking_lot::Mutex;

use super::Crossing;
use crate::Fabric;
use crate::fabric::{self, MachineSpec, Place, StationId};
use crate::link::LinkProfile;
use crate::switch;

/// What entered a fabric.
type Entries = Arc<Mutex<Vec<(Instant, Crossing)>>>;

/// A switch with a door, and machines with the addresses 10.77.0.1 and following.
struct Town {
    fabric: Fabric,
    port: StationId,
    machines: Vec<MachineId>,
}

impl Town {
    fn new(machines: u8) -> Self {
        let mut fabric = Fabric::new(fabric::Config::default(), Seed::new(7));
        let switch = fabric.add_switch("switch", Place::Apart, switch::Config::default()).unwrap();
        let port = fabric.add_door("door", Place::Beside(switch)).unwrap();
        fabric.connect(switch, port, LinkProfile::default(), LinkProfile::default()).unwrap();
        let mut rng = ironloom_core::Rng::new(Seed::new(8));
        let machines = (1..=machines).map(|number| {
            let id = MachineId::random(&mut rng);
            let address = ipnet::Ipv4Net::new(Ipv4Addr::new(10, 77, 0, number), 24).unwrap();
            let spec = MachineSpec { address: Some(address), ..MachineSpec::new(id, "machine", switch) };
            fabric.add_machine(&spec).unwrap();
            id
        });
        let machines = machines.collect();
        Self { fabric, port, machines }
    }
}

/// Checks that what entered makes the same happen again.
fn replay(mut driven: Fabric, mut fresh: Fabric, entries: &Entries) {
    for (at, crossing) in entries.lock().drain(..) {
        assert!(crossing.apply(at, &mut fresh));
        while fresh.poll().is_some() {}
    }
    let end = driven.now();
    driven.run_until(end);
    fresh.run_until(end);
    assert_eq!(fresh.digest(), driven.digest());
    assert!(fresh.digest().is_some());
}
