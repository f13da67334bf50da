//! [`beside`]: two machines that talk while something happens to others.

use ironloom_core::{Instant, MachineId};
use ironloom_net::fabric::{Config, Guard};
use ironloom_net::router;

use crate::common::talk::{Listen, Plan, Report, Talk};
use crate::common::world::{World, cable, end, seconds};

/// A bad day: an attacker at home, a victim in the office, and two others who talk through the same router.
pub(crate) struct Day {
    pub(crate) world: World,
    pub(crate) victim: MachineId,
    /// What became of the two others.
    pub(crate) report: Report,
}

/// How long what happens is looked at.
pub(crate) const END: Instant = Instant::from_nanos(120_000_000_000);

/// Lets two machines exchange 300 kB each way while `attack` goes on, and once more while nothing does.
///
/// `attack` is given the attacker and the victim, before anything happens. It returns the day with the attack, and when
/// those who talk were done on the quiet one.
pub(crate) fn compared(
    router: &router::Config,
    attack: impl Fn(&mut World, MachineId, MachineId),
) -> (Day, Instant) {
    let quiet = beside(router, |_, _, _| {}).report.ended.expect("nothing disturbs them");
    let day = beside(router, attack);
    assert!(day.report.error.is_none() && day.report.wrong_at.is_none(), "{:?}", day.report);
    assert_eq!((day.report.received, day.report.saw_end), (300_000, true), "{:?}", day.report);
    (day, quiet)
}

fn beside(router: &router::Config, attack: impl Fn(&mut World, MachineId, MachineId)) -> Day {
    let mut world = World::with(7, Config::default(), router.clone(), [cable(1_000); 2]);
    let plan = Plan { bytes: 300_000, ..Plan::default() };
    let office = [(); 2].map(|()| world.add_office(cable(100), cable(100)));
    let home = world.add_home(cable(100), cable(100));
    let attacker = world.add(world.home, Guard::Any, [cable(100); 2]);
    for server in office {
        let (listen, _) = Listen::new(end("0.0.0.0:80"), plan);
        world.fabric.serve(server, Box::new(listen)).unwrap();
    }
    attack(&mut world, attacker, office[1]);
    // It has gone on for a while when they begin.
    world.run_until(Instant::from_nanos(500_000_000));
    let (talk, said) = Talk::new(end("203.0.113.2:80"), plan);
    world.fabric.serve(home, Box::new(talk)).unwrap();
    world.run_until(END.min(seconds(3_600)));
    let report = said.lock()[0].clone();
    Day { world, victim: office[1], report }
}
