//! Convolution of images and the like.

use std::borrow::Borrow;

use damo_graph::op::conv;
use damo_graph::{Dim, Numeric, Problem, Type};

use crate::into_tensor::IntoTensor;
use crate::padding::{Padding, Slide, per_axis};
use crate::tensor::Tensor;

/// How a filter slides: with the stride 1, without padding and dilation, over all channels together, if nothing else is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conv {
    stride: Option<Vec<usize>>,
    padding: Padding,
    dilation: Option<Vec<usize>>,
    input_dilation: Option<Vec<usize>>,
    groups: Option<usize>,
}

impl Conv {
    /// A filter that moves by 1 and stays inside.
    pub fn new() -> Self {
        Conv::default()
    }

    /// From one window to the next, along each spatial axis.
    #[must_use]
    pub fn stride(mut self, steps: impl AsRef<[usize]>) -> Self {
        self.stride = Some(steps.as_ref().to_vec());
        self
    }

    /// What stands around the input: [`Padding::Same`], a count for both sides of each axis, or a pair of counts.
    #[must_use]
    pub fn padding(mut self, padding: impl Into<Padding>) -> Self {
        self.padding = padding.into();
        self
    }

    /// How far the taps of the filter are apart, along each spatial axis.
    #[must_use]
    pub fn dilation(mut self, steps: impl AsRef<[usize]>) -> Self {
        self.dilation = Some(steps.as_ref().to_vec());
        self
    }

    /// How far the elements of the input are spread apart, with zeros between them: what a transposed convolution does.
    #[must_use]
    pub fn input_dilation(mut self, steps: impl AsRef<[usize]>) -> Self {
        self.input_dilation = Some(steps.as_ref().to_vec());
        self
    }

    /// Divides the channels into so many groups, each convolved with its own filters.
    #[must_use]
    pub const fn groups(mut self, groups: usize) -> Self {
        self.groups = Some(groups);
        self
    }

    /// The op for an input and a filter.
    fn op(&self, x: &Type, w: &Type) -> Result<conv::Conv, Problem> {
        let axes = x.rank().saturating_sub(2);
        let ones = vec![1; axes];
        let stride = per_axis("stride", self.stride.as_deref(), axes, &ones)?;
        let dilation = per_axis("dilation", self.dilation.as_deref(), axes, &ones)?;
        let spread = per_axis("input dilation", self.input_dilation.as_deref(), axes, &ones)?;
        if let Padding::Explicit(counts) = &self.padding
            && counts.len() > axes
        {
            let message = format!("{} paddings were given, and it slides along {axes} axes", counts.len());
            return Err(Problem::axis(message).advise("give a padding for each of these axes"));
        }
        let apart = |length: &Dim, steps: usize| {
            if length.known() == Some(0) { length.clone() } else { (length.clone() - 1) * Dim::from(steps) + Dim::from(1) }
        };
        let mut begins = Vec::with_capacity(axes);
        for (axis, length) in x.dims.iter().skip(2).enumerate() {
            // A filter of another rank is refused by the op.
            let taps = if w.rank() == x.rank() { w.dims[2 + axis].clone() } else { Dim::from(1) };
            let slide = Slide { axis, length: apart(length, spread[axis]), reach: apart(&taps, dilation[axis]), stride: stride[axis] };
            begins.push(slide.begins(&self.padding)?);
        }
        let groups = self.groups.unwrap_or(1);
        Ok(conv::Conv { begins: begins.into(), dilation: dilation.into(), spread: spread.into(), groups })
    }
}

impl<'t, T: Numeric> Tensor<'t, T> {
    /// Slides a filter over images, and sums the products at each place. The filter is not flipped, as in other libraries of this kind.
    ///
    /// `x: [batch, channels, n..], w: [outputs, channels, k..] -> [batch, outputs, n - k + 1..]`, with one to three spatial axes
    ///
    /// ```
    /// use damo_trace::*;
    /// use ndarray::{array, Array4};
    /// let tape = Tape::new();
    /// let image = tape.input_with("image", &array![[[[1., 2., 3.], [4., 5., 6.]]]]);
    /// let edge = tape.input_with("edge", &Array4::from_shape_vec((1, 1, 1, 2), vec![-1., 1.]).unwrap());
    /// assert_eq!(image.conv(edge).value()?, array![[[[1., 1.], [1., 1.]]]].into_dyn());
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Kept by the tape: [`ErrorKind::Shapes`](damo_graph::ErrorKind::Shapes) if the channels differ or the filter is larger than the input.
    /// Of an unknown length it becomes a requirement, checked at the start of a call.
    #[track_caller]
    pub fn conv(self, filter: impl IntoTensor<'t, T>) -> Self {
        self.conv_with(filter, Conv::new())
    }

    /// The same with strides, padding, dilation or groups.
    ///
    /// `x: [batch, groups·c, n..], w: [groups·o, c, k..] -> [batch, groups·o, m..]`, where
    /// `m = floor((n + before + after - dilation·(k - 1) - 1) / stride) + 1`
    ///
    /// ```
    /// use damo_trace::*;
    /// let tape = Tape::new();
    /// let n = tape.dim("n");
    /// let (x, w) = (tape.input::<f32>("x", (n, 3, 32, 32)), tape.input::<f32>("w", (8, 3, 5, 5)));
    /// let y = x.conv_with(w, Conv::new().stride([2, 2]).padding(Padding::Same));
    /// assert_eq!(y.dims()?.to_string(), "[n, 8, 16, 16]");
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As of [`conv`](Tensor::conv); [`ErrorKind::Axis`](damo_graph::ErrorKind::Axis) for a step of 0 or numbers for other axes than there are.
    #[track_caller]
    pub fn conv_with(self, filter: impl IntoTensor<'t, T>, how: impl Borrow<Conv>) -> Self {
        let filter = filter.into_tensor(self.tape);
        let _scope = self.tape.composite("conv");
        if !self.tape.is(filter.tape) {
            return self.tape.refuse_foreign("conv", &[self.handle(), filter.handle()]);
        }
        let (Some(x), Some(w)) = (self.known_type(), filter.known_type()) else { return self.tape.poison() };
        match how.borrow().op(&x, &w) {
            Ok(op) => self.tape.structural(op, &[self.index, filter.index]),
            Err(problem) => self.tape.refuse("conv", &problem, &[self.index, filter.index]),
        }
    }
}
