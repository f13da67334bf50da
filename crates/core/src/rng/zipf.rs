//! [`Zipf`]: popularity as it is in the world, where few are asked for often and many hardly ever.

use super::Rng;

/// The Zipf distribution over ranks: rank `r`, counted from zero, is drawn in proportion to `1 / (r + 1)^exponent`.
///
/// Drawn by rejection-inversion (Hörmann and Derflinger, 1996): constant time and no tables, whatever the number
/// of ranks; the same bits on every platform.
///
/// ```
/// use ironloom_core::{Rng, Seed, Zipf};
///
/// let popularity = Zipf::new(1_000, 1.0);
/// let mut rng = Rng::new(Seed::new(1));
/// let hits = (0..10_000).filter(|_| popularity.sample(&mut rng) == 0).count();
/// assert!((1_200..1_500).contains(&hits)); // the favourite gets about 13 %
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Zipf {
    ranks: f64,
    exponent: f64,
    /// The integral of the density from the first rank, and to the last.
    area_first: f64,
    area_last: f64,
    /// How far a point may lie from its rank and be accepted without a second look.
    sure: f64,
}

impl Zipf {
    /// A distribution over `ranks` ranks.
    ///
    /// # Panics
    ///
    /// If `ranks` is zero or above 2⁵³, or `exponent` is not a positive number.
    #[must_use]
    pub fn new(ranks: u64, exponent: f64) -> Self {
        assert!((1..=1 << 53).contains(&ranks), "a distribution over {ranks} ranks");
        assert!(exponent.is_finite() && exponent > 0.0, "an exponent of {exponent}");
        let ranks = ranks as f64;
        let mut zipf = Self { ranks, exponent, area_first: 0.0, area_last: 0.0, sure: 0.0 };
        zipf.area_first = zipf.area(1.5) - 1.0;
        zipf.area_last = zipf.area(ranks + 0.5);
        zipf.sure = 2.0 - zipf.area_inverse(zipf.area(2.5) - zipf.density(2.0));
        zipf
    }

    /// Draws a rank, 0 being the most popular.
    pub fn sample(&self, rng: &mut Rng) -> u64 {
        loop {
            let area = self.area_last + rng.fraction() * (self.area_first - self.area_last);
            let point = self.area_inverse(area);
            let rank = libm::floor(point + 0.5).clamp(1.0, self.ranks);
            if rank - point <= self.sure || area >= self.area(rank + 0.5) - self.density(rank) {
                return rank as u64 - 1;
            }
        }
    }

    /// `x^-exponent`.
    fn density(&self, x: f64) -> f64 {
        libm::exp(-self.exponent * libm::log(x))
    }

    /// The integral of the density up to `x`.
    fn area(&self, x: f64) -> f64 {
        let log = libm::log(x);
        expm1_ratio((1.0 - self.exponent) * log) * log
    }

    fn area_inverse(&self, area: f64) -> f64 {
        // Rounding may carry the argument of the logarithm below its domain.
        let argument = (area * (1.0 - self.exponent)).max(-1.0);
        libm::exp(log1p_ratio(argument) * area)
    }
}

/// `(e^x - 1) / x`, also near zero.
fn expm1_ratio(x: f64) -> f64 {
    if x.abs() > 1e-8 { libm::expm1(x) / x } else { 1.0 + x / 2.0 }
}

/// `ln(1 + x) / x`, also near zero.
fn log1p_ratio(x: f64) -> f64 {
    if x.abs() > 1e-8 { libm::log1p(x) / x } else { 1.0 - x / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seed;

    fn check(ranks: u64, exponent: f64) {
        let zipf = Zipf::new(ranks, exponent);
        let mut rng = Rng::new(Seed::new(ranks));
        let draws = 200_000;
        let mut seen = vec![0u32; ranks as usize];
        for _ in 0..draws {
            seen[zipf.sample(&mut rng) as usize] += 1;
        }
        let weight = |rank: usize| (rank as f64 + 1.0).powf(-exponent);
        let total: f64 = (0..ranks as usize).map(weight).sum();
        for (rank, &count) in seen.iter().enumerate() {
            let expected = f64::from(draws) * weight(rank) / total;
            let tolerance = 6.0 * expected.sqrt() + 1.0;
            assert!(
                (f64::from(count) - expected).abs() < tolerance,
                "rank {rank} of {ranks}: {count}, not {expected}"
            );
        }
    }

    #[test]
    fn draws_in_proportion() {
        check(1, 1.0);
        check(2, 0.5);
        check(50, 1.0);
        check(50, 1.3);
        check(1_000, 0.99);
    }
}
