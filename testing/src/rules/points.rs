//! Where rules are judged: at the edges of the floats, all over a domain, and anywhere.

use damo_graph::op::scalar::Interval;

/// The edges of the floats, and the numbers at which functions like to change.
pub(super) const EDGES: [f64; 19] = [
    0.0,
    -0.0,
    5e-324,
    -5e-324,
    1e-310,
    -1e-310,
    f64::MIN_POSITIVE,
    1e-20,
    0.5,
    1.0,
    -1.0,
    40.0,
    -40.0,
    800.0,
    f64::MAX,
    -f64::MAX,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];

/// Every way to give that many variables one of the edges.
pub(super) fn edges(variables: usize) -> Vec<Vec<f64>> {
    (0..variables).fold(vec![Vec::new()], |points, _| {
        points.iter().flat_map(|point| EDGES.iter().map(|&edge| point.iter().copied().chain([edge]).collect())).collect()
    })
}

/// Numbers that look random and are the same each time (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
pub(super) struct Random(u64);

impl Random {
    pub fn new() -> Random {
        Random(0x853c_49e6_748f_ea9b)
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// From 0 up to 1.
    fn share(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (-53f64).exp2()
    }

    /// Any float at all, with one NaN: of those that signal, nothing is promised.
    pub fn anything(&mut self, variables: usize) -> Vec<f64> {
        (0..variables).map(|_| Some(f64::from_bits(self.bits())).filter(|float| !float.is_nan()).unwrap_or(f64::NAN)).collect()
    }

    /// A point of a domain: anywhere in it, close to one of its ends, or close to 0.
    pub fn within(&mut self, domain: &[Interval]) -> Vec<f64> {
        domain.iter().map(|interval| self.number(*interval)).collect()
    }

    fn number(&mut self, Interval { low, high }: Interval) -> f64 {
        let (low, high) = (low.max(-1e300), high.min(1e300));
        let distance = (-40.0 * self.share()).exp2() * if self.bits().is_multiple_of(2) { 1.0 } else { -1.0 };
        let number = match self.bits() % 8 {
            0..4 => low + (high - low) * self.share(),
            4 => low + (high - low) * distance.abs(),
            5 => high - (high - low) * distance.abs(),
            _ => distance * low.abs().max(high.abs()),
        };
        number.clamp(low, high)
    }
}

#[cfg(test)]
mod tests {
    use damo_graph::op::scalar::{ALL, Signature};
    use damo_graph::op::term::Term;
    use damo_graph::{Number, Real};
    use damo_oracle::{Truth, to_float, truth, ulps};

    use super::*;

    #[test]
    fn the_oracle_knows_every_function_and_agrees_with_its_meaning() {
        let mut random = Random::new();
        for &scalar in ALL {
            let (Some(_), Signature::Same(arity) | Signature::Test(arity)) = (scalar.real, scalar.signature) else { continue };
            let domain: Vec<Interval> =
                (0..arity).map(|k| Interval { low: scalar.domain[k].low.max(-8.0), high: scalar.domain[k].high.min(8.0) }).collect();
            let [x, y, z] = [0, 1, 2].map(Term::argument);
            let term = match arity {
                1 => Term::apply(scalar, [x]),
                2 => Term::apply(scalar, [x, y]),
                _ => Term::apply(scalar, [x, y, z]),
            };
            for _ in 0..24 {
                let mut at = random.within(&domain);
                if ["polygamma", "erfcx_derivative"].contains(&scalar.name) {
                    at[0] = at[0].round();
                }
                let arguments: Vec<Number> = at.iter().map(|&x| Number::Real(x)).collect();
                let meant = scalar.evaluate(&arguments).map_or(f64::NAN, Number::to_real);
                match truth(term, &at).unwrap() {
                    // Twice what the function states: this is about the oracle.
                    Truth::Number(number) => assert!(ulps(meant, &number) <= 2.0 * scalar.ulps + 1.0, "{} at {at:?}: {meant:?}", scalar.name),
                    other @ (Truth::Infinite { .. } | Truth::Undefined | Truth::Holds(_)) => {
                        assert!(meant.to_bits() == to_float(&other).to_bits() || meant.is_nan(), "{} at {at:?}: {other:?}", scalar.name);
                    }
                }
            }
        }
    }
}
