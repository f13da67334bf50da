use super::*;
use crate::os::Errno;

#[test]
fn every_signal_is_found_by_name_and_number() {
    for signal in Signal::ALL {
        assert_eq!(Signal::from_number(signal.number()), Some(*signal));
        for text in [signal.name().to_owned(), format!("SIG{signal}"), format!("sig{signal}").to_lowercase()]
        {
            assert_eq!(Signal::parse(&text), Some(*signal), "{text}");
        }
    }
    for text in ["", "0", "SIG", "64", "256", "-9", "KILLER", "é", "sié"] {
        assert_eq!(Signal::parse(text), None, "{text}");
    }
}

#[test]
fn kill_comes_before_all() {
    let mut set: SignalSet = [Signal::Terminate, Signal::Hangup, Signal::Kill].into_iter().collect();
    let order: Vec<_> = std::iter::from_fn(|| set.pop()).collect();
    assert_eq!(order, [Signal::Kill, Signal::Hangup, Signal::Terminate]);
    assert!(set.is_empty());
}

#[test]
fn nobody_refuses_to_be_killed_or_stopped() {
    let mut dispositions = Dispositions::default();
    assert_eq!(dispositions.set(Signal::Kill, Disposition::Ignore), Err(Errno::Invalid));
    assert_eq!(dispositions.set(Signal::Stop, Disposition::Handle), Err(Errno::Invalid));
    assert_eq!(dispositions.action(Signal::Kill), Some(Action::Terminate));
}

#[test]
fn another_program_does_not_have_the_functions_of_the_last() {
    let mut dispositions = Dispositions::default();
    dispositions.set(Signal::Interrupt, Disposition::Handle).unwrap();
    dispositions.set(Signal::Hangup, Disposition::Ignore).unwrap();
    assert_eq!(dispositions.action(Signal::Interrupt), None);
    let next = dispositions.for_another_program();
    assert_eq!(next.action(Signal::Interrupt), Some(Action::Terminate));
    assert_eq!(next.action(Signal::Hangup), Some(Action::Ignore));
    assert_eq!(next.of(Signal::Child), Disposition::Default);
    assert_eq!(size_of::<Dispositions>(), 8);
}
