//! The part of the arguments after `cargo bench --` that is not only criterion's business.

/// Options that are followed by no value.
const FLAGS: [&str; 8] =
    ["--bench", "--discard-baseline", "--exact", "--noplot", "--quick", "--quiet", "--test", "--verbose"];

/// What the caller asked for.
#[derive(Debug)]
pub(crate) struct Arguments {
    /// Short runs are enough.
    pub(crate) quick: bool,
    /// Nothing is to be measured, only listed or tried.
    dry: bool,
    /// Parts of names; what has one of them is measured.
    filters: Vec<String>,
}

impl Arguments {
    pub(crate) fn new(arguments: impl Iterator<Item = String>) -> Self {
        let mut found = Self { quick: false, dry: false, filters: Vec::new() };
        let mut is_value = false;
        for argument in arguments {
            match argument.as_str() {
                "--quick" => found.quick = true,
                "--list" | "--test" => found.dry = true,
                option if option.starts_with('-') => {
                    is_value = option.starts_with("--") && !FLAGS.contains(&option) && !option.contains('=');
                    continue;
                }
                _ if is_value => {}
                filter => found.filters.push(filter.to_owned()),
            }
            is_value = false;
        }
        found
    }

    /// Whether something of this name is to be measured.
    pub(crate) fn selects(&self, name: &str) -> bool {
        !self.dry && (self.filters.is_empty() || self.filters.iter().any(|filter| name.contains(filter)))
    }
}
