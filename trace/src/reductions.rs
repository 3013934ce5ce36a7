//! Reductions: over all axes, one axis or some, dropping the axes or keeping them with length 1.

use damo_graph::op::arg_extreme::{ArgExtreme, Extreme};
use damo_graph::op::insert_axis::InsertAxis;
use damo_graph::op::log_softmax::LogSoftmax;
use damo_graph::op::log_sum_exp::LogSumExp;
use damo_graph::op::reduce::{Reduce, Reduction};
use damo_graph::op::softmax::Softmax;
use damo_graph::{Element, Float, Numeric};
use ndarray::Axis;
use smallvec::SmallVec;

use crate::tensor::Tensor;

/// Axes as the ops want them: sorted.
pub(crate) type Axes = SmallVec<[usize; 4]>;

/// The five forms of each reduction, made from a private method that drops the given axes.
macro_rules! reductions {
    ([$($parameter:ident: $class:ident)?] $element:ty:
     $($(#[$doc:meta])* $over:ident: $all:ident $axis:ident $axes:ident $axis_keep:ident $axes_keep:ident;)*) => {
        impl<'t $(, $parameter: $class)?> Tensor<'t, $element> { $(
            $(#[$doc])*
            ///
            /// Over all axes: `x: [..] -> []`
            #[track_caller]
            pub fn $all(self) -> Self {
                match self.every_axis() {
                    Some(axes) => self.$over(&axes),
                    None => self,
                }
            }

            $(#[$doc])*
            ///
            /// Along one axis, which disappears: `x: [a, n, b] -> [a, b]`
            #[track_caller]
            pub fn $axis(self, axis: Axis) -> Self {
                self.$over(&[axis.0])
            }

            $(#[$doc])*
            ///
            /// Along some axes, which disappear: `x: [a, n, m, b] -> [a, b]`
            #[track_caller]
            pub fn $axes(self, axes: &[Axis]) -> Self {
                self.$over(&sorted(axes))
            }

            $(#[$doc])*
            ///
            /// Along one axis, which stays with length 1: `x: [a, n, b] -> [a, 1, b]`
            #[track_caller]
            pub fn $axis_keep(self, axis: Axis) -> Self {
                self.$over(&[axis.0]).keep(&[axis.0])
            }

            $(#[$doc])*
            ///
            /// Along some axes, which stay with length 1: `x: [a, n, m, b] -> [a, 1, 1, b]`
            #[track_caller]
            pub fn $axes_keep(self, axes: &[Axis]) -> Self {
                let axes = sorted(axes);
                self.$over(&axes).keep(&axes)
            }
        )* }
    };
}
pub(crate) use reductions;

reductions! { [T: Numeric] T:
    /// The sum; of integers it wraps, of nothing it is 0.
    sum_over: sum sum_axis sum_axes sum_axis_keep sum_axes_keep;
    /// The product; of integers it wraps, of nothing it is 1.
    prod_over: prod prod_axis prod_axes prod_axis_keep prod_axes_keep;
    /// The largest element; NaN if there is one. Equal ones share the derivative. Of nothing it is an error of the call.
    max_over: max_all max_axis max_axes max_axis_keep max_axes_keep;
    /// The smallest element; NaN if there is one. Equal ones share the derivative. Of nothing it is an error of the call.
    min_over: min_all min_axis min_axes min_axis_keep min_axes_keep;
}

reductions! { [] bool:
    /// Whether all are true; of nothing they are.
    all_over: all all_axis all_axes all_axis_keep all_axes_keep;
    /// Whether any is true; of nothing none is.
    any_over: any any_axis any_axes any_axis_keep any_axes_keep;
}

reductions! { [T: Float] T:
    /// ln Σ exp, without overflow; of nothing it is −∞.
    log_sum_exp_over: log_sum_exp_all log_sum_exp log_sum_exp_axes log_sum_exp_keep log_sum_exp_axes_keep;
}

/// The private methods that the forms above are made from.
macro_rules! plain_reductions {
    ([$($parameter:ident: $class:ident)?] $element:ty: $($over:ident $reduction:ident $word:literal;)*) => {
        impl<'t $(, $parameter: $class)?> Tensor<'t, $element> { $(
            #[track_caller]
            pub(crate) fn $over(self, axes: &[usize]) -> Self {
                let _scope = self.tape.composite($word);
                self.reduce(Reduction::$reduction, axes)
            }
        )* }
    };
}
plain_reductions! { [T: Numeric] T:
    sum_over Sum "sum";
    prod_over Product "prod";
    max_over Max "max";
    min_over Min "min";
}
plain_reductions! { [] bool:
    all_over All "all";
    any_over Any "any";
}

impl<T: Float> Tensor<'_, T> {
    #[track_caller]
    fn log_sum_exp_over(self, axes: &[usize]) -> Self {
        if axes.is_empty() { self } else { self.tape.structural(LogSumExp { axes: axes.into() }, &[self.index]) }
    }

    /// exp, scaled to sum 1 along an axis, without overflow.
    ///
    /// `x: [a, n, b] -> [a, n, b]`
    #[track_caller]
    pub fn softmax(self, axis: Axis) -> Self {
        self.tape.structural(Softmax { axis: axis.0 }, &[self.index])
    }

    /// The logarithm of [`softmax`](Tensor::softmax), accurate where that rounds to 0 or 1.
    ///
    /// `x: [a, n, b] -> [a, n, b]`
    #[track_caller]
    pub fn log_softmax(self, axis: Axis) -> Self {
        self.tape.structural(LogSoftmax { axis: axis.0 }, &[self.index])
    }
}

impl<'t, T: Numeric> Tensor<'t, T> {
    /// Where the largest element along an axis is: the first of equals, and the first NaN if there is one.
    ///
    /// `x: [a, n, b] -> [a, b]` of `i64`
    #[track_caller]
    pub fn argmax_axis(self, axis: Axis) -> Tensor<'t, i64> {
        self.tape.structural(ArgExtreme { extreme: Extreme::Max, axis: axis.0 }, &[self.index])
    }

    /// Where the smallest element along an axis is: the first of equals, and the first NaN if there is one.
    ///
    /// `x: [a, n, b] -> [a, b]` of `i64`
    #[track_caller]
    pub fn argmin_axis(self, axis: Axis) -> Tensor<'t, i64> {
        self.tape.structural(ArgExtreme { extreme: Extreme::Min, axis: axis.0 }, &[self.index])
    }
}

impl<T: Element> Tensor<'_, T> {
    #[track_caller]
    pub(crate) fn reduce(self, reduction: Reduction, axes: &[usize]) -> Self {
        if axes.is_empty() { self } else { self.tape.structural(Reduce { reduction, axes: axes.into() }, &[self.index]) }
    }

    /// Every axis; `None` if the tensor is poisoned.
    pub(crate) fn every_axis(self) -> Option<Axes> {
        self.known_type().map(|ty| (0..ty.rank()).collect())
    }

    /// Axes of length 1 where sorted axes were reduced away.
    #[track_caller]
    pub(crate) fn keep(self, axes: &[usize]) -> Self {
        // A loop: a closure would not know the caller's line.
        let mut kept = self;
        for &axis in axes {
            kept = self.tape.structural(InsertAxis { axis }, &[kept.index]);
        }
        kept
    }
}

pub(crate) fn sorted(axes: &[Axis]) -> Axes {
    let mut axes: Axes = axes.iter().map(|axis| axis.0).collect();
    axes.sort_unstable();
    axes
}
