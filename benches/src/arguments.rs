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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, name: &str, selected: bool) {
        let arguments = Arguments::new(line.split_whitespace().map(str::to_owned));
        assert_eq!(arguments.selects(name), selected, "{name} after `{line}`");
        assert_eq!(arguments.quick, line.contains("--quick"), "`{line}`");
    }

    #[test]
    fn filters_are_what_is_neither_an_option_nor_its_value() {
        check("--bench", "sched::ring/tokio", true);
        check("--bench --quick ring", "sched::ring/tokio", true);
        check("--bench --quick ring", "sched::skew/tokio", false);
        check("--bench --sample-size 10 skew", "sched::skew/tokio", true);
        check("--bench --save-baseline ring", "sched::skew/tokio", true);
        check("--bench --save-baseline=before ring", "sched::skew/tokio", false);
        check("--list", "sched::skew/tokio", false);
    }
}
