use proptest::prelude::*;

use super::*;

fn route(network: &str, port: u16, metric: u32) -> Route {
    Route { network: network.parse().unwrap(), via: None, port: Port::new(port), metric }
}

fn port(routes: &Routes, address: &str) -> Option<u16> {
    routes.find(address.parse().unwrap()).map(|hop| hop.port.number())
}

#[test]
fn the_longest_prefix_wins_and_then_the_smallest_metric() {
    let mut routes = Routes::new(10);
    for (network, number, metric) in [
        ("0.0.0.0/0", 1, 0),
        ("10.0.0.0/8", 2, 5),
        ("10.0.0.0/8", 3, 1),
        ("10.0.0.7/32", 4, 99),
        ("::/0", 5, 0),
    ] {
        assert_eq!(routes.insert(route(network, number, metric)), Ok(None));
    }
    assert_eq!(port(&routes, "10.0.0.7"), Some(4));
    assert_eq!(port(&routes, "10.0.0.8"), Some(3));
    assert_eq!(port(&routes, "11.0.0.8"), Some(1));
    assert_eq!(port(&routes, "fd00::1"), Some(5));
    assert_eq!(routes.remove("10.0.0.0/8".parse().unwrap(), 1), Some(route("10.0.0.0/8", 3, 1)));
    assert_eq!(port(&routes, "10.0.0.8"), Some(2));
    assert_eq!(routes.len(), 4);
}

#[test]
fn routes_through_a_port_that_is_down_do_not_count() {
    let mut routes = Routes::new(10);
    routes.insert(route("10.0.0.0/8", 1, 1)).unwrap();
    routes.insert(route("10.0.0.0/8", 2, 2)).unwrap();
    routes.insert(route("0.0.0.0/0", 3, 0)).unwrap();
    routes.set_up(Port::new(1), false);
    assert_eq!(port(&routes, "10.0.0.1"), Some(2));
    routes.set_up(Port::new(2), false);
    assert_eq!(port(&routes, "10.0.0.1"), Some(3));
    routes.set_up(Port::new(1), true);
    assert_eq!(port(&routes, "10.0.0.1"), Some(1));
    assert_eq!(routes.remove_port(Port::new(1)), 1);
    assert_eq!(port(&routes, "10.0.0.1"), Some(3));
}

#[test]
fn what_cannot_be_a_route_is_refused() {
    let mut routes = Routes::new(1);
    let mixed = Route { via: Some("fd00::1".parse().unwrap()), ..route("10.0.0.0/8", 1, 0) };
    assert!(matches!(routes.insert(mixed), Err(RouteError::Mixed { .. })));
    routes.insert(route("10.0.0.0/8", 1, 0)).unwrap();
    assert_eq!(routes.insert(route("11.0.0.0/8", 1, 0)), Err(RouteError::Full { routes_max: 1 }));
    let replaced = routes.insert(route("10.9.9.9/8", 2, 0)).unwrap();
    assert_eq!(replaced, Some(route("10.0.0.0/8", 1, 0)), "a full table can still be changed");
}

/// What a routing table is: of the routes that contain an address the longest, and of those the smallest metric.
#[derive(Default)]
struct Model(Vec<Route>);

impl Model {
    fn insert(&mut self, route: Route) {
        self.remove(route.network, route.metric);
        self.0.push(route);
    }

    fn remove(&mut self, network: IpNet, metric: u32) {
        self.0.retain(|other| other.network != network || other.metric != metric);
    }

    fn find(&self, address: IpAddr, down: &[Port]) -> Option<Hop> {
        let up =
            self.0.iter().filter(|route| !down.contains(&route.port) && route.network.contains(&address));
        let best = up.min_by_key(|route| (std::cmp::Reverse(route.network.prefix_len()), route.metric))?;
        Some(Hop { via: best.via, port: best.port, metric: best.metric })
    }
}

#[derive(Debug, Clone)]
enum Change {
    Insert(Route),
    Remove(IpNet, u32),
    Down(Port, bool),
}

/// Addresses that share long prefixes, so that routes contain one another.
fn addresses() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        (0..4u32, 0..4u32, any::<u8>())
            .prop_map(|(a, b, c)| { IpAddr::from((a << 30 | b << 14 | u32::from(c)).to_be_bytes()) }),
        (0..4u128, 0..4u128, any::<u8>())
            .prop_map(|(a, b, c)| { IpAddr::from((a << 126 | b << 50 | u128::from(c)).to_be_bytes()) }),
    ]
}

fn networks() -> impl Strategy<Value = IpNet> {
    (addresses(), 0..=128u8).prop_map(|(address, length)| {
        let longest = if address.is_ipv4() { 32 } else { 128 };
        IpNet::new(address, length % (longest + 1)).unwrap().trunc()
    })
}

fn changes() -> impl Strategy<Value = Change> {
    prop_oneof![
        8 => (networks(), 0..4u16, 0..3u32).prop_map(|(network, port, metric)| {
            Change::Insert(Route { network, via: None, port: Port::new(port), metric })
        }),
        3 => (networks(), 0..3u32).prop_map(|(network, metric)| Change::Remove(network, metric)),
        1 => (0..4u16, any::<bool>()).prop_map(|(port, is_up)| Change::Down(Port::new(port), is_up)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn lookups_agree_with_a_linear_scan(
        changes in prop::collection::vec(changes(), 0..40),
        questions in prop::collection::vec(addresses(), 8),
    ) {
        let (mut routes, mut model, mut down) = (Routes::new(1_000), Model::default(), Vec::new());
        for change in changes {
            match change {
                Change::Insert(route) => {
                    routes.insert(route).unwrap();
                    model.insert(route);
                }
                Change::Remove(network, metric) => {
                    routes.remove(network, metric);
                    model.remove(network, metric);
                }
                Change::Down(port, is_up) => {
                    routes.set_up(port, is_up);
                    down.retain(|other| *other != port);
                    if !is_up { down.push(port); }
                }
            }
            for question in &questions {
                prop_assert_eq!(routes.find(*question), model.find(*question, &down));
            }
            prop_assert_eq!(routes.len(), model.0.len());
        }
        model.0.sort_by_key(|route| (route.network, route.metric));
        prop_assert_eq!(routes.list(), model.0);
    }
}
