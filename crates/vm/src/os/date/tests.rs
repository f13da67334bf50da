use ironloom_core::{Rng, Seed};

use super::*;

/// A calendar that counts days one by one.
struct Naive {
    year: i64,
    month: u8,
    day: u8,
    weekday: u8,
    year_day: u16,
}

impl Naive {
    fn month_days(&self) -> u8 {
        match self.month {
            2 if is_leap(self.year) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    fn next(&mut self) {
        self.weekday = (self.weekday + 1) % 7;
        self.year_day += 1;
        self.day += 1;
        if self.day > self.month_days() {
            (self.day, self.month) = (1, self.month + 1);
        }
        if self.month > 12 {
            (self.month, self.year, self.year_day) = (1, self.year + 1, 1);
        }
    }

    /// The week by its definition: the first week has the 4th of January.
    fn iso_week(&self) -> (i64, u8) {
        let mut thursday = Self { ..*self };
        if self.weekday >= 1 && self.weekday <= 4 {
            while thursday.weekday != 4 {
                thursday.next();
            }
            return (thursday.year, ((thursday.year_day - 1) / 7 + 1) as u8);
        }
        let back = (u16::from(self.weekday) + 3) % 7;
        if self.year_day > back {
            (self.year, ((self.year_day - back - 1) / 7 + 1) as u8)
        } else {
            let last = 365 + u16::from(is_leap(self.year - 1));
            (self.year - 1, ((last + self.year_day - back - 1) / 7 + 1) as u8)
        }
    }
}

#[test]
fn agrees_with_counting_days() {
    // The first of January of the year -400 was a Saturday, as that of 2000.
    let mut naive = Naive { year: -400, month: 1, day: 1, weekday: 6, year_day: 1 };
    // From it to the first of January of 2000, which is day 10,957, the calendar repeats itself six times.
    let first_day = 10_957 - 6 * CYCLE_DAYS;
    let mut rng = Rng::new(Seed::new(7));
    while naive.year < 2801 {
        let days = first_day + i64::from(naive.year_day) - 1 + days_before(naive.year);
        let seconds = days * DAY_SECONDS + rng.below(86_400) as i64;
        let date = Date::from_seconds(seconds);
        let case = format!("{seconds}: {date:?}");
        assert_eq!((date.year, date.month, date.day), (naive.year, naive.month, naive.day), "{case}");
        assert_eq!((date.weekday, date.year_day), (naive.weekday, naive.year_day), "{case}");
        assert_eq!(date.iso_week(), naive.iso_week(), "{case}");
        assert_eq!(date.seconds(), Some(seconds), "{case}");
        naive.next();
    }
}

/// The days from the year -400 until a year.
fn days_before(year: i64) -> i64 {
    let years = year + 400;
    years * 365 + (years + 3) / 4 - (years + 99) / 100 + (years + 399) / 400
}

#[test]
fn any_number_of_seconds_is_a_date() {
    let mut rng = Rng::new(Seed::new(1));
    let chosen = (0..10_000).map(|_| rng.next_u64() as i64);
    for seconds in [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX].into_iter().chain(chosen) {
        let date = Date::from_seconds(seconds);
        assert_eq!(date.seconds(), Some(seconds));
        assert!((1..=12).contains(&date.month) && (1..=31).contains(&date.day) && date.year_day >= 1);
    }
}

#[test]
fn what_is_no_date_has_no_seconds() {
    let date = Date::from_seconds(0);
    assert_eq!(Date { year: i64::MAX, ..date }.seconds(), None);
    assert_eq!(Date { year: i64::MIN, ..date }.seconds(), None);
    assert_eq!(Date { month: 0, ..date }.seconds(), None);
    assert_eq!(Date { day: 0, ..date }.seconds(), None);
    let carried = Date { month: 14, day: 31, hour: 25, minute: 61, second: 61, ..date };
    assert_eq!(Date::from_seconds(carried.seconds().unwrap()).month, 3);
}

#[track_caller]
fn check(format: &str, seconds: i64, expected: &str) {
    let formatted = format_date(format.as_bytes(), seconds).unwrap();
    assert_eq!(String::from_utf8(formatted).unwrap(), expected, "{format} of {seconds}");
}

/// `expected.txt` has a format, and what GNU `date -u -d @SECONDS +FORMAT` writes with `LC_ALL=C` for some seconds.
#[test]
fn agrees_with_gnu_date() {
    let mut lines = include_str!("expected.txt").lines();
    let format = lines.next().unwrap();
    let place = format.split('|').position(|conversion| conversion == "%s").unwrap();
    for expected in lines {
        let seconds = expected.split('|').nth(place).unwrap().parse().unwrap();
        check(format, seconds, expected);
    }
}

#[test]
fn what_is_unknown_stays() {
    check("%Q %-d %", 0, "%Q %-d %");
    check("%E %Ed %EY %Oy %Oz %%%", 0, "%E %Ed 1970 70 %Oz %%");
    check("é%n%té", 0, "é\n\té");
    assert_eq!(format_date(b"\xff%\xff%d\0", 0).unwrap(), b"\xff%\xff01\0");
}

#[test]
fn a_long_format_is_refused() {
    assert_eq!(format_date(&b"%c".repeat(10_000), 0), Err(crate::os::Errno::MessageSize));
    assert!(format_date(&b"%".repeat(10_000), 0).is_ok());
}

#[test]
fn random_formats_of_random_times_are_text() {
    let mut rng = Rng::new(Seed::new(3));
    for _ in 0..20_000 {
        let mut format: Vec<u8> = (0..rng.below(12))
            .map(|_| *rng.choose(b"%%%EOaAbBcCdDeFgGjpsUVWyYzQ\xc3\xa9").unwrap())
            .collect();
        format.push(rng.below(256) as u8);
        let seconds = rng.next_u64() as i64;
        assert!(format_date(&format, seconds).is_ok(), "{format:?} of {seconds}");
    }
}
