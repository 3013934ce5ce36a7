//! Matrix by matrix, through the `gemm` crate.

#![expect(unsafe_code, reason = "gemm takes pointers and strides")]

use super::lanes::Multiply;
use crate::view::{View, ViewMut};

/// `out = alpha · left · right + beta · out`; with `beta` 0 what was in `out` does not matter, NaN neither.
///
/// `left: [m, k], right: [k, n] -> out: [m, n]`; any strides. With `k` of 0 the product is 0. Nothing happens if the lengths disagree.
pub fn matmul<T: Multiply>(left: View<'_, T, 2>, right: View<'_, T, 2>, mut out: ViewMut<'_, T, 2>, alpha: T, beta: T) {
    let ([m, k], [depth, n]) = (left.lengths(), right.lengths());
    if out.lengths() != [m, n] || k != depth || m == 0 || n == 0 {
        return;
    }
    let ([left_down, left_right], [right_down, right_right], [out_down, out_right]) = (left.strides(), right.strides(), out.strides());
    // gemm names the factor of what was there `alpha` and that of the product `beta`.
    let keep = beta != T::ZERO;
    if k == 0 {
        out.rows_mut().for_each(|mut row| row.change(|old| if keep { beta * old } else { T::ZERO }));
        return;
    }
    // SAFETY: the views reach only elements inside their regions for these lengths and strides, and `out` is unique.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.pointer(),
            out_right,
            out_down,
            keep,
            left.pointer(),
            left_right,
            left_down,
            right.pointer(),
            right_right,
            right_down,
            beta,
            alpha,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::tests::{Array, naive};

    #[test]
    fn alpha_and_beta_scale() {
        let (left, right) = (Array::<f64>::new(3, 4, false, 1), Array::<f64>::new(4, 2, true, 2));
        let mut out = [f64::NAN; 6];
        matmul(left.view(), right.view(), ViewMut::rows_of(&mut out, 3, 2).unwrap(), 2.0, 0.0);
        let expected: Vec<f64> = naive(&left, &right).into_iter().map(|x| 2.0 * x).collect();
        assert!(out.iter().zip(&expected).all(|(x, y)| (x - y).abs() < 1e-14));
        matmul(left.view(), right.view(), ViewMut::rows_of(&mut out, 3, 2).unwrap(), 1.0, -0.5);
        assert!(out.iter().all(|x| x.abs() < 1e-14), "{out:?}");
        let (left, right) = (Array::<f64>::new(3, 0, false, 1), Array::<f64>::new(0, 2, true, 2));
        let mut out = [3.0; 6];
        matmul(left.view(), right.view(), ViewMut::rows_of(&mut out, 3, 2).unwrap(), 1.0, 2.0);
        assert_eq!(out, [6.0; 6]);
    }

    #[test]
    fn lengths_that_disagree_change_nothing() {
        let left = Array::<f32>::new(3, 4, false, 1);
        let mut out = [7.0; 9];
        matmul(left.view(), left.view(), ViewMut::rows_of(&mut out, 3, 3).unwrap(), 1.0, 0.0);
        assert_eq!(out, [7.0; 9]);
    }
}
