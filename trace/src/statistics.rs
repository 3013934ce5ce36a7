//! Means, variances and norms: composites that keep their name.

use damo_graph::op::norm::Norm;
use damo_graph::op::reduce::Reduction;
use damo_graph::{Dim, Float};
use ndarray::Axis;

use crate::compare::select;
use crate::into_tensor::IntoTensor;
use crate::reductions::{reductions, sorted};
use crate::tensor::Tensor;

reductions! { [T: Float] T:
    /// The arithmetic mean, to an ulp; of nothing it is NaN. Only the quotient may overflow, not the sum.
    mean_over: mean mean_axis mean_axes mean_axis_keep mean_axes_keep;
    /// The variance, divided by the count (`ddof` 0), computed from the deviations from the mean, and corrected for its rounding.
    var_over: var var_axis var_axes var_axis_keep var_axes_keep;
    /// The standard deviation, the root of [`var`](Tensor::var); its derivative where it is 0 is 0.
    std_over: std std_axis std_axes std_axis_keep std_axes_keep;
    /// The Euclidean norm √Σx²; its derivative where it is 0 is 0. Never over- or underflows where it does not itself; an infinite element
    /// makes it infinite, even beside NaN.
    norm_over: norm norm_axis norm_axes norm_axis_keep norm_axes_keep;
}

impl<'t, T: Float> Tensor<'t, T> {
    /// The variance over all axes, divided by the count less `ddof`: 1 for an estimate from a sample.
    ///
    /// `x: [..] -> []`
    #[track_caller]
    pub fn var_ddof(self, ddof: f64) -> Self {
        match self.every_axis() {
            Some(axes) => self.deviation(&axes, ddof),
            None => self,
        }
    }

    /// The variance along an axis, divided by the count less `ddof`.
    ///
    /// `x: [a, n, b] -> [a, b]`
    #[track_caller]
    pub fn var_axis_ddof(self, axis: Axis, ddof: f64) -> Self {
        self.deviation(&[axis.0], ddof)
    }

    /// The root of [`var_ddof`](Tensor::var_ddof).
    ///
    /// `x: [..] -> []`
    #[track_caller]
    pub fn std_ddof(self, ddof: f64) -> Self {
        let _scope = self.tape.composite("std");
        self.var_ddof(ddof).root_or_zero()
    }

    /// The root of [`var_axis_ddof`](Tensor::var_axis_ddof).
    ///
    /// `x: [a, n, b] -> [a, b]`
    #[track_caller]
    pub fn std_axis_ddof(self, axis: Axis, ddof: f64) -> Self {
        let _scope = self.tape.composite("std");
        self.var_axis_ddof(axis, ddof).root_or_zero()
    }

    #[track_caller]
    fn mean_over(self, axes: &[usize]) -> Self {
        let _scope = self.tape.composite("mean");
        self.reduce(Reduction::Mean, axes)
    }

    #[track_caller]
    fn var_over(self, axes: &[usize]) -> Self {
        self.deviation(axes, 0.0)
    }

    #[track_caller]
    fn std_over(self, axes: &[usize]) -> Self {
        let _scope = self.tape.composite("std");
        self.deviation(axes, 0.0).root_or_zero()
    }

    #[track_caller]
    fn norm_over(self, axes: &[usize]) -> Self {
        self.tape.structural(Norm { axes: axes.into() }, &[self.index])
    }

    /// The variance, in two passes: the difference of two large sums would have no digits left.
    #[track_caller]
    fn deviation(self, axes: &[usize], ddof: f64) -> Self {
        let _scope = self.tape.composite("var");
        if is_half::<T>() {
            return self.cast::<f32>().deviation(axes, ddof).cast();
        }
        let difference = self - self.mean_over(axes).keep(axes);
        let squares = difference * difference;
        if ddof == 0.0 {
            let offset = difference.mean_over(axes);
            return squares.mean_over(axes).less_square(offset * offset);
        }
        let (count, offset) = (self.count_along(axes), difference.sum_over(axes));
        squares.sum_over(axes).less_square(offset * offset / count) / (count - T::from_f64(ddof))
    }

    /// Squares of deviations less what is in them because the mean was rounded: the deviations should sum to 0.
    ///
    /// The corrected two-pass algorithm of Chan, Golub and `LeVeque` 1983, "Algorithms for computing the sample variance". Derivatives do
    /// not pass the correction: whatever x is, it should be 0. It is never more than the squares themselves.
    #[track_caller]
    fn less_square(self, correction: Self) -> Self {
        self - self.min(correction).stop_gradient()
    }

    /// How many elements there are along the axes, as a number.
    #[track_caller]
    fn count_along(self, axes: &[usize]) -> Self {
        match self.known_type() {
            Some(ty) => self.tape.length(axes.iter().filter_map(|&axis| ty.dims.get(axis).cloned()).fold(Dim::from(1), |count, dim| count * dim)),
            None => self,
        }
    }

    /// √x with derivative 0 at 0: the root is taken of 1 there, so that no infinite slope is ever multiplied by 0.
    #[track_caller]
    fn root_or_zero(self) -> Self {
        let zero = self.equal(T::default());
        let one: Tensor<'t, T> = T::from_f64(1.0).into_tensor(self.tape);
        select(zero, T::default(), select(zero, one, self).sqrt())
    }
}

/// Whether sums of this type run out of digits or range after a few hundred elements.
fn is_half<T>() -> bool {
    size_of::<T>() == 2
}
