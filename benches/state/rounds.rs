//! What is measured in rounds: everything that is to be compared once in each round, so that all of it meets the same
//! weather, and the median of each in the end.

/// What was found in the rounds so far, by name.
#[derive(Debug, Default)]
pub(crate) struct Rounds(Vec<(&'static str, Vec<f64>)>);

impl Rounds {
    pub(crate) fn add(&mut self, name: &'static str, value: f64) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => self.0.push((name, vec![value])),
        }
    }

    /// A quantile of each, in the order in which they were first added.
    pub(crate) fn quantiles(&mut self, thousandths: usize) -> impl Iterator<Item = (&'static str, f64)> + '_ {
        self.0.iter_mut().map(move |(name, values)| {
            values.sort_unstable_by(f64::total_cmp);
            (*name, values[(values.len() * thousandths / 1_000).min(values.len() - 1)])
        })
    }
}
