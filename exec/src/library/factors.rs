//! The product of a row.

use damo_graph::Float;
use pulp::{Arch, NullaryFnOnce};

use crate::view::View;

/// So many products are computed side by side, to hide the latency of a multiplication.
const LANES: usize = 32;

/// The product of all elements, in `f64`: 1 of none.
///
/// Side by side if no partial product leaves the range of normal numbers, and else one after the other, as it is meant: a part of the factors may
/// overflow where all of them do not.
pub fn product<T: Float>(x: &View<'_, T, 1>) -> f64 {
    let side_by_side = x.as_slice().filter(|row| row.len() >= 2 * LANES).and_then(|row| Arch::new().dispatch(SideBySide(row)));
    side_by_side.unwrap_or_else(|| x.iter().map(T::to_f64).product())
}

struct SideBySide<'a, T>(&'a [T]);

impl<T: Float> NullaryFnOnce for SideBySide<'_, T> {
    type Output = Option<f64>;

    #[inline(always)]
    fn call(self) -> Option<f64> {
        let (whole, rest) = self.0.as_chunks::<LANES>();
        let (mut products, mut least, mut most) = ([1.0; LANES], [f64::MAX; LANES], [f64::MIN_POSITIVE; LANES]);
        for row in whole {
            for lane in 0..LANES {
                products[lane] *= row[lane].to_f64();
                let size = f64::abs(products[lane]);
                least[lane] = if size < least[lane] { size } else { least[lane] };
                most[lane] = if size > most[lane] { size } else { most[lane] };
            }
        }
        let is_normal = least.iter().all(|&size| size >= f64::MIN_POSITIVE) && most.iter().all(|&size| size <= f64::MAX);
        if !is_normal {
            return None;
        }
        products.into_iter().chain(rest.iter().map(|x| x.to_f64())).try_fold(1.0, |product: f64, factor| {
            let product = product * factor;
            product.is_normal().then_some(product)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_rows_are_multiplied_as_they_are_meant() {
        let of = |factors: &[f64]| product(&View::of(factors));
        for length in [0, 1, 63, 64, 65, 1000] {
            let factors: Vec<f64> = (0..length).map(|k| if k % 3 == 0 { -1.25 } else { 1.0 - f64::from(k % 7) / 16.0 }).collect();
            let in_order: f64 = factors.iter().product();
            assert!((of(&factors) - in_order).abs() <= 1e-13 * in_order.abs(), "{length}");
        }
        // Lanes that overflow, lanes that underflow, and what is no number.
        let alternating = |x: f64, y: f64| (0..256).map(|k| if k % 2 == 0 { x } else { y }).collect::<Vec<f64>>();
        assert_eq!(of(&alternating(f64::powi(2.0, 600), f64::powi(2.0, -600))), 1.0);
        assert_eq!(of(&alternating(f64::powi(2.0, -160), f64::powi(2.0, 160))), 1.0);
        let mut with = alternating(2.0, 0.5);
        with[100] = 0.0;
        assert_eq!(of(&with), 0.0);
        with[200] = f64::INFINITY;
        assert!(of(&with).is_nan());
        with[100] = 1.0;
        assert_eq!(of(&with), f64::INFINITY);
        assert!(product(&View::of(&[f32::NAN; 100])).is_nan());
        assert_eq!(product(&View::of(&[f32::MIN_POSITIVE / 4.0; 100])), 0.0);
    }
}
