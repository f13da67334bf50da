//! Hosts that are slow, irregular, delayed, stopped or dead, and a detector that is stopped itself.

use ironloom_core::{Rng, Seed};

use super::*;

const TICK: Duration = Duration::from_millis(50);

fn at(millis: u64) -> Instant {
    Instant::ZERO.saturating_add(Duration::from_millis(millis))
}

fn host() -> HostId {
    HostId::new(3).unwrap()
}

/// A detector that has heard a host as often as `intervals` say; and when the last time was.
fn detector(intervals: impl IntoIterator<Item = u64>) -> (Detector, u64) {
    let mut detector = Detector::new(DetectorConfig::default(), at(0));
    let mut now = 0;
    detector.heard(host(), at(0));
    for interval in intervals {
        for millis in (now..now + interval).step_by(50) {
            detector.tick(at(millis));
            assert!(
                !detector.is_suspect(host(), at(millis)),
                "{}",
                detector.reason(host(), at(millis)).unwrap()
            );
        }
        now += interval;
        detector.heard(host(), at(now));
    }
    (detector, now)
}

/// After how many milliseconds of silence it is suspect.
fn suspect_after(detector: &mut Detector, since: u64) -> u64 {
    (0..20_000)
        .find(|millis| {
            if millis % 50 == 0 {
                detector.tick(at(since + millis));
            }
            detector.is_suspect(host(), at(since + millis))
        })
        .expect("it is suspect in the end")
}

#[test]
fn who_stops_is_suspect_within_a_second() {
    let (mut regular, now) = detector([50; 100]);
    let after = suspect_after(&mut regular, now);
    assert!((300..1_000).contains(&after), "{after} ms");
    // Even if it was heard of only once.
    let after = suspect_after(&mut detector([]).0, 0);
    assert!((300..1_000).contains(&after), "{after} ms");
}

#[test]
fn a_delay_of_100_milliseconds_is_no_reason() {
    // Once, from then on, and now and then.
    detector([50, 50, 50, 150, 0, 50, 50]);
    detector(std::iter::repeat_n(50, 30).chain([150]).chain([50; 30]));
    let mut rng = Rng::new(Seed::new(1));
    let jitter: Vec<u64> = (0..2_000).map(|_| 20 + rng.below(130)).collect();
    let (mut jittery, now) = detector(jitter);
    let after = suspect_after(&mut jittery, now);
    assert!((300..1_000).contains(&after), "{after} ms");
}

#[test]
fn slow_machines_are_given_more_time_but_not_for_ever() {
    let mut rng = Rng::new(Seed::new(2));
    let (mut slow, now) = detector((0..200).map(|_| 150 + rng.below(200)));
    let after = suspect_after(&mut slow, now);
    assert!((600..1_500).contains(&after), "{after} ms");
    let mut wild = Detector::new(DetectorConfig::default(), at(0));
    (0..50).for_each(|number| wild.heard(host(), at(number * number * 100)));
    wild.tick(at(240_100));
    assert_eq!(suspect_after(&mut wild, 49 * 49 * 100), 3_000);
}

#[test]
fn who_was_stopped_itself_blames_nobody() {
    let (mut detector, now) = detector([50; 50]);
    // For 30 seconds nothing runs here; what the other says meanwhile is read afterwards.
    let woken = now + 30_000;
    let slept = detector.tick(at(woken)).unwrap();
    assert!(slept >= Duration::from_millis(29_900), "{slept}");
    assert!(!detector.is_suspect(host(), at(woken)));
    detector.heard(host(), at(woken + 1));
    let reason = detector.reason(host(), at(woken + 1)).unwrap();
    assert_eq!(reason.mean, Duration::from_millis(50), "the pause says nothing about the host");
    // If the other has died meanwhile, that is found out as soon as ever.
    let after = suspect_after(&mut detector, woken + 1);
    assert!((300..1_000).contains(&after), "{after} ms");
    assert_eq!(detector.tick(at(0)), None, "a clock that goes back is no pause");
}

#[test]
fn nothing_is_expected_of_who_is_unknown_or_forgotten() {
    let (mut detector, now) = detector([50; 5]);
    let later = at(now + 60_000);
    assert_eq!(detector.suspects(later), HostSet::EMPTY.with(host()));
    detector.forget(host());
    assert_eq!((detector.suspects(later), detector.suspicion(host(), later)), (HostSet::EMPTY, 0.0));
    assert_eq!(detector.reason(host(), later), None);
}

#[test]
fn the_reason_is_told() {
    let (detector, now) = detector([50; 20]);
    let told = detector.reason(host(), at(now + 500)).unwrap().to_string();
    assert!(told.starts_with("host-3 has been silent for 500ms, is usually heard of every 50ms"), "{told}");
    assert!(told.ends_with("of 8.0"), "{told}");
    let grows = (0..1_000).map(|millis| detector.suspicion(host(), at(now + millis)));
    assert!(grows.is_sorted());
}

#[test]
fn no_more_is_remembered_than_may_be() {
    let mut detector = Detector::new(DetectorConfig { window: 3, ..Default::default() }, at(0));
    (0..100).for_each(|number| detector.heard(host(), at(number * 50)));
    (0..3).for_each(|number| detector.heard(host(), at(5_000 + number * 10)));
    assert_eq!(
        detector.reason(host(), at(5_020)).unwrap().mean,
        TICK.saturating_sub(Duration::from_nanos(26_666_667))
    );
}
