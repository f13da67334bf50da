//! [`Source`]: the text of a description, which knows in which line something is.

use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The text that a description was read from, if it was. All are alike: it is no part of what is described.
#[derive(Debug, Clone, Default)]
pub(crate) struct Source(Option<Arc<str>>);

impl PartialEq for Source {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Source {
    pub(super) fn new(text: &str) -> Self {
        Self(Some(text.into()))
    }

    /// The line of a place such as `machines.web.at` or `links[0].between`, or of the nearest around it.
    pub(crate) fn line(&self, place: &str) -> Option<usize> {
        let text = self.0.as_deref()?;
        let table = DeTable::parse(text).ok()?;
        let offset = in_table(table.get_ref(), place)?;
        Some(text.get(..offset)?.bytes().filter(|byte| *byte == b'\n').count() + 1)
    }
}

/// Where the place begins, below a table.
fn in_table(table: &DeTable<'_>, place: &str) -> Option<usize> {
    let follows = |key: &str| {
        let rest = place.strip_prefix(key)?;
        (rest.is_empty() || rest.starts_with(['.', '['])).then_some(rest)
    };
    let entries = table.iter().filter_map(|(key, value)| Some((key, value, follows(key.get_ref())?)));
    // Names may have dots in them.
    let (key, value, rest) = entries.min_by_key(|(.., rest)| rest.len())?;
    Some(in_value(value, rest).unwrap_or(key.span().start))
}

fn in_value(value: &Spanned<DeValue<'_>>, rest: &str) -> Option<usize> {
    match value.get_ref() {
        DeValue::Table(table) => in_table(table, rest.strip_prefix('.')?),
        DeValue::Array(array) => {
            let (number, rest) = rest.strip_prefix('[')?.split_once(']')?;
            let item = array.get(number.parse::<usize>().ok()?)?;
            Some(in_value(item, rest).unwrap_or(item.span().start))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"seed = 7
[machines.web]
at = "lan"
[machines."a.b"]
count = 3
[[links]]
between = ["a", "b"]
[[links]]
between = [
  "c",
  "d",
]
[routers]
edge = { interfaces = [
  { to = "lan" },
  { to = "wan" },
] }
"#;

    #[test]
    fn places_have_lines() {
        let source = Source::new(TEXT);
        let check = |place: &str, line: usize| assert_eq!(source.line(place), Some(line), "{place}");
        check("seed", 1);
        check("machines.web.at", 3);
        check("machines.web", 2);
        check("machines.web.image", 2);
        check("machines.a.b.count", 5);
        check("links[0].between", 7);
        check("links[1].between", 9);
        check("links[1].between[1]", 11);
        check("routers.edge.interfaces[1].to", 16);
        assert_eq!(source.line("clouds.internet"), None);
        assert_eq!(Source::default().line("seed"), None);
    }
}
