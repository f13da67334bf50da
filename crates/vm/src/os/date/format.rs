//! [`format_date`]: a date as a text says that it is to be written.

use std::io::Write as _;

use super::Date;
use crate::os::Errno;

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// How long a formatted date is at most.
pub const FORMATTED_BYTES_MAX: usize = 16 * 1024;

/// Writes seconds since 1970 as `strftime` of C99 does in the C locale and in UTC.
///
/// Beyond C99 it knows `%s`, the seconds themselves. A conversion that it does not know stays as it is, and so do bytes
/// that are no text.
///
/// # Errors
///
/// [`Errno::MessageSize`] if that is longer than [`FORMATTED_BYTES_MAX`].
///
/// # Examples
///
/// ```
/// use ironloom_vm::os::format_date;
///
/// assert_eq!(format_date(b"%Y-%m-%dT%H:%M:%SZ", 0)?, b"1970-01-01T00:00:00Z");
/// assert_eq!(format_date(b"100%, %Q %", 0)?, b"100%, %Q %");
/// # Ok::<(), ironloom_vm::Errno>(())
/// ```
pub fn format_date(format: &[u8], seconds: i64) -> Result<Vec<u8>, Errno> {
    let date = Date::from_seconds(seconds);
    let mut out = Vec::new();
    let mut rest = format;
    while let Some((&first, after)) = rest.split_first() {
        let conversion = if first == b'%' { conversion(after) } else { None };
        match conversion {
            Some((letter, length)) => {
                write(&mut out, letter, &date, seconds);
                rest = &after[length..];
            }
            None => {
                out.push(first);
                rest = after;
            }
        }
        if out.len() > FORMATTED_BYTES_MAX {
            return Err(Errno::MessageSize);
        }
    }
    Ok(out)
}

/// The letter of a conversion after its `%`, and how many bytes it has.
fn conversion(after: &[u8]) -> Option<(u8, usize)> {
    match after {
        // Other eras and digits, which the C locale does not have.
        [b'E', letter, ..] if b"cCxXyY".contains(letter) => Some((*letter, 2)),
        [b'O', letter, ..] if b"deHImMSuUVwWy".contains(letter) => Some((*letter, 2)),
        [letter, ..] if b"aAbBcCdDeFgGhHIjmMnprRsStTuUVwWxXyYzZ%".contains(letter) => Some((*letter, 1)),
        _ => None,
    }
}

/// Writes one conversion that is known.
fn write(out: &mut Vec<u8>, letter: u8, date: &Date, seconds: i64) {
    let (iso_year, iso_week) = date.iso_week();
    let day_name = DAYS[usize::from(date.weekday)];
    let month_name = MONTHS[usize::from(date.month) - 1];
    let Date { year, month, day, hour, minute, second, weekday, year_day } = *date;
    let half_hour = (hour + 11) % 12 + 1;
    let half = if hour < 12 { "AM" } else { "PM" };
    let (day_short, month_short) = (&day_name[..3], &month_name[..3]);
    let century_year = year.rem_euclid(100);
    let written = match letter {
        b'a' => out.write_all(day_short.as_bytes()),
        b'A' => out.write_all(day_name.as_bytes()),
        b'b' | b'h' => out.write_all(month_short.as_bytes()),
        b'B' => out.write_all(month_name.as_bytes()),
        b'c' => write!(out, "{day_short} {month_short} {day:2} {hour:02}:{minute:02}:{second:02} {year}"),
        b'C' => write!(out, "{:02}", year.div_euclid(100)),
        b'd' => write!(out, "{day:02}"),
        b'D' | b'x' => write!(out, "{month:02}/{day:02}/{century_year:02}"),
        b'e' => write!(out, "{day:2}"),
        b'F' => write!(out, "{year}-{month:02}-{day:02}"),
        b'g' => write!(out, "{:02}", iso_year.rem_euclid(100)),
        b'G' => write!(out, "{iso_year}"),
        b'H' => write!(out, "{hour:02}"),
        b'I' => write!(out, "{half_hour:02}"),
        b'j' => write!(out, "{year_day:03}"),
        b'm' => write!(out, "{month:02}"),
        b'M' => write!(out, "{minute:02}"),
        b'n' => out.write_all(b"\n"),
        b'p' => out.write_all(half.as_bytes()),
        b'r' => write!(out, "{half_hour:02}:{minute:02}:{second:02} {half}"),
        b'R' => write!(out, "{hour:02}:{minute:02}"),
        b's' => write!(out, "{seconds}"),
        b'S' => write!(out, "{second:02}"),
        b't' => out.write_all(b"\t"),
        b'T' | b'X' => write!(out, "{hour:02}:{minute:02}:{second:02}"),
        b'u' => write!(out, "{}", (weekday + 6) % 7 + 1),
        b'U' => write!(out, "{:02}", date.sunday_week()),
        b'V' => write!(out, "{iso_week:02}"),
        b'w' => write!(out, "{weekday}"),
        b'W' => write!(out, "{:02}", date.monday_week()),
        b'y' => write!(out, "{century_year:02}"),
        b'Y' => write!(out, "{year}"),
        b'z' => out.write_all(b"+0000"),
        b'Z' => out.write_all(b"UTC"),
        _ => out.write_all(b"%"),
    };
    written.expect("a vector takes what is written to it");
}
