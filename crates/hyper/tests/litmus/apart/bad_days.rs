//! Harts on different hosts whose messages come late, in another order, twice, in bursts, or not at all.

use ironloom_core::Duration;
use ironloom_hyper::coherence::Counters;
use ironloom_hyper::isa::{Assembler, registers::*};

use crate::race::wait_by_chance;
use crate::rig::{Apart, DATA, Part, Ran, Stage, meet, repeat, run};
use crate::weather::Weather;

const LOCK: u64 = DATA;
const COUNTS: u64 = DATA + 0x1000;
const FOUND: u64 = DATA + 0x2000;

/// What harts count in the four ways below is in the end what they counted.
///
/// By a reservation, by an operation, by plain loads and stores under a lock in two pages. When all have met, the first
/// hart looks: while the computer runs, hosts are patient with each other.
fn count(apart: Apart, harts: usize, each: u64) {
    let part = |text: &mut Assembler| {
        text.li(S2, LOCK).li(S3, COUNTS).mv(S10, A0);
        repeat(text, S4, each, |text| {
            wait_by_chance(text, 18);
            let (retry, take, taken) = (text.label(), text.label(), text.label());
            text.bind(retry).lr_d(T0, S3).addi(T0, T0, 1).sc_d(T1, T0, S3).bnez(T1, retry);
            text.li(T2, 1).addi(T3, S3, 8).amoadd_d(ZERO, T2, T3);
            text.bind(take).li(T0, 1).amoswap_w(T1, T0, S2).beqz(T1, taken).pause().j(take);
            text.bind(taken).fence(3, 3);
            for place in [S2, S3] {
                text.ld(T2, 16, place).addi(T2, T2, 1).sd(T2, 16, place);
            }
            text.fence(3, 3).sw(ZERO, 0, S2);
        });
        meet(text, harts);
        let over = text.label();
        text.bnez(A0, over).li(S4, FOUND);
        for (number, (page, place)) in [(S3, 0), (S3, 8), (S3, 16), (S2, 16)].into_iter().enumerate() {
            text.ld(T0, place, page).sd(T0, 8 * number as i32, S4);
        }
        text.bind(over);
    };
    let ran = run(Stage::Apart(apart), &vec![&part as Part<'_>; harts]);
    let found = [0, 8, 16, 24].map(|place| ran.dword(FOUND + place));
    assert_eq!(found, [each * harts as u64; 4], "{apart:?}");
    check_weather(&apart.weather, &ran);
}

/// Messages came as the weather was.
fn check_weather(weather: &Weather, ran: &Ran) {
    let Ran::Apart(hosts) = ran else { return };
    let sum = |of: fn(Counters) -> u64| hosts.hosts.iter().map(|host| of(host.counters())).sum::<u64>();
    let (messages, retries) = (sum(|counters| counters.messages), sum(|counters| counters.retries));
    let repeated = sum(|counters| counters.repeated);
    println!("{weather:?}: {messages} messages, {retries} times sent again, {repeated} came again");
    assert!(weather.doubled == 0 || repeated > 0, "what comes twice is noticed");
}

/// Days of which each has something of its own.
fn days(seed: u64) -> [Weather; 4] {
    let late = Weather { seed, delay: Duration::from_micros(500), ..Weather::FAIR };
    [
        late,
        Weather { lost: 20, ..late },
        Weather { doubled: 200, burst: Duration::from_millis(1), ..late },
        Weather { lost: 50, doubled: 50, delay: Duration::from_millis(1), ..late },
    ]
}

#[test]
fn harts_count_right_whatever_becomes_of_messages_about_pages() {
    for seed in 1..=3 {
        for weather in days(seed) {
            count(Apart { weather, ..Apart::new(3) }, 3, 60);
        }
    }
}

/// Nothing ends because two hosts are far from each other.
#[test]
fn a_slow_host_is_slow_and_nothing_else() {
    let slow = Some(([0, 1], Duration::from_millis(100)));
    count(Apart { weather: Weather { slow, ..Weather::FAIR }, ..Apart::new(3) }, 3, 4);
}
