//! Quantities as people write them: "50 Mbps", "30 ms", "0.1 %", "256 KiB"; and sets of addresses: "10.1.0.0/24".

use ironloom_core::borsh::{BorshDeserialize, BorshSerialize};
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use ironloom_core::Duration;
use serde::{Deserialize, Deserializer, de};
use thiserror::Error;

/// Bits a second: "50 Mbps", "1 Gbit/s".
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub struct Rate(pub u64);

/// A span of time: "30 ms".
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub struct Span(pub Duration);

/// Parts of a million: "0.1 %", "50 ppm".
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub struct Share(pub u32);

/// Bytes: "256 KiB", "1 MB".
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub struct Size(pub u64);

/// A network, or one address: "10.1.0.0/24", "10.1.0.9".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block(pub IpNet);

/// A text is not the quantity that was expected.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is no {what}: write something like {example}")]
pub struct UnitError {
    text: String,
    what: &'static str,
    example: &'static str,
}

const RATES: &[(&str, u64)] = &[("bps", 1), ("Kbps", 1_000), ("Mbps", 1_000_000), ("Gbps", 1_000_000_000)];
const SHARES: &[(&str, u64)] = &[("%", 10_000), ("ppm", 1)];
const SIZES: &[(&str, u64)] = &[
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// A number with a unit, as a whole number of the smallest unit.
fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let split = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.' && letter != '_')?;
    let (number, unit) = (text[..split].replace('_', ""), text[split..].trim_start());
    let factor = units.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?.1;
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    let is_number = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_digit());
    if whole.is_empty() || !is_number(fraction) || number.ends_with('.') {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let divisor = 10u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let parts = if fraction.is_empty() { 0 } else { fraction.parse::<u64>().ok()?.checked_mul(factor)? };
    let rest = parts.is_multiple_of(divisor).then_some(parts / divisor)?;
    whole.parse::<u64>().ok()?.checked_mul(factor)?.checked_add(rest)
}

fn refused(text: &str, what: &'static str, example: &'static str) -> UnitError {
    UnitError { text: text.to_owned(), what, example }
}

impl FromStr for Rate {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let plain = text.replace("bit/s", "bps");
        quantity(&plain, RATES).map(Self).ok_or_else(|| refused(text, "rate", "`50 Mbps` or `1 Gbit/s`"))
    }
}

impl FromStr for Span {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let plain: String = text.split_whitespace().collect();
        plain.parse().map(Self).map_err(|_| refused(text, "span of time", "`30 ms` or `1.5 s`"))
    }
}

impl FromStr for Share {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let ppm = quantity(text, SHARES).filter(|ppm| *ppm <= 1_000_000);
        let ppm = ppm.and_then(|ppm| u32::try_from(ppm).ok());
        ppm.map(Self).ok_or_else(|| refused(text, "share of all packets", "`0.1 %` or `50 ppm`"))
    }
}

impl FromStr for Size {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        quantity(text, SIZES).map(Self).ok_or_else(|| refused(text, "number of bytes", "`256 KiB` or `1 MB`"))
    }
}

impl FromStr for Block {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        let example = "`10.1.0.0/24` or `10.1.0.9`";
        network.map(Self).map_err(|_| refused(text, "network or address", example))
    }
}

impl BorshSerialize for Block {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        (self.0.addr(), self.0.prefix_len()).serialize(writer)
    }
}

impl BorshDeserialize for Block {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let (address, length) = <(IpAddr, u8)>::deserialize_reader(reader)?;
        let network = IpNet::new(address, length);
        network.map(Self).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

pub(super) fn write_network<W: io::Write>(network: &IpNet, writer: &mut W) -> io::Result<()> {
    Block(*network).serialize(writer)
}

pub(super) fn read_network<R: io::Read>(reader: &mut R) -> io::Result<IpNet> {
    Ok(Block::deserialize_reader(reader)?.0)
}

pub(super) fn write_networks<W: io::Write>(network: &Option<IpNet>, writer: &mut W) -> io::Result<()> {
    network.map(Block).serialize(writer)
}

pub(super) fn read_networks<R: io::Read>(reader: &mut R) -> io::Result<Option<IpNet>> {
    Ok(Option::<Block>::deserialize_reader(reader)?.map(|block| block.0))
}

/// Reads a quantity where TOML has a text.
fn read<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    <String as Deserialize>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer)
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer)
    }
}

impl<'de> Deserialize<'de> for Block {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_people_write_them() {
        assert_eq!("50 Mbps".parse(), Ok(Rate(50_000_000)));
        assert_eq!("1.5Gbit/s".parse(), Ok(Rate(1_500_000_000)));
        assert_eq!("10 mbps".parse(), Ok(Rate(10_000_000)));
        assert_eq!("30 ms".parse(), Ok(Span(Duration::from_millis(30))));
        assert_eq!("0.1 %".parse(), Ok(Share(1_000)));
        assert_eq!("50ppm".parse(), Ok(Share(50)));
        assert_eq!("100%".parse(), Ok(Share(1_000_000)));
        assert_eq!("256 KiB".parse(), Ok(Size(262_144)));
        assert_eq!("1_000 B".parse(), Ok(Size(1_000)));
    }

    #[test]
    fn an_address_is_a_network_of_one() {
        let block = |text: &str| text.parse::<Block>().map(|block| block.0.to_string());
        assert_eq!(block("10.1.0.9").unwrap(), "10.1.0.9/32");
        assert_eq!(block("10.1.0.0/24").unwrap(), "10.1.0.0/24");
        assert_eq!(block("fd00::1").unwrap(), "fd00::1/128");
        assert!(block("10.1.0").unwrap_err().to_string().contains("`10.1.0.9`"));
    }

    #[test]
    fn what_is_no_quantity_is_refused_with_an_example() {
        let message = |error: UnitError| error.to_string();
        assert!(message("50 Mbsp".parse::<Rate>().unwrap_err()).contains("`50 Mbps`"));
        assert!(message("30".parse::<Span>().unwrap_err()).contains("`30 ms`"));
        assert!(message("101 %".parse::<Share>().unwrap_err()).contains("`0.1 %`"));
        for text in
            ["", "KiB", "1..5 KiB", "1. KiB", "99999999999999999999 B", "0.3 B", "-1 B", "99999999999 GB"]
        {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }
}
