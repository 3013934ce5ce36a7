//! Powers with a number for an exponent.

use damo_graph::functions::{abs, hypot, ln, pow, recip, sqrt};
use damo_graph::op::scalar::{ABS, MUL, POW, RECIP};
use damo_graph::op::term::Term;
use damo_graph::{NodeId, Real, Result, Value};

use crate::rewrite::Rewriter;

/// The value where it is at least 0, else NaN: what a root made of it.
fn not_negative(x: Term) -> Term {
    Term::select(x.ge(Term::number(0.0)), x, Term::number(f64::NAN))
}

fn first_is_not_negative(rewriter: &mut Rewriter<'_>, values: &[Value]) -> bool {
    rewriter.is_not_negative(values[0])
}

crate::rules! {
    /// Powers and roots.
    pub fn powers {
        /// Anything to the power 0 is 1, also NaN (IEEE 754, section 9.2.1).
        power_zero [x] pow(x, 0.0.into()) => 1.0.into();
        /// The first power is the number.
        power_one [x] pow(x, 1.0.into()) => x;
        /// 1 to any power is 1.
        power_of_one [x] pow(1.0.into(), x) => 1.0.into();
        /// The square is one product.
        power_two [x] pow(x, 2.0.into()) => x * x, rounds(0.5);
        /// A division is cheaper than a power.
        power_minus_one [x] pow(x, (-1.0).into()) => recip(x), rounds(0.5), on(0.1, 10.0);
        /// A root is cheaper than a power, where they agree: not at −∞.
        power_half [x] pow(x, 0.5.into()) => sqrt(x), rounds(0.5), on(0.0, 10.0), when(first_is_not_negative);
        /// The square overflows where its root does not.
        root_of_square [x] sqrt(x * x) => abs(x), extends(0.0), proof([-1e200], 1e200);
        /// The square of a root.
        square_of_root [x] sqrt(x) * sqrt(x) => not_negative(x), rounds(0.0);
        /// Squares overflow, or vanish, where the length of the hypotenuse does not.
        root_of_squares [x, y] sqrt(x * x + y * y) => hypot(x, y), extends(1.0), proof([1e200, 1e200], 1.414_213_562_373_095e200);
        /// The square overflows.
        root_of_one_and_square [x] sqrt(1.0 + x * x) => hypot(1.0.into(), x), extends(1.0), proof([1e200], 1e200);
        /// The root keeps half of the digits' range.
        log_of_root [x] ln(sqrt(x)) => 0.5 * ln(x), rounds(1.0), on(0.0, 10.0);
        /// The sign of x, which x / |x| loses in 0 / 0 and ∞ / ∞.
        over_absolute [x] x / abs(x) => x.signum(), extends(0.0), proof([0.0], 0.0);
        /// (a / x + b) x without the way through infinity.
        quotient_undone [a, x, b] (a / x + b) * x => a + b * x, extends(4.0), on(1.0, 10.0), proof([1.0, 0.0, 0.0], 1.0);
        /// Signs do not matter.
        absolute_of_absolute [x] abs(abs(x)) => abs(x);
        /// Signs do not matter.
        absolute_of_opposite [x] abs(-x) => abs(x);
        /// 1 / x keeps the power in range longer than the square does.
        power_minus_two [x] pow(x, (-2.0).into()) => recip(x) * recip(x), rounds(2.0), on(0.1, 10.0);
        /// Two products.
        power_three [x] pow(x, 3.0.into()) => x * x * x, rounds(1.5);
        /// Two products.
        power_four [x] pow(x, 4.0.into()) => (x * x) * (x * x), rounds(2.0);
    }
}

crate::structural_rules! {
    /// Absolute values of products with a number.
    pub fn absolute_values {
        /// The number comes out, without its sign.
        absolute_of_multiple, at(&["abs"]);
    }
}

fn absolute_of_multiple(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let product = rewriter.input(node.into());
    let Some(factors) = rewriter.is(product, &MUL) else { return Ok(None) };
    for (number, other) in [(factors[0], factors[1]), (factors[1], factors[0])] {
        if let Some(number) = rewriter.uniform(number) {
            let absolute = rewriter.apply(&ABS, &[other])?;
            return rewriter.scaled(absolute, number.abs()).map(Some);
        }
    }
    Ok(None)
}

crate::structural_rules! {
    /// Powers that are cheaper, and less exact, by repeated squaring.
    pub fn whole_powers {
        /// Repeated squaring; its error grows with the exponent.
        repeated_squaring, rounds(512.0), fast(), at(&["pow"]);
    }
}

fn repeated_squaring(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let Some(inputs) = rewriter.is(node.into(), &POW) else { return Ok(None) };
    let Some(exponent) = rewriter.uniform(inputs[1]).filter(|number| number.fract() == 0.0 && (5.0..=512.0).contains(&number.abs())) else {
        return Ok(None);
    };
    let (mut left, mut square, mut power) = (exponent.abs() as u32, inputs[0], None);
    while left > 0 {
        if left % 2 == 1 {
            power = Some(match power {
                Some(power) => rewriter.apply(&MUL, &[power, square])?,
                None => square,
            });
        }
        left /= 2;
        if left > 0 {
            square = rewriter.apply(&MUL, &[square, square])?;
        }
    }
    let Some(power) = power else { return Ok(None) };
    if exponent < 0.0 { rewriter.apply(&RECIP, &[power]).map(Some) } else { Ok(Some(power)) }
}
