//! [`Date`]: a time as HTTP writes it.

use std::fmt;

/// A time as HTTP writes it, to the second.
///
/// ```
/// use ironloom_net::http::Date;
///
/// assert_eq!(Date::at(784_111_777).to_string(), "Sun, 06 Nov 1994 08:49:37 GMT");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Date([u8; 29]);

impl Date {
    /// So many seconds after 1970 began; what is after the year 9999 is written as its last second.
    #[must_use]
    pub fn at(seconds: u64) -> Self {
        const DAYS: &[u8; 21] = b"ThuFriSatSunMonTueWed";
        const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
        /// The last second of the year 9999.
        const LAST: u64 = 253_402_300_799;
        let seconds = seconds.min(LAST);
        let (days, second) = (seconds / 86_400, seconds % 86_400);
        // Years that begin in March have the leap day at their end; 719,468 days lead from there to 1970.
        let shifted = days + 719_468;
        let (era, of_era) = (shifted / 146_097, shifted % 146_097);
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let year = era * 400 + year + u64::from(month >= 10);
        let mut text = *b"Thu, 01 Jan 1970 00:00:00 GMT";
        let day_name = (days % 7) as usize * 3;
        let month_name = ((month + 2) % 12) as usize * 3;
        text[..3].copy_from_slice(&DAYS[day_name..day_name + 3]);
        text[8..11].copy_from_slice(&MONTHS[month_name..month_name + 3]);
        let numbers = [
            (5, day),
            (12, year / 100),
            (14, year % 100),
            (17, second / 3_600),
            (20, second / 60 % 60),
            (23, second % 60),
        ];
        for (at, number) in numbers {
            text[at] = b'0' + (number / 10) as u8;
            text[at + 1] = b'0' + (number % 10) as u8;
        }
        Self(text)
    }

    pub(super) const fn bytes(&self) -> &[u8; 29] {
        &self.0
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.0).expect("it is made of ASCII"))
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
