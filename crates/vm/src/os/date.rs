//! [`Date`]: a time as people write it, in UTC.
//!
//! The calendar is the Gregorian one for all times, before it was made as well, and it knows no leap seconds. Years
//! count on below zero: the year before 1 is 0.

mod format;
#[cfg(test)]
mod tests;

pub use format::{FORMATTED_BYTES_MAX, format_date};

const DAY_SECONDS: i64 = 86_400;
/// After so many days the calendar repeats itself: 400 years.
const CYCLE_DAYS: i64 = 146_097;
/// From the first of March of the year 0 until 1970.
const EPOCH_DAYS: i64 = 719_468;

/// A second of the calendar, in UTC.
///
/// # Examples
///
/// ```
/// use ironloom_vm::os::Date;
///
/// let date = Date::from_seconds(951_827_696);
/// assert_eq!((date.year, date.month, date.day), (2000, 2, 29));
/// assert_eq!((date.hour, date.minute, date.second), (12, 34, 56));
/// assert_eq!(date.weekday, 2, "a Tuesday");
/// assert_eq!(date.seconds(), Some(951_827_696));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Date {
    /// The year.
    pub year: i64,
    /// The month, from 1.
    pub month: u8,
    /// The day of the month, from 1.
    pub day: u8,
    /// The hour, from 0 to 23.
    pub hour: u8,
    /// The minute.
    pub minute: u8,
    /// The second, from 0 to 59.
    pub second: u8,
    /// The day of the week, from 0 for Sunday.
    pub weekday: u8,
    /// The day of the year, from 1.
    pub year_day: u16,
}

impl Date {
    /// The date of seconds since 1970.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        let days = seconds.div_euclid(DAY_SECONDS);
        let within = seconds.rem_euclid(DAY_SECONDS);
        // Years that begin in March have their leap day at the end, so that it shifts nothing.
        let since = days + EPOCH_DAYS;
        let (cycle, within_cycle) = (since.div_euclid(CYCLE_DAYS), since.rem_euclid(CYCLE_DAYS));
        let leaps = within_cycle / 1460 - within_cycle / 36_524 + within_cycle / 146_096;
        let cycle_year = (within_cycle - leaps) / 365;
        let march_day = within_cycle - days_of_years(cycle_year);
        // Months from March have 153 days in five.
        let march_month = (5 * march_day + 2) / 153;
        let day = march_day - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        let year = cycle * 400 + cycle_year + (month <= 2) as i64;
        let year_day = match month {
            1 | 2 => march_day - 305,
            _ => march_day + 60 + is_leap(year) as i64,
        };
        Self {
            year,
            month: month as u8,
            day: day as u8,
            hour: (within / 3600) as u8,
            minute: (within / 60 % 60) as u8,
            second: (within % 60) as u8,
            weekday: (days + 4).rem_euclid(7) as u8,
            year_day: year_day as u16,
        }
    }

    /// The seconds since 1970 of its year, month, day, hour, minute and second.
    ///
    /// Each of the last five may be more than its kind has, and is then carried over. `None` if that is no number of
    /// seconds any more, or the month or day is 0.
    #[must_use]
    pub fn seconds(&self) -> Option<i64> {
        let month = i64::from(self.month.checked_sub(1)?);
        let year = self.year.checked_add(month / 12)?;
        let month = month % 12;
        let march_year = if month < 2 { year.checked_sub(1)? } else { year };
        let march_month = (month + 10) % 12;
        let cycle = march_year.div_euclid(400);
        let days = days_of_years(march_year.rem_euclid(400))
            + (153 * march_month + 2) / 5
            + i64::from(self.day.checked_sub(1)?);
        let days = cycle.checked_mul(CYCLE_DAYS)?.checked_add(days - EPOCH_DAYS)?;
        let within = i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second);
        // The first day that there is begins before the first second that there is.
        let seconds = i128::from(days) * i128::from(DAY_SECONDS) + i128::from(within);
        i64::try_from(seconds).ok()
    }

    /// Whether its year has a 29th of February.
    #[must_use]
    pub const fn is_leap_year(&self) -> bool {
        is_leap(self.year)
    }

    /// The year and week of ISO 8601: weeks begin on Monday, and the first of a year has its 4th of January.
    #[must_use]
    pub const fn iso_week(&self) -> (i64, u8) {
        let monday_based = (self.weekday as i64 + 6) % 7;
        // The Thursday of a week says to which year it belongs.
        let thursday = self.year_day as i64 - 1 - monday_based + 3;
        if thursday < 0 {
            let year = self.year.saturating_sub(1);
            (year, ((thursday + 365 + is_leap(year) as i64) / 7 + 1) as u8)
        } else if thursday >= 365 + is_leap(self.year) as i64 {
            (self.year.saturating_add(1), 1)
        } else {
            (self.year, (thursday / 7 + 1) as u8)
        }
    }

    /// The week of the year, from 0, if weeks begin on Sunday and the first Sunday begins week 1.
    const fn sunday_week(&self) -> u16 {
        (self.year_day + 6 - self.weekday as u16) / 7
    }

    /// The week of the year, from 0, if weeks begin on Monday and the first Monday begins week 1.
    const fn monday_week(&self) -> u16 {
        (self.year_day + 6 - (self.weekday as u16 + 6) % 7) / 7
    }
}

/// The days of the first years of a cycle, which begins in March of a year that 400 divides.
const fn days_of_years(years: i64) -> i64 {
    years * 365 + years / 4 - years / 100
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}
