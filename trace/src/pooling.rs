//! Pooling: the largest element or the mean of windows over the last axes.

use std::borrow::Borrow;

use damo_graph::op::max_pool::MaxPool;
use damo_graph::op::windows::Windows;
use damo_graph::{Dim, Dims, Float, Number, Numeric, Problem, Type};

use crate::convolution::Conv;
use crate::into_tensor::IntoTensor;
use crate::padding::{Padding, Slide, per_axis};
use crate::tensor::Tensor;

/// How a pooling window slides: by its own length, without padding, if nothing else is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pool {
    stride: Option<Vec<usize>>,
    padding: Padding,
}

impl Pool {
    /// A window that moves by its own length and stays inside.
    pub fn new() -> Self {
        Pool::default()
    }

    /// From one window to the next, along each axis.
    #[must_use]
    pub fn stride(mut self, steps: impl AsRef<[usize]>) -> Self {
        self.stride = Some(steps.as_ref().to_vec());
        self
    }

    /// What stands around the array: [`Padding::Same`], a count for both sides of each axis, or a pair of counts.
    #[must_use]
    pub fn padding(mut self, padding: impl Into<Padding>) -> Self {
        self.padding = padding.into();
        self
    }
}

impl<T: Numeric> Tensor<'_, T> {
    /// The largest element of each window over the last axes, one after the other; what does not fill a window is left out.
    ///
    /// `x: [a.., n, m] -> [a.., n / k, m / l]` for `[k, l]`. Equal largest ones share the derivative; NaN if one is in the window.
    ///
    /// ```
    /// use damo_trace::*;
    /// use ndarray::arr2;
    /// let tape = Tape::new();
    /// let x = tape.input_with("x", &arr2(&[[1., 5., 2., 0.], [4., 3., 6., 1.]]));
    /// assert_eq!(x.max_pool([2, 2]).value()?, arr2(&[[5., 6.]]).into_dyn());
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Kept by the tape: [`ErrorKind::Shapes`](damo_graph::ErrorKind::Shapes) if the window is larger than the array,
    /// [`ErrorKind::Axis`](damo_graph::ErrorKind::Axis) for a length of 0 or more lengths than axes.
    #[track_caller]
    pub fn max_pool(self, window: impl AsRef<[usize]>) -> Self {
        self.max_pool_with(window, Pool::new())
    }

    /// The same with a stride or padding. What is padded does not count: the padding is shorter than the window.
    ///
    /// `x: [a.., n] -> [a.., m]`, where `m = floor((n + before + after - window) / stride) + 1`
    #[track_caller]
    pub fn max_pool_with(self, window: impl AsRef<[usize]>, how: impl Borrow<Pool>) -> Self {
        let _scope = self.tape.composite("max_pool");
        let Some(ty) = self.known_type() else { return self.tape.poison() };
        match windows(&ty, window.as_ref(), how.borrow()) {
            Ok(windows) => self.tape.structural(MaxPool(windows), &[self.index]),
            Err(problem) => self.tape.refuse("max_pool", &problem, &[self.index]),
        }
    }
}

impl<T: Float> Tensor<'_, T> {
    /// The mean of each window over the last one to three axes, one after the other; what does not fill a window is left out.
    ///
    /// `x: [a.., n, m] -> [a.., n / k, m / l]` for `[k, l]`
    ///
    /// ```
    /// use damo_trace::*;
    /// use ndarray::arr2;
    /// let tape = Tape::new();
    /// let x = tape.input_with("x", &arr2(&[[1., 5., 2., 0.], [4., 2., 6., 4.]]));
    /// assert_eq!(x.avg_pool([2, 2]).value()?, arr2(&[[3., 3.]]).into_dyn());
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As of [`max_pool`](Tensor::max_pool).
    #[track_caller]
    pub fn avg_pool(self, window: impl AsRef<[usize]>) -> Self {
        self.avg_pool_with(window, Pool::new())
    }

    /// The same with a stride or padding. What is padded counts as zeros.
    ///
    /// `x: [a.., n] -> [a.., m]`, where `m = floor((n + before + after - window) / stride) + 1`
    #[track_caller]
    pub fn avg_pool_with(self, window: impl AsRef<[usize]>, how: impl Borrow<Pool>) -> Self {
        let (window, how) = (window.as_ref(), how.borrow());
        let _scope = self.tape.composite("avg_pool");
        let Some(ty) = self.known_type() else { return self.tape.poison() };
        let windows = match windows(&ty, window, how) {
            Ok(windows) => windows,
            Err(problem) => return self.tape.refuse("avg_pool", &problem, &[self.index]),
        };
        // All other axes together are images of one channel, and the filter is of ones.
        let (leading, spatial) = ty.dims.split_at(ty.rank() - window.len());
        let count = leading.iter().fold(Dim::from(1), |count, dim| count * dim.clone());
        let images: Dims = [count, Dim::from(1)].iter().chain(spatial).cloned().collect();
        let filter: Dims = [1, 1].iter().chain(window).map(|&length| Dim::from(length)).collect();
        let one: Self = T::from_number(Number::Real(1.0)).into_tensor(self.tape);
        let sums = self.reshape(images).conv_with(
            one.broadcast(filter),
            Conv::new().stride(windows.begins.iter().map(|range| range.step as usize).collect::<Vec<_>>()).padding(how.padding.clone()),
        );
        let places = T::from_number(Number::Real(window.iter().product::<usize>() as f64));
        let to: Dims = leading.iter().chain(windows.begins.iter().map(|range| &range.length)).cloned().collect();
        (sums / places).reshape(to)
    }
}

/// Windows over the last axes.
fn windows(ty: &Type, window: &[usize], how: &Pool) -> Result<Windows, Problem> {
    let axes = window.len();
    if axes > ty.rank() {
        let message = format!("a window along {axes} axes was given, and there are {}", ty.rank());
        return Err(Problem::axis(message).advise("give a length for each of the last axes that are pooled"));
    }
    let stride = per_axis("stride", how.stride.as_deref(), axes, window)?;
    let mut begins = Vec::with_capacity(axes);
    for (axis, length) in ty.dims[ty.rank() - axes..].iter().enumerate() {
        let slide = Slide { axis, length: length.clone(), reach: window[axis].into(), stride: stride[axis] };
        begins.push(slide.begins(&how.padding)?);
    }
    Ok(Windows { begins: begins.into(), lengths: window.into() })
}
