//! Matrix by matrix, through the `gemm` crates of the two element types.
//!
//! Their facade, the crate `gemm`, would compile complex kernels too, which Damo has no use for: half of its compile time.

#![expect(unsafe_code, reason = "gemm takes pointers and strides")]

use gemm_common::Parallelism;

use super::blend::Blend;
use super::lanes::Multiply;
use crate::view::{View, ViewMut};

/// `out = alpha · left · right + beta · addend`; without an addend what was in `out` does not matter, NaN neither.
///
/// `left: [m, k], right: [k, n], addend: [m, n] -> out: [m, n]`; any strides. With `k` of 0 the product is 0. Nothing happens if the
/// lengths disagree.
pub fn matmul<T: Multiply>(left: View<'_, T, 2>, right: View<'_, T, 2>, blend: Blend<'_, T, 2>, mut out: ViewMut<'_, T, 2>) {
    let ([m, k], [depth, n]) = (left.lengths(), right.lengths());
    if out.lengths() != [m, n] || k != depth || blend.addend.is_some_and(|(_, addend)| addend.lengths() != [m, n]) || m == 0 || n == 0 {
        return;
    }
    let Blend { alpha, addend } = blend;
    let (keep, beta) = addend.map_or((false, T::ZERO), |(beta, _)| (true, beta));
    // gemm adds to what is there.
    if let Some((_, addend)) = addend.filter(|(_, addend)| !addend.is_at(&out)) {
        copy(addend, out.borrow());
    }
    if k == 0 {
        let nothing = alpha * T::ZERO;
        out.rows_mut().for_each(|mut row| row.change(|old| if keep { nothing + beta * old } else { nothing }));
        return;
    }
    let (left, right, mut out) = in_columns(left, right, out);
    let ([left_down, left_right], [right_down, right_right], [out_down, out_right]) = (left.strides(), right.strides(), out.strides());
    let ([m, n], product) = (out.lengths(), T::matrix_product());
    // gemm names the factor of what was there `alpha` and that of the product `beta`.
    // SAFETY: the views reach only elements inside their regions for these lengths and strides, and `out` is unique.
    unsafe {
        product(
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
            Parallelism::None,
        );
    }
}

/// The operands of a product.
type Operands<'a, T> = (View<'a, T, 2>, View<'a, T, 2>, ViewMut<'a, T, 2>);

/// The same product as gemm's kernels like it: the columns of `out` are its closer elements, and no axis of `out` or last axis of `left`
/// runs backwards.
fn in_columns<'a, T: Multiply>(mut left: View<'a, T, 2>, mut right: View<'a, T, 2>, mut out: ViewMut<'a, T, 2>) -> Operands<'a, T> {
    let [down, over] = out.strides();
    if over.abs() < down.abs() {
        (left, right, out) = (right.transposed(), left.transposed(), out.transposed());
    }
    let [down, over] = out.strides();
    if down < 0 {
        (left, out) = (left.reversed(0), out.reversed(0));
    }
    if over < 0 {
        (right, out) = (right.reversed(1), out.reversed(1));
    }
    if left.strides()[1] < 0 {
        (left, right) = (left.reversed(1), right.reversed(0));
    }
    (left, right, out)
}

/// So many columns are copied at a time: where columns are contiguous their cache lines are used up before they go.
const STRIPE: usize = 32;

/// Copies elements to where a product will be added to them.
fn copy<T: Multiply>(from: View<'_, T, 2>, mut to: ViewMut<'_, T, 2>) {
    if let (Some(from), Some(mut to)) = (from.flat(), to.flat())
        && let (Some(from), Some(to)) = (from.as_slice(), to.as_mut_slice())
    {
        to.copy_from_slice(from);
        return;
    }
    let ([_, columns], [_, right]) = (from.lengths(), from.strides());
    let stripe = if right == 1 { columns } else { STRIPE };
    for start in (0..columns).step_by(stripe.max(1)) {
        for (from, mut to) in from.columns(start, start + stripe).rows().zip(to.rows_mut()) {
            let mut to = to.range(start, start + stripe);
            match (from.as_slice(), to.as_mut_slice()) {
                (Some(from), Some(to)) => to.copy_from_slice(from),
                _ => to.write(from.iter()),
            }
        }
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
        matmul(left.view(), right.view(), Blend { alpha: 2.0, addend: None }, ViewMut::rows_of(&mut out, 3, 2).unwrap());
        let expected: Vec<f64> = naive(&left, &right).into_iter().map(|x| 2.0 * x).collect();
        assert!(out.iter().zip(&expected).all(|(x, y)| (x - y).abs() < 1e-14));
        let doubled = out;
        let addend = Some((-0.5, View::rows_of(&doubled, 3, 2).unwrap()));
        matmul(left.view(), right.view(), Blend { alpha: 1.0, addend }, ViewMut::rows_of(&mut out, 3, 2).unwrap());
        assert!(out.iter().all(|x| x.abs() < 1e-14), "{out:?}");
        let (left, right) = (Array::<f64>::new(3, 0, false, 1), Array::<f64>::new(0, 2, true, 2));
        let mut out = [f64::NAN; 6];
        let turned = [1.0, 3.0, 5.0, 2.0, 4.0, 6.0];
        let addend = Some((2.0, View::rows_of(&turned, 2, 3).unwrap().transposed()));
        matmul(left.view(), right.view(), Blend { alpha: 1.0, addend }, ViewMut::rows_of(&mut out, 3, 2).unwrap());
        assert_eq!(out, [2.0, 4.0, 6.0, 8.0, 10.0, 12.0]);
    }

    #[test]
    fn axes_may_run_backwards() {
        let (left, right) = (Array::<f64>::new(3, 4, false, 1), Array::<f64>::new(4, 5, true, 2));
        let expected = naive(&left, &right);
        for axes in 0..16 {
            let turn = |view: View<'_, f64, 2>, turns: [bool; 2]| {
                let view = if turns[0] { view.reversed(0) } else { view };
                // The elements again, in memory in the other order.
                let elements: Vec<f64> = view.rows().flat_map(|row| row.iter().collect::<Vec<_>>()).collect();
                (elements, turns[0])
            };
            let (left, turned_left) = turn(left.view(), [axes & 1 != 0, false]);
            let (right, turned_right) = turn(right.view(), [axes & 2 != 0, false]);
            let left = View::rows_of(&left, 3, 4).unwrap();
            let right = View::rows_of(&right, 4, 5).unwrap();
            let (left, right) = (if turned_left { left.reversed(0) } else { left }, if turned_right { right.reversed(0) } else { right });
            let mut out = [f64::NAN; 15];
            let view = ViewMut::rows_of(&mut out, 3, 5).unwrap();
            let view = if axes & 4 != 0 { view.reversed(0) } else { view };
            let view = if axes & 8 != 0 { view.transposed().reversed(0).transposed() } else { view };
            matmul(left, right, Blend { alpha: 1.0, addend: None }, view);
            for (place, found) in out.iter().enumerate() {
                let (row, column) = (place / 5, place % 5);
                let (row, column) = (if axes & 4 != 0 { 2 - row } else { row }, if axes & 8 != 0 { 4 - column } else { column });
                assert!((found - expected[row * 5 + column]).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn lengths_that_disagree_change_nothing() {
        let left = Array::<f32>::new(3, 4, false, 1);
        let mut out = [7.0; 9];
        matmul(left.view(), left.view(), Blend::PLAIN, ViewMut::rows_of(&mut out, 3, 3).unwrap());
        assert_eq!(out, [7.0; 9]);
    }
}
