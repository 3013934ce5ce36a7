//! Softmax, its logarithm and its denominator, of one row: each exponential is computed once, in `f64`.

use damo_graph::{DType, Float};
use pulp::Arch;

use crate::portable::functions;
use crate::view::{View, ViewMut};

/// So many exponentials are computed at once, on the stack.
const BLOCK: usize = 64;

/// `exp(x − max) / Σ exp(x − max)`: `x: [n] -> y: [n]`, which may be the same elements.
pub(super) fn softmax<T: Float>(x: View<'_, T, 1>, y: &mut ViewMut<'_, T, 1>) {
    let largest = largest(&x);
    if largest == f64::INFINITY {
        return limit(x, y, 1.0, 0.0);
    }
    let (mut sum, mut start) = (0.0, 0);
    each_block(&x, largest, |powers| {
        sum += total(powers);
        y.range(start, start + powers.len()).write(powers.iter().map(|&power| T::from_f64(power)));
        start += powers.len();
    });
    match y.as_mut_slice() {
        Some(y) => Arch::new().dispatch(|| divide(y, sum)),
        None => y.change(|power| T::from_f64(power.to_f64() / sum)),
    }
}

#[inline(always)]
fn divide<T: Float>(row: &mut [T], sum: f64) {
    for element in row {
        *element = T::from_f64(element.to_f64() / sum);
    }
}

/// `x − ln Σ exp(x)`: `x: [n] -> y: [n]`, which may be the same elements.
pub(super) fn log_softmax<T: Float>(x: View<'_, T, 1>, y: &mut ViewMut<'_, T, 1>) {
    let (largest, rest) = log_sum_exp(&x);
    if largest == f64::INFINITY {
        return limit(x, y, 0.0, f64::NEG_INFINITY);
    }
    y.write(x.iter().map(|x| T::from_f64((x.to_f64() - largest) - rest)));
}

/// What a row becomes in which +∞ is the largest: known where it is there once, for it and the others, and NaN where it is more often.
fn limit<T: Float>(x: View<'_, T, 1>, y: &mut ViewMut<'_, T, 1>, largest: f64, others: f64) {
    let is_infinite = |x: T| x.to_f64() == f64::INFINITY;
    let is_alone = x.iter().filter(|&x| is_infinite(x)).count() == 1;
    let of = |x: T| if is_alone { if is_infinite(x) { largest } else { others } } else { f64::NAN };
    y.write(x.iter().map(|x| T::from_f64(of(x))));
}

/// The largest element m and `ln Σ exp(x − m)`. The largest is left out of the sum, so that small others are not lost beside its 1.
pub(super) fn log_sum_exp<T: Float>(x: &View<'_, T, 1>) -> (f64, f64) {
    let largest = largest(x);
    if !largest.is_finite() {
        return (largest, 0.0);
    }
    let first = x.iter().position(|x| x.to_f64() == largest).unwrap_or(0);
    let (mut sum, mut start) = (0.0, 0);
    each_block(x, largest, |powers| {
        if (start..start + powers.len()).contains(&first) {
            powers[first - start] = 0.0;
        }
        sum += total(powers);
        start += powers.len();
    });
    (largest, sum.ln_1p())
}

/// Computes `exp(x − largest)`, block by block.
fn each_block<T: Float>(x: &View<'_, T, 1>, largest: f64, mut visit: impl FnMut(&mut [f64])) {
    let mut powers = [0.0; BLOCK];
    let length = x.lengths()[0];
    for start in (0..length).step_by(BLOCK) {
        let part = x.range(start, start + BLOCK);
        let powers = &mut powers[..part.lengths()[0]];
        powers.iter_mut().zip(part.iter()).for_each(|(power, x)| *power = x.to_f64() - largest);
        if T::DTYPE == DType::F64 {
            for power in powers.iter_mut() {
                *power = power.exp();
            }
        } else {
            Arch::new().dispatch(|| exponentials(powers));
        }
        visit(powers);
    }
}

#[inline(always)]
fn exponentials(powers: &mut [f64]) {
    for power in powers {
        *power = functions::exp(*power);
    }
}

/// The sum of a block, in eight lanes.
fn total(block: &[f64]) -> f64 {
    let (eights, tail) = block.as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for eight in eights {
        lanes.iter_mut().zip(eight).for_each(|(lane, x)| *lane += x);
    }
    lanes.iter_mut().zip(tail).for_each(|(lane, x)| *lane += x);
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

/// The largest element; NaN if there is one.
fn largest<T: Float>(x: &View<'_, T, 1>) -> f64 {
    let larger = |largest: f64, x: f64| if x > largest || x.is_nan() { x } else { largest };
    let Some(x) = x.as_slice() else { return x.iter().map(T::to_f64).fold(f64::NEG_INFINITY, larger) };
    let (eights, tail) = x.as_chunks::<8>();
    let mut lanes = [f64::NEG_INFINITY; 8];
    for eight in eights {
        lanes.iter_mut().zip(eight).for_each(|(lane, x)| *lane = larger(*lane, x.to_f64()));
    }
    tail.iter().map(|x| x.to_f64()).chain(lanes).fold(f64::NEG_INFINITY, larger)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(length: usize) -> Vec<f32> {
        (0..length).map(|k| ((k * 37) % 101) as f32 * 0.3 - 20.0).collect()
    }

    #[test]
    fn rows_of_any_length_agree_with_the_definition() {
        for length in [1, 2, 10, 63, 64, 65, 1000] {
            let x = row(length);
            let powers: Vec<f64> = x.iter().map(|&x| f64::from(x).exp()).collect();
            let sum: f64 = powers.iter().sum();
            let mut y = x.clone();
            softmax(View::of(&x), &mut ViewMut::of(&mut y));
            assert!(y.iter().zip(&powers).all(|(&y, power)| (f64::from(y) / (power / sum) - 1.0).abs() < 1.2e-7));
            log_softmax(View::of(&x), &mut ViewMut::of(&mut y));
            assert!(y.iter().zip(&x).all(|(&y, &x)| (f64::from(y) - (f64::from(x) - sum.ln())).abs() < 1e-7 * f64::from(y).abs().max(1.0)));
        }
    }

    #[test]
    fn rows_with_infinities_and_without_elements() {
        let inf = f64::INFINITY;
        assert_eq!(log_sum_exp(&View::of(&[0.0f64; 0])), (-inf, 0.0));
        assert_eq!(log_sum_exp(&View::of(&[-inf, -inf])), (-inf, 0.0));
        assert_eq!(log_sum_exp(&View::of(&[1.0, inf])), (inf, 0.0));
        assert!(log_sum_exp(&View::of(&[1.0, f64::NAN, inf])).0.is_nan());
        assert!((log_sum_exp(&View::of(&[0.0f32, -40.0])).1 / (-40.0f64).exp() - 1.0).abs() < 1e-11);
        assert_eq!(log_sum_exp(&View::of(&[0.0f64, -40.0])).1, (-40.0f64).exp());
        let mut y = [0.0f32; 3];
        softmax(View::of(&[-f32::INFINITY, 0.0, -1000.0]), &mut ViewMut::of(&mut y));
        assert_eq!(y, [0.0, 1.0, 0.0]);
        softmax(View::of(&[-f32::INFINITY; 3]), &mut ViewMut::of(&mut y));
        assert!(y.iter().all(|y| y.is_nan()));
    }

    #[test]
    fn one_infinity_has_it_all() {
        let inf = f32::INFINITY;
        let (one, two) = ([1.0, inf, -inf], [inf, 1.0, inf]);
        let mut y = [0.0f32; 3];
        softmax(View::of(&one), &mut ViewMut::of(&mut y));
        assert_eq!(y, [0.0, 1.0, 0.0]);
        log_softmax(View::of(&one), &mut ViewMut::of(&mut y));
        assert_eq!(y, [-inf, 0.0, -inf]);
        softmax(View::of(&two), &mut ViewMut::of(&mut y));
        assert!(y.iter().all(|y| y.is_nan()));
        y = [0.0; 3];
        log_softmax(View::of(&two), &mut ViewMut::of(&mut y));
        assert!(y.iter().all(|y| y.is_nan()));
    }
}
